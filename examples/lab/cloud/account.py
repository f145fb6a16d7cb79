"""Everything that lies in the account, in all regions at once, as the landlord sees it: for sweeps and comparisons.

It reads moto's own objects and not the API, so nothing that a filter or a page would hide is missing.
"""

from moto.core import DEFAULT_ACCOUNT_ID
from moto.route53.models import route53_backends

from cloud.ec2 import lifecycle
from cloud.instances import listing
from cloud.lab import lab


def inventory():
    """Instances (gone ones too), groups with their rules, key pairs, volumes, elastic addresses, checks, records."""
    found = {"instances": listing(), "groups": [], "key_pairs": [], "volumes": [], "elastic_addresses": []}
    for region, backend in lifecycle.everywhere():
        with lab.lock(region):
            groups = [group for of_vpc in backend.groups.values() for group in of_vpc.values()]
            found["groups"] += [
                {"region": region, "id": group.id, "name": group.name, "rules": sorted(_rules(group))} for group in groups
            ]
            found["key_pairs"] += [{"region": region, "id": name} for name in backend.key_pairs]
            found["volumes"] += [{"region": region, "id": volume_id} for volume_id in backend.volumes]
            found["elastic_addresses"] += [{"region": region, "id": one.public_ip} for one in backend.addresses]
    return found | _route53()


def _rules(group):
    for rule in group.ingress_rules:
        source = {**rule.ip_range, **rule.source_group, "list": rule.prefix_list_id}
        yield f"{rule.ip_protocol} {rule.from_port}-{rule.to_port} {source}"


def _route53():
    backend = route53_backends[DEFAULT_ACCOUNT_ID]["aws"]
    with lab.lock("route53"):
        checks = [
            {
                "id": check["Id"],
                "reference": check["CallerReference"],
                "address": check["HealthCheckConfig"].get("IPAddress"),
                "config": check["HealthCheckConfig"],
            }
            for check in backend.health_checks.values()
        ]
        records = [
            {"zone": zone.name} | dict(record)
            for zone in backend.zones.values()
            for record in zone.rrsets
            if record["Type"] not in ("NS", "SOA")
        ]
    return {"checks": checks, "records": records}
