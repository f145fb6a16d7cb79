"""What one record set must look like, whatever else is in the zone."""

import ipaddress
import re

from cloud.refusals import Refused
from cloud.route53 import names, places
from cloud.route53.records import policy

TYPES = (
    "SOA", "A", "TXT", "NS", "CNAME", "MX", "NAPTR", "PTR", "SRV", "SPF", "AAAA", "CAA", "DS", "TLSA", "SSHFP", "SVCB",
    "HTTPS",
)  # fmt: skip
_QUOTED = re.compile(r'^"(?:[^"\\]|\\.)*"(?:\s+"(?:[^"\\]|\\.)*")*$')
_POLICY_NAMES = "[Weight, Region, Failover, GeoLocation, MultiValueAnswer, GeoProximityLocation, or CIDRRoutingConfig]"
_CONTENT_NAMES = "[AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId]"


def check_shape(action, record):
    """Raises InvalidInput for a change that is malformed in itself."""
    where = (
        f"Change with [Action={action}, Name={record['Name']}, Type={record['Type']}, "
        f"SetIdentifier={record.get('SetIdentifier') or 'null'}]"
    )
    _check_fields(record, where)
    _check_policy(record, where)
    _check_content(record, where)


def faults_of(record, zone_name):
    """The InvalidChangeBatch messages that the record alone earns in its zone."""
    name, rtype = record["Name"], record["Type"]
    if not names.lies_within(name, zone_name):
        return [f"RRSet with DNS name {name} is not permitted in zone {zone_name}"]
    faults = []
    if not names.valid(name):
        faults.append(f"FATAL problem: DomainLabelTooLong (Domain label is too long) encountered with '{name}'")
    if rtype == "CNAME" and name == zone_name:
        faults.append(f"RRSet of type CNAME with DNS name {name} is not permitted at apex in zone {zone_name}")
    if rtype in ("SOA", "NS") and policy(record):
        faults.append(f"RRSet of type {rtype} with DNS name {name} cannot have a routing policy")
    faults += _value_faults(record)
    faults += _failover_faults(record)
    return faults


def _check_fields(record, where):
    if record["Type"] not in TYPES:
        raise not_in_enumeration(record["Type"], TYPES)
    identifier = record.get("SetIdentifier")
    if identifier is not None and not 1 <= len(identifier) <= 128:
        raise _invalid(
            f"1 validation error detected: Value '{identifier}' at 'changeBatch.changes.1.member.resourceRecordSet."
            "setIdentifier' failed to satisfy constraint: Member must have length less than or equal to 128",
        )
    ttl = record.get("TTL")
    if ttl is not None and not 0 <= int(ttl) <= 2147483647:
        raise _request("TTL must be between 0 and 2147483647", where)
    weight = record.get("Weight")
    if weight is not None and not 0 <= int(weight) <= 255:
        raise _request("Weight must be between 0 and 255", where)
    if record.get("Failover") not in (None, "PRIMARY", "SECONDARY"):
        raise _request("Failover must be PRIMARY or SECONDARY", where)


def _check_policy(record, where):
    used = [name for name in (policy(record),) if name]
    others = [name for name in record if name != (used[0] if used else None) and policy({name: record[name]})]
    if others:
        raise _request(f"Expected exactly one of {_POLICY_NAMES}, but found more than one", where)
    if used and not record.get("SetIdentifier"):
        raise _request("Missing field 'SetIdentifier'", where)
    if record.get("SetIdentifier") and not used:
        raise _request(f"Expected exactly one of {_POLICY_NAMES}, but found none", where)
    if record.get("GeoLocation") is not None:
        _check_place(record["GeoLocation"], where)


def _check_place(location, where):
    continent, country, state = (location.get(f) for f in ("ContinentCode", "CountryCode", "SubdivisionCode"))
    if continent and (country or state):
        raise _request("Expected exactly one of [ContinentCode, or CountryCode], but found more than one", where)
    if not continent and not country:
        raise _request("Expected exactly one of [ContinentCode, or CountryCode], but found none", where)
    if continent and continent not in places.CONTINENTS:
        raise _request(f"the geo location [ContinentCode={continent}] does not exist", where)
    if country and country not in places.COUNTRIES:
        raise _request(f"the geo location [CountryCode={country}] does not exist", where)
    if state and (country not in ("US", "UA") or (country == "US" and state not in places.STATES)):
        raise _request(f"the geo location [CountryCode={country}, SubdivisionCode={state}] does not exist", where)


def _check_content(record, where):
    alias, ttl, values = record.get("AliasTarget"), record.get("TTL"), record.get("ResourceRecords")
    if alias and (ttl is not None or values):
        raise _request(f"Expected exactly one of {_CONTENT_NAMES}, but found more than one", where)
    if not alias and (ttl is None or not values):
        raise _request(f"Expected exactly one of {_CONTENT_NAMES}, but found none", where)
    for field in ("HostedZoneId", "DNSName", "EvaluateTargetHealth"):
        if alias and alias.get(field) in (None, ""):
            raise _request(f"Missing field 'AliasTarget.{field}'", where)


def _value_faults(record):
    values = [value["Value"] for value in record.get("ResourceRecords") or []]
    faults = [f"Duplicate Resource Record: '{value}'" for value in sorted({v for v in values if values.count(v) > 1})]
    if record["Type"] == "CNAME" and len(values) > 1:
        faults.append(f"RRSet of type CNAME with DNS name {record['Name']} must have exactly one resource record")
    for value in values:
        problem = _value_problem(record["Type"], value)
        if problem:
            faults.append(f"Invalid Resource Record: 'FATAL problem: {problem} encountered with '{value}''")
    return faults


def _value_problem(rtype, value):
    if rtype in ("A", "AAAA"):
        version = 4 if rtype == "A" else 6
        try:
            if ipaddress.ip_address(value).version == version:
                return None
        except ValueError:
            pass
        return f"ARRDATAIllegalIPv{version}Address (Value is not a valid IPv{version} address)"
    if rtype == "TXT" and not _QUOTED.match(value):
        return "InvalidCharacterString (Value should be enclosed in quotation marks)"
    if rtype in ("CNAME", "NS", "PTR") and not names.valid(value):
        return f"UnsupportedCharacter (Value is not a valid {rtype} target)"
    return None


def _failover_faults(record):
    if not record.get("Failover"):
        return []
    alias = record.get("AliasTarget")
    if alias and not alias["EvaluateTargetHealth"]:
        return ["An alias ResourceRecordSet with failover must have EvaluateTargetHealth set to true"]
    if not alias and record["Failover"] == "PRIMARY" and not record.get("HealthCheckId"):
        return ["A non-alias primary ResourceRecordSet must have an associated health check"]
    return []


def not_in_enumeration(value, allowed):
    """The refusal of a word that the API's schema does not have."""
    return _invalid(
        f"Invalid XML ; cvc-enumeration-valid: Value '{value}' is not facet-valid with respect to enumeration "
        f"'[{', '.join(allowed)}]'. It must be a value from the enumeration."
    )


def _request(message, where):
    return _invalid(f"Invalid request: {message} in {where}")


def _invalid(message):
    return Refused("InvalidInput", message)
