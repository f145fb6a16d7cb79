"""Where EC2 has room for another instance, and how many the account may have."""

from moto.ec2.models.instance_types import INSTANCE_TYPES

from cloud.lab import lab
from cloud.refusals import Refused

# Stopped instances do not count.
_COUNTED = ("pending", "running")


def check_room(parameters, backend, zone):
    """Raises `Refused` when the quota is reached or the zone is full; `zone` is the one the call names, or None."""
    _check_quota(parameters, backend)
    wanted, zones = parameters["InstanceType"], _default_zones(backend)
    # Real EC2 looks for a zone with room when none is named, and does not always find it: the lab never does.
    if zone is None:
        if zones and _is_full(wanted, zones[0]):
            raise Refused(
                "InsufficientInstanceCapacity",
                f"We currently do not have sufficient {wanted} capacity in zones with support for 'gp3' volumes. Our "
                "system will be working on provisioning additional capacity.",
            )
    elif _is_full(wanted, zone):
        others = ", ".join(other for other in zones if other != zone and not _is_full(wanted, other))
        choice = f" or choosing {others}" if others else ""
        raise Refused(
            "InsufficientInstanceCapacity",
            f"We currently do not have sufficient {wanted} capacity in the Availability Zone you requested ({zone}). Our "
            f"system will be working on provisioning additional capacity. You can currently get {wanted} capacity by not "
            f"specifying an Availability Zone in your request{choice}.",
        )


def _check_quota(parameters, backend):
    quota = lab.settings.vcpu_quota
    present = [one for one in backend.all_instances() if one.state in _COUNTED]
    used = sum(_vcpus(one.instance_type) for one in present)
    if used + _vcpus(parameters["InstanceType"]) * int(parameters["MaxCount"]) > quota:
        raise Refused(
            "VcpuLimitExceeded",
            f"You have requested more vCPU capacity than your current vCPU limit of {quota} allows for the instance bucket "
            "that the specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to "
            "request an adjustment to this limit.",
        )


def _vcpus(instance_type):
    return INSTANCE_TYPES[instance_type]["VCpuInfo"]["DefaultVCpus"]


def _default_zones(backend):
    subnets = (subnet for zone in backend.subnets.values() for subnet in zone.values())
    return sorted(subnet.availability_zone for subnet in subnets if subnet.default_for_az in (True, "true"))


def _is_full(instance_type, zone):
    full = {place.strip() for place in lab.settings.no_capacity.split(",")}
    return bool(full & {instance_type, zone, f"{instance_type}@{zone}"})
