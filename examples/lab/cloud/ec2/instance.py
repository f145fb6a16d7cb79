"""An instance whose state moves with time and whose address is the lab's."""

import time
from dataclasses import dataclass

from moto.ec2.models import instances as moto_instances
from moto.ec2.models.core import TaggedEC2Resource
from moto.ec2.models.instances import Instance, InstanceState, StateReason

CODES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}


@dataclass
class Life:
    """Where an instance is on its way: what it will be next, and when."""

    launched_at: float
    next_state: str | None = None
    due_at: float = 0.0
    terminated_at: float = 0.0
    credits: str | None = None


class LabInstance(Instance):
    """moto's instance without a network once it is terminated."""

    life = None

    @property
    def gone(self):
        """Whether it is terminated, so nothing can depend on it."""
        return self.state == "terminated"

    @property
    def private_ip(self):
        """None once terminated."""
        return None if self.gone or not self.nics else self.nics[0].private_ip_address

    @property
    def private_ip_address(self):
        """What DescribeInstances shows."""
        return self.private_ip

    @property
    def public_ip(self):
        """None unless the instance runs or is about to."""
        return self.nics[0].public_ip if self.nics and self.state in ("pending", "running") else None

    @property
    def public_ip_address(self):
        """What DescribeInstances shows."""
        return self.public_ip

    @property
    def private_dns_name(self):
        """Empty once terminated."""
        return "" if self.private_ip is None else Instance.private_dns_name.fget(self)

    @property
    def network_interfaces(self):
        """None of them is left once terminated."""
        return [] if self.gone else list(self.nics.values())

    @property
    def subnet_id(self):
        """None once terminated."""
        return None if self.gone else Instance.subnet_id.fget(self)

    @property
    def vpc_id(self):
        """None once terminated."""
        return None if self.gone else Instance.vpc_id.fget(self)

    def move(self, state, next_state=None, seconds=0.0):
        """Enters a state now and, if there is a next one, leaves it after the seconds."""
        self._state = InstanceState(state, CODES[state])
        self.life.next_state = next_state
        self.life.due_at = time.monotonic() + seconds
        if state == "terminated":
            self.life.terminated_at = time.monotonic()

    def explain(self, code, message, stamp):
        """Sets the reason of the last change of state."""
        self.state_reason = StateReason(f"{code}: {message}", code)
        self._reason = f"{'User initiated' if code.startswith('Client') else code} ({stamp:%Y-%m-%d %H:%M:%S} GMT)"


def _quick_tags(self):
    # moto looks through all tags of the region for every resource it shows.
    tags = self.ec2_backend.tags.get(self.id) if self.id else None
    return [
        {"resource_id": self.id, "key": key, "value": value, "resource_type": ""}
        for key, value in sorted((tags or {}).items())
    ]


def install():
    """Makes moto create these instances."""
    moto_instances.Instance = LabInstance
    TaggedEC2Resource.get_tags = _quick_tags
