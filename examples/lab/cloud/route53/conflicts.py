"""Which record sets cannot stand beside each other in a zone."""

from cloud.route53.records import key, place, policy

_POLICY_WORDS = {
    "Weight": "weighted",
    "Region": "latency",
    "GeoLocation": "geolocation",
    "Failover": "failover",
    "MultiValueAnswer": "multivalue answer",
    "GeoProximityLocation": "geoproximity",
    "CidrRoutingConfig": "CIDR",
}


def conflicts_of(record, others, zone_name):
    """The messages earned by putting `record` into a zone that holds `others`."""
    same_name = [other for other in others if other["Name"] == record["Name"] and key(other) != key(record)]
    return _cname_conflicts(record, same_name, zone_name) + _policy_conflicts(
        record, [other for other in same_name if other["Type"] == record["Type"]]
    )


def _cname_conflicts(record, same_name, zone_name):
    if record["Type"] == "CNAME":
        clash = any(other["Type"] != "CNAME" for other in same_name)
    else:
        clash = any(other["Type"] == "CNAME" for other in same_name)
    if not clash:
        return []
    return [
        f"RRSet of type {record['Type']} with DNS name {record['Name']} is not permitted as it conflicts with other "
        f"records with the same DNS name in zone {zone_name}"
    ]


def _policy_conflicts(record, group):
    mine = policy(record)
    if not group:
        return []
    what = f"RRSet with DNS name {record['Name']}, type {record['Type']}"
    if mine is None or any(policy(other) is None for other in group):
        identifier = f", SetIdentifier {record['SetIdentifier']}" if mine else ""
        return [f"{what}{identifier} cannot be created as other RRSets exist with the same name and type."]
    what += f", SetIdentifier {record['SetIdentifier']}"
    different = next((policy(other) for other in group if policy(other) != mine), None)
    if different:
        return [
            f"{what}, and {_POLICY_WORDS[mine]} routing cannot be created because a {_POLICY_WORDS[different]} RRSet "
            "with the same name and type already exists."
        ]
    if mine == "GeoLocation" and any(place(other[mine]) == place(record[mine]) for other in group):
        location = ", ".join(f"{name}={value}" for name, value in sorted(record[mine].items()) if value)
        return [
            f"{what}, and geo location [{location}] cannot be created because a geolocation RRSet with the same name, "
            "type, and geo location already exists."
        ]
    if mine == "Failover" and any(other[mine] == record[mine] for other in group):
        return [
            f"{what}, and {record[mine]} failover cannot be created because a failover RRSet with the same name, type, "
            "and failover value already exists."
        ]
    if mine == "Region" and any(other[mine] == record[mine] for other in group):
        return [
            f"{what}, and region {record[mine]} cannot be created because a latency RRSet with the same name, type and "
            "region already exists."
        ]
    return []
