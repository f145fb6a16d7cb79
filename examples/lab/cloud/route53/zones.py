"""Hosted zones and their record sets as Route 53's API shows them."""

import random
import string
import threading
import time

from moto.core.responses import ActionResult
from moto.route53.models import DelegationSet, FakeZone

from cloud.lab import lab
from cloud.refusals import Refused
from cloud.route53 import batch, names
from cloud.route53.change_status import Changes
from cloud.route53.records import Record, order

changes = Changes(lab.settings)
_NAME_SERVERS = ("ns-{}.awsdns-00.com", "ns-{}.awsdns-00.net", "ns-{}.awsdns-00.org", "ns-{}.awsdns-00.co.uk")
_busy = set()
_busy_guard = threading.Lock()


class Zones:
    """The zone operations, mixed into the Route 53 responses."""

    def create_hosted_zone(self):
        """CreateHostedZone: a caller reference makes one zone, a name may have several."""
        name, reference = self._get_param("Name"), self._get_param("CallerReference")
        if not names.valid(name):
            raise Refused("InvalidDomainName", f"{name} is not a valid domain name")
        with lab.lock("route53"):
            if any(zone.caller_reference == reference for zone in self.backend.zones.values()):
                raise Refused(
                    "HostedZoneAlreadyExists",
                    f"A hosted zone has already been created with the specified caller reference: {reference}",
                )
            zone = _new_zone(names.canonical(name), reference, self._get_param("HostedZoneConfig.Comment"))
            self.backend.zones[zone.resource_id] = zone
        return ActionResult(
            {
                "HostedZone": zone,
                "ChangeInfo": changes.submit(),
                "DelegationSet": zone.delegation_set,
                "Location": f"https://route53.amazonaws.com/2013-04-01/hostedzone/{zone.resource_id}",
            }
        )

    def delete_hosted_zone(self):
        """DeleteHostedZone: refused while anything but NS and SOA is in it."""
        self.backend.delete_hosted_zone(self._zone().resource_id)
        return ActionResult({"ChangeInfo": changes.submit()})

    def list_hosted_zones(self):
        """ListHostedZones, paged by the zone id."""
        zones = sorted(self.backend.zones.values(), key=lambda zone: zone.resource_id)
        marker, size = self._get_param("Marker"), self._page_size(100)
        page = [zone for zone in zones if not marker or zone.resource_id >= marker]
        following = page[size].resource_id if len(page) > size else None
        return ActionResult(
            {
                "HostedZones": page[:size],
                "Marker": marker or "",
                "IsTruncated": following is not None,
                "NextMarker": following,
                "MaxItems": size,
            }
        )

    def list_hosted_zones_by_name(self):
        """ListHostedZonesByName: from the name onward, labels compared from the right."""
        start, start_id, size = self._get_param("DNSName"), self._get_param("HostedZoneId"), self._page_size(100)
        if start_id and not start:
            raise Refused("InvalidInput", "A hosted zone id needs a DNS name beside it")
        zones = sorted(self.backend.zones.values(), key=_zone_order)
        if start:
            first = (names.order(start), (start_id or "").rsplit("/", 1)[-1])
            zones = [zone for zone in zones if _zone_order(zone) >= first]
        following = zones[size] if len(zones) > size else None
        result = {"HostedZones": zones[:size], "IsTruncated": following is not None, "MaxItems": size}
        result |= {"DNSName": start, "HostedZoneId": start_id}
        if following:
            result |= {"NextDNSName": following.name, "NextHostedZoneId": following.resource_id}
        return ActionResult(result)

    def change_resource_record_sets(self):
        """ChangeResourceRecordSets: atomic, and one at a time per zone."""
        zone = self._zone()
        with _busy_guard:
            if zone.resource_id in _busy:
                raise Refused(
                    "PriorRequestNotComplete",
                    "The request was rejected because Route 53 was still processing a prior request.",
                )
            _busy.add(zone.resource_id)
        try:
            time.sleep(lab.settings.change_seconds)
            wanted = self._get_param("ChangeBatch.Changes") or []
            if not wanted:
                raise Refused("InvalidInput", "The change batch has no changes; it must have at least one.")
            zone.rrsets = batch.apply(wanted, zone, self.backend.zones, self.backend.health_checks)
        finally:
            with _busy_guard:
                _busy.discard(zone.resource_id)
        return ActionResult({"ChangeInfo": changes.submit(self._get_param("ChangeBatch.Comment"))})

    def list_resource_record_sets(self):
        """ListResourceRecordSets: names from the right, pages that may end inside a group."""
        zone, size = self._zone(), self._page_size(300)
        name, rtype, identifier = (self._get_param(f"StartRecord{part}") for part in ("Name", "Type", "Identifier"))
        if (rtype and not name) or (identifier and not rtype):
            message = "The input is not valid: a start type needs a name, a start identifier a type"
            raise Refused("InvalidInput", message)
        found = sorted(zone.rrsets, key=order)
        if name:
            first = (names.order(name), rtype or "", identifier or "")
            found = [record for record in found if order(record) >= first]
        result = {"ResourceRecordSets": found[:size], "IsTruncated": len(found) > size, "MaxItems": size}
        if len(found) > size:
            following = found[size]
            result |= {"NextRecordName": following["Name"], "NextRecordType": following["Type"]}
            result["NextRecordIdentifier"] = following.get("SetIdentifier")
        return ActionResult(result)

    def get_change(self):
        """GetChange: PENDING, then INSYNC."""
        return ActionResult({"ChangeInfo": changes.info(self._get_param("Id"))})

    def _zone(self):
        zone_id = (self._get_param("HostedZoneId") or self._get_param("Id") or "").rsplit("/", 1)[-1]
        zone = self.backend.zones.get(zone_id)
        if zone is None:
            raise Refused("NoSuchHostedZone", f"No hosted zone found with ID: {zone_id}")
        return zone

    def _page_size(self, most):
        size = int(self._get_param("MaxItems") or most)
        if size < 1:
            raise Refused("InvalidInput", f"MaxItems must be at least 1, not {size}")
        return min(size, most)


def _zone_order(zone):
    return names.order(zone.name), zone.resource_id


def _new_zone(name, reference, comment):
    zone_id = "Z" + "".join(random.choices(string.ascii_uppercase + string.digits, k=20))
    number = random.randrange(2048)
    servers = [pattern.format(number + 512 * index) for index, pattern in enumerate(_NAME_SERVERS)]
    delegation = DelegationSet(reference, servers, None)
    # Only a reusable delegation set has an id.
    delegation.id = None
    zone = FakeZone(name, zone_id, False, reference, comment, delegation)
    soa = f"{servers[0]}. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400"
    zone.rrsets = [
        Record(Name=name, Type="NS", TTL=172800, ResourceRecords=[{"Value": f"{server}."} for server in servers]),
        Record(Name=name, Type="SOA", TTL=900, ResourceRecords=[{"Value": soa}]),
    ]
    return zone
