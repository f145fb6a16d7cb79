"""The lab's knobs: how long things take and what kind of machine an instance gets."""

from dataclasses import asdict, dataclass, fields

NODE_KINDS = ("full", "slim", "light", "none")


class BadSetting(ValueError):
    """A setting that does not exist or cannot have this value."""


@dataclass
class Settings:
    """Every knob with its default; times are seconds."""

    pending_seconds: float = 1.0
    shutting_down_seconds: float = 1.0
    # For this long after RunInstances nobody else knows the instance: EC2 is eventually consistent.
    not_found_seconds: float = 0.3
    terminated_listed_seconds: float = 3600.0
    insync_seconds: float = 1.0
    # How long one ChangeResourceRecordSets takes; a second one for the zone meanwhile is refused.
    change_seconds: float = 0.05
    rate_limit: bool = True
    # An account on the Free plan: other types than the free ones are refused.
    free_plan: bool = False
    node_kind: str = "none"
    # Types (t3.micro), zones (us-east-1a) and both (t3.micro@us-east-1a) for which EC2 has no room, between commas.
    no_capacity: str = ""
    # What an account may have: running vCPUs and security groups in each region, health checks altogether.
    vcpu_quota: int = 32
    group_quota: int = 2500
    check_quota: int = 200
    # How far AWS's clock is ahead of this machine's: its calls are then as late as those of a machine that is behind.
    clock_ahead_seconds: float = 0.0

    def update(self, changes):
        """Applies the changes, or none of them when one is wrong."""
        checked = {name: self._checked(name, value) for name, value in changes.items()}
        for name, value in checked.items():
            setattr(self, name, value)

    def as_dict(self):
        """All knobs with their values."""
        return asdict(self)

    def _checked(self, name, value):
        known = {field.name: field.type for field in fields(self)}
        if name not in known:
            raise BadSetting(f"no setting '{name}'; there are: {', '.join(sorted(known))}")
        if name == "node_kind":
            if value not in NODE_KINDS:
                raise BadSetting(f"node_kind is one of {', '.join(NODE_KINDS)}, not '{value}'")
            return value
        if known[name] is bool:
            if value in (True, "true", "on", "1"):
                return True
            if value in (False, "false", "off", "0"):
                return False
            raise BadSetting(f"{name} is true or false, not '{value}'")
        if known[name] is str:
            return str(value)
        try:
            number = known[name](value)
        except (TypeError, ValueError):
            unit = "number of seconds" if known[name] is float else "whole number"
            raise BadSetting(f"{name} is a {unit}, not '{value}'") from None
        if known[name] is int:
            return self._count(name, number)
        return self._seconds(name, number)

    def _count(self, name, count):
        if count < 0:
            raise BadSetting(f"{name} cannot be {count}")
        return count

    def _seconds(self, name, seconds):
        lowest = -1e9 if name == "clock_ahead_seconds" else 0
        if not lowest <= seconds < 1e9:
            raise BadSetting(f"{name} cannot be {seconds} seconds")
        return seconds
