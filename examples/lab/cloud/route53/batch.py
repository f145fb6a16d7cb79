"""Applies one change batch to a zone's records: all of it or nothing."""

from cloud.refusals import Refused
from cloud.route53 import names
from cloud.route53.conflicts import conflicts_of
from cloud.route53.records import Record, key, order, same
from cloud.route53.rules import check_shape, faults_of, not_in_enumeration

_MAX_ELEMENTS = 1000
_MAX_CHARACTERS = 32000


def apply(changes, zone, zones, check_ids):
    """The zone's records after the changes; raises `Refused` with every message when one is wrong."""
    changes = [(change["Action"], _normalised(change["ResourceRecordSet"])) for change in changes]
    _check_size(changes)
    for action, record in changes:
        if action not in ("CREATE", "UPSERT", "DELETE"):
            raise not_in_enumeration(action, ("CREATE", "DELETE", "UPSERT"))
        check_shape(action, record)
    for action, record in changes:
        check = record.get("HealthCheckId")
        if action != "DELETE" and check and check not in check_ids:
            raise Refused("NoSuchHealthCheck", f"No health check exists with the specified ID {check}")
    batch = _Batch(changes, zone, zones)
    faults = batch.run()
    if faults:
        raise Refused("InvalidChangeBatch", "[" + ", ".join(faults) + "]")
    return sorted(batch.records.values(), key=order)


class _Batch:
    def __init__(self, changes, zone, zones):
        self.changes = changes
        self.zone = zone
        self.zones = zones
        self.records = {key(record): record for record in zone.rrsets}

    def run(self):
        faults = self._repeated()
        for index, (action, record) in enumerate(self.changes):
            found = self._delete(record) if action == "DELETE" else self._put(index, action, record)
            faults += [fault for fault in found if fault not in faults]
        return faults

    def _repeated(self):
        # DELETE then CREATE replaces a record; any other pair about one record set has no order AWS accepts.
        faults, seen = [], {}
        for action, record in self.changes:
            before = seen.get(key(record))
            if before and (before != "DELETE" or action == "DELETE"):
                faults.append(
                    f"The request contains an invalid set of changes for a resource record set "
                    f"'{record['Type']} {record['Name']}'"
                )
            seen[key(record)] = action
        return faults

    def _delete(self, record):
        what = _described(record)
        there = self.records.get(key(record))
        if there is None:
            return [f"Tried to delete resource record set {what} but it was not found"]
        if not same(there, record):
            tried = f"Tried to delete resource record set {what}"
            return [f"{tried} but the values provided do not match the current values"]
        if record["Name"] == self.zone.name and record["Type"] == "NS":
            return ["A HostedZone must contain at least one NS record for the zone itself."]
        if record["Name"] == self.zone.name and record["Type"] == "SOA":
            return ["A HostedZone must contain exactly one SOA record."]
        del self.records[key(record)]
        return []

    def _put(self, index, action, record):
        faults = faults_of(record, self.zone.name)
        if action == "CREATE" and key(record) in self.records:
            faults.append(f"Tried to create resource record set {_described(record)} but it already exists")
        faults += conflicts_of(record, self.records.values(), self.zone.name)
        if record.get("AliasTarget"):
            faults += self._alias_faults(index, record)
        if not faults:
            self.records[key(record)] = record
        return faults

    def _alias_faults(self, index, record):
        alias = record["AliasTarget"]
        zone = self.zones.get(alias["HostedZoneId"])
        if zone is None:
            # A zone of one of AWS's own services (load balancers, CloudFront, ...) is not ours to look into.
            return []
        target, rtype = names.canonical(alias["DNSName"]), record["Type"]
        what = f"Tried to create an alias that targets {target}, type {rtype} in zone {zone.resource_id}, but "
        if not names.lies_within(target, zone.name):
            return [what + "the alias target name does not lie within the target zone"]
        if target == record["Name"]:
            return [what + "that is the alias itself"]
        records = self.records.values() if zone is self.zone else zone.rrsets
        there = any(other["Name"] == target and other["Type"] == rtype for other in records)
        # AWS has the target replaced, not there, while a later change of the batch is still to write it.
        pending = zone is self.zone and any(
            later["Name"] == target and later["Type"] == rtype
            for action, later in self.changes[index + 1 :]
            if action != "DELETE"
        )
        return [] if there and not pending else [what + "that target was not found"]


def _normalised(given):
    record = Record({name: value for name, value in given.items() if value is not None})
    record["Name"] = names.canonical(record["Name"])
    alias = record.get("AliasTarget")
    if alias:
        record["AliasTarget"] = dict(alias)
        if alias.get("DNSName"):
            record["AliasTarget"]["DNSName"] = names.canonical(alias["DNSName"])
        if alias.get("HostedZoneId"):
            record["AliasTarget"]["HostedZoneId"] = alias["HostedZoneId"].rsplit("/", 1)[-1]
    return record


def _check_size(changes):
    elements = characters = 0
    for action, record in changes:
        factor = 2 if action == "UPSERT" else 1
        values = record.get("ResourceRecords") or []
        elements += factor * (len(values) or 1)
        characters += factor * sum(len(value["Value"]) for value in values)
    if elements > _MAX_ELEMENTS:
        raise Refused("InvalidChangeBatch", f"[Number of records limit of {_MAX_ELEMENTS} exceeded.]")
    if characters > _MAX_CHARACTERS:
        raise Refused("InvalidChangeBatch", f"[Number of characters limit of {_MAX_CHARACTERS} exceeded.]")


def _described(record):
    identifier = f", set identifier='{record['SetIdentifier']}'" if record.get("SetIdentifier") else ""
    return f"[name='{record['Name']}', type='{record['Type']}'{identifier}]"
