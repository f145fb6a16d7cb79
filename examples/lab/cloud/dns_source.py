"""Lets the dns part read zones, records and health checks as they are at this moment."""

from moto.core import DEFAULT_ACCOUNT_ID
from moto.route53.models import route53_backends


class Source:
    """Snapshots of Route 53; safe from any thread, since records and checks are replaced and never edited."""

    def zones(self):
        """All hosted zones: [{"id", "name"}]."""
        return [{"id": zone.resource_id, "name": zone.name} for zone in list(_backend().zones.values())]

    def records(self, zone_id):
        """The zone's record sets in ListResourceRecordSets' shape; none for an unknown zone."""
        zone = _backend().zones.get(zone_id)
        return [dict(record) for record in zone.rrsets] if zone else []

    def checks(self):
        """All health checks in ListHealthChecks' shape: {id: check}."""
        return dict(_backend().health_checks)


def _backend():
    return route53_backends[DEFAULT_ACCOUNT_ID]["aws"]
