"""Record sets as plain dicts in botocore's shape, their keys and their order."""

from cloud.route53 import names

POLICIES = (
    "Weight", "Region", "GeoLocation", "Failover", "MultiValueAnswer", "GeoProximityLocation", "CidrRoutingConfig",
)  # fmt: skip


class Record(dict):
    """One resource record set; the attributes are what moto's own code reads."""

    @property
    def name(self):
        """The canonical name."""
        return self["Name"]

    @property
    def type(self):
        """The record type."""
        return self["Type"]


def key(record):
    """What identifies a record set within its zone."""
    return record["Name"], record["Type"], record.get("SetIdentifier")


def policy(record):
    """The routing field the record uses, None for a simple record."""
    return next((name for name in POLICIES if record.get(name) not in (None, "")), None)


def order(record):
    """The sorting key of ListResourceRecordSets."""
    return names.order(record["Name"]), record["Type"], record.get("SetIdentifier") or ""


def place(location):
    """A geo location in one comparable form."""
    return tuple(location.get(field) for field in ("ContinentCode", "CountryCode", "SubdivisionCode"))


def same(left, right):
    """Whether two record sets say the same; the order of their values does not matter."""
    return _comparable(left) == _comparable(right)


def _comparable(record):
    fields = {name: value for name, value in record.items() if value not in (None, "", [], False)}
    fields["ResourceRecords"] = sorted(value["Value"] for value in record.get("ResourceRecords") or [])
    alias = record.get("AliasTarget")
    if alias:
        fields["AliasTarget"] = (
            alias["HostedZoneId"],
            names.canonical(alias["DNSName"]),
            bool(alias["EvaluateTargetHealth"]),
        )
    return fields
