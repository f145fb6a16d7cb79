"""Moves instances through their states as time passes and as people ask for it."""

import copy
import time
from datetime import datetime, timezone

from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.utils import utcnow
from moto.ec2.models import EC2Backend, ec2_backends

from cloud import regions
from cloud.ec2.filters import matches
from cloud.ec2.instance import Life
from cloud.lab import lab
from cloud.refusals import Refused

_USER = ("Client.UserInitiatedShutdown", "User initiated shutdown")
_GUEST = ("Client.InstanceInitiatedShutdown", "Instance initiated shutdown")
_FAILED = ("Server.InternalError", "Internal error on launch")


def begin(instance, credits):
    """The instance has just been made: gives it an address and a machine, and the state pending."""
    instance.life = Life(time.monotonic(), credits=credits)
    instance.move("pending", "running", lab.settings.pending_seconds)
    set_address(instance, lab.addresses.take(instance.region_name))
    backend = instance.ec2_backend
    key_pair = backend.key_pairs.get(instance.key_name)
    lab.machines.boot(instance, [key_pair.public_key] if key_pair else [], lambda: _fail(instance))


def set_address(instance, address):
    """Makes this the instance's public and private address."""
    nic = instance.nics[0]
    nic.private_ip_address = address
    nic.private_ip_addresses = [{"Primary": True, "PrivateIpAddress": address}]
    nic.public_ip = address
    nic.private_dns_name = instance.private_dns_name


def advance(backend):
    """Catches up with the clock: changes every state that is due and forgets what ended long ago."""
    now = time.monotonic()
    for reservation_id, reservation in list(backend.reservations.items()):
        for instance in list(reservation.instances):
            life = instance.life
            if life is None:
                continue
            while life.next_state and life.due_at <= now:
                _arrive(instance, life.next_state)
            if instance.gone and now - life.terminated_at > lab.settings.terminated_listed_seconds:
                reservation.instances.remove(instance)
                backend.tags.pop(instance.id, None)
        if not reservation.instances:
            del backend.reservations[reservation_id]


def stop(instance):
    """StopInstances."""
    if instance.state in ("stopping", "stopped"):
        return
    if instance.state != "running":
        raise _wrong_state(instance, "stopped")
    _stop(instance, _USER)
    lab.machines.act_later(instance.id, "off")


def start(instance):
    """StartInstances: an instance with a machine keeps its address, any other gets a new one."""
    if instance.state in ("pending", "running"):
        return
    if instance.state != "stopped":
        raise _wrong_state(instance, "started")
    if not lab.machines.has(instance.id):
        set_address(instance, lab.addresses.take(instance.region_name))
    instance.launch_time = utcnow()
    instance.move("pending", "running", lab.settings.pending_seconds)
    lab.machines.act_later(instance.id, "on")


def reboot(instance):
    """RebootInstances."""
    if instance.state != "running":
        raise Refused("IncorrectInstanceState", f"The instance '{instance.id}' is not in the 'running' state.")
    lab.machines.act_later(instance.id, "reboot")


def terminate(instance, reason=_USER):
    """TerminateInstances: harmless when repeated."""
    if instance.state in ("shutting-down", "terminated"):
        return
    instance.explain(*reason, datetime.now(timezone.utc))
    instance.move("shutting-down", "terminated", lab.settings.shutting_down_seconds)
    lab.machines.terminate(instance.id)


def guest_switched_off(instance):
    """The machine went off by itself: EC2 then stops the instance, or terminates it if told so at launch."""
    if instance.state not in ("pending", "running"):
        return
    if instance.instance_initiated_shutdown_behavior == "terminate":
        terminate(instance, _GUEST)
    else:
        _stop(instance, _GUEST)


def guest_switched_on(instance):
    """The machine was switched on by hand: the instance runs again."""
    if instance.state in ("stopping", "stopped"):
        instance.move("pending", "running", lab.settings.pending_seconds)


def everywhere():
    """(region, backend) of every enabled region that was ever used."""
    account = ec2_backends[DEFAULT_ACCOUNT_ID]
    return [(region, account[region]) for region in regions.ENABLED if dict.__contains__(account, region)]


def known(instance):
    """Whether the rest of EC2 has heard of the instance yet."""
    life = instance.life
    return life is None or time.monotonic() - life.launched_at >= lab.settings.not_found_seconds


def install():
    """Makes every look at instances go through `known` and our filters."""
    EC2Backend.all_reservations = _all_reservations


def _all_reservations(self, filters=None):
    seen = []
    for reservation in list(self.reservations.values()):
        instances = [one for one in reservation.instances if known(one) and (not filters or matches(one, filters))]
        if instances:
            shown = copy.copy(reservation)
            shown.instances = instances
            seen.append(shown)
    return seen


def _arrive(instance, state):
    if state == "terminated":
        _strip(instance)
    instance.move(state)


def _strip(instance):
    backend = instance.ec2_backend
    nics = list(instance.nics.values())
    # moto's own end of an instance: detaches and deletes volumes, frees addresses.
    instance.terminate()
    for nic in nics:
        backend.enis.pop(nic.id, None)
    instance.security_groups = []


def _stop(instance, reason):
    instance.explain(*reason, datetime.now(timezone.utc))
    instance.move("stopping", "stopped", lab.settings.shutting_down_seconds)


def _fail(instance):
    with lab.lock(instance.region_name):
        terminate(instance, _FAILED)


def _wrong_state(instance, verb):
    message = f"The instance '{instance.id}' is not in a state from which it can be {verb}."
    return Refused("IncorrectInstanceState", message)
