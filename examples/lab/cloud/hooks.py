"""The two questions about DNS that the cloud cannot answer itself; the dns part answers them when it runs."""

from cloud.refusals import Refused

_NAME_SERVER = "ns-lab.awsdns-00.com"


class NoDns(Exception):
    """The lab runs without its dns part."""


_dns = None


def attach(dns):
    """From now on this object (`dns.start`'s) answers; None detaches it."""
    global _dns
    _dns = dns


def health_status(check_id):
    """What each checker last saw: a list in GetHealthCheckStatus' HealthCheckObservations shape."""
    try:
        status = _attached().health(check_id)
    except KeyError:
        raise Refused("NoSuchHealthCheck", f"A health check with id {check_id} does not exist.") from None
    return [
        {
            "Region": seen["region"],
            "IPAddress": seen["ip"],
            "StatusReport": {"Status": seen["status"], "CheckedTime": seen["checked_time"]},
        }
        for seen in status["observations"]
    ]


def test_dns_answer(zone_id, name, rtype, edns_ip, mask, resolver_ip):
    """What Route 53 would answer, in TestDNSAnswer's shape."""
    # The evaluator looks up the place of one address; every one in the client's subnet is as good.
    found = _attached().answer(zone_id, name, rtype, edns_ip or resolver_ip or "0.0.0.0")
    return {
        "Nameserver": _NAME_SERVER,
        "RecordName": name,
        "RecordType": rtype,
        "RecordData": found["values"],
        "ResponseCode": found["rcode"],
        "Protocol": "UDP",
    }


def _attached():
    if _dns is None:
        raise NoDns("the lab's dns part is not running; start the cloud with --dns-port")
    return _dns
