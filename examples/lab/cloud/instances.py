"""Finds instances by the names people use, and does to them what people ask of the admin API."""

from cloud.ec2 import lifecycle
from cloud.lab import lab
from cloud.machines import ACTS


class NoSuchNode(LookupError):
    """No instance goes by this name, or more than one."""


def listing():
    """All instances with their tags, addresses and states, those of their machines included."""
    machines = lab.machines.states()
    shown = []
    for region, instance in _all():
        tags = {tag["key"]: tag["value"] for tag in instance.get_tags()}
        machine = machines.get(instance.id)
        shown.append(
            {
                "instance": instance.id,
                "region": region,
                "line": tags.get("dsline:line"),
                "slot": tags.get("dsline:slot"),
                "generation": tags.get("dsline:generation"),
                "name": tags.get("Name"),
                "type": instance.instance_type,
                "address": instance.private_ip,
                "state": instance.state,
                "reason": instance.state_reason.message or None,
                "node": machine.state if machine else None,
                "cut": machine.cut if machine else None,
                "kind": machine.kind if machine else None,
            }
        )
    return shown


def act(name, wanted):
    """Does one of ACTS to the node of that name and returns its instance id."""
    if wanted not in ACTS:
        raise NoSuchNode(f"a node can be {', '.join(ACTS)}; not '{wanted}'")
    instance = _find(name)
    if lab.machines.has(instance.id) or wanted not in ("off", "on"):
        lab.machines.act(instance.id, wanted)
    with lab.lock(instance.region_name):
        if wanted == "off":
            lifecycle.guest_switched_off(instance)
        elif wanted == "on":
            lifecycle.guest_switched_on(instance)
    return instance.id


def region_at(address):
    """The region of the instance that has this address, None if there is none."""
    return next((region for region, instance in _all() if instance.private_ip == address), None)


def noticed_off(instance_id):
    """A machine was found off: its guest shut down."""
    for region, instance in _all():
        if instance.id == instance_id:
            with lab.lock(region):
                lifecycle.guest_switched_off(instance)


def _all():
    found = []
    for region, backend in lifecycle.everywhere():
        with lab.lock(region):
            lifecycle.advance(backend)
            found += [(region, one) for reservation in backend.reservations.values() for one in reservation.instances]
    return found


def _find(name):
    candidates = []
    for region, instance in _all():
        if instance.gone or instance.state == "shutting-down":
            continue
        tags = {tag["key"]: tag["value"] for tag in instance.get_tags()}
        slot = f"{tags.get('dsline:region', region)}/{tags.get('dsline:slot')}"
        if name in (instance.id, slot, f"{tags.get('dsline:line')}/{slot}", tags.get("Name")):
            candidates.append(instance)
    if not candidates:
        raise NoSuchNode(f"no node '{name}'; see /_lab/nodes for those there are")
    if len(candidates) > 1:
        listed = ", ".join(instance.id for instance in candidates)
        raise NoSuchNode(f"'{name}' could be any of {listed}; name one of them")
    return candidates[0]
