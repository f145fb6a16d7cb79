"""Fault rules: which calls go wrong, how, and how often."""

import threading
from dataclasses import asdict, dataclass

from cloud.weather import dice, meant, storm

# hold and held keep the call, before and after it is executed, until the client has gone or the rule is taken away.
ACTIONS = ("error", "throttle", "expire", "delay", "lost", "reset", "dark", "storm", "hold", "held")


class BadRule(ValueError):
    """A fault rule that cannot be understood."""


@dataclass
class Rule:
    """One rule; what is left empty matches every call."""

    action: str
    service: str | None = None
    region: str | None = None
    operation: str | None = None
    # Let the first so many matching calls pass.
    skip: int = 0
    # Then hit at most so many; None means for ever.
    times: int | None = None
    probability: float = 1.0
    seed: int = 0
    code: str | None = None
    status: int | None = None
    message: str | None = None
    seconds: float = 0.0
    id: int = 0
    seen: int = 0
    hits: int = 0
    # A held call has got as far as it will: executed or not, nothing happens any more until its client is gone.
    reached: bool = False

    def matches(self, call):
        """Whether the rule is about this call."""
        return (
            self.service in (None, call.service)
            and self.region in (None, call.region)
            and self.operation in (None, call.operation)
        )

    def strikes(self, call, number):
        """Counts one matching call, the so-manyth of its kind, and says whether this one is hit."""
        self.seen += 1
        if self.seen <= self.skip or (self.times is not None and self.hits >= self.times):
            return False
        if self.probability < 1 and dice(self.seed, call, number).random() >= self.probability:
            return False
        self.hits += 1
        return True

    def as_dict(self):
        """The rule as the admin API shows it."""
        return {name: value for name, value in asdict(self).items() if value is not None}


class Faults:
    """The rules in force, in the order they were added; the first that strikes decides."""

    def __init__(self):
        self._lock = threading.Lock()
        self._rules = []
        self._last_id = 0
        # Calls so far by kind: a seeded rule decides by a call's place among its like, since what runs at the same time
        # arrives in any order.
        self._numbers = {}

    def add(self, given):
        """Adds a rule from its JSON form and returns it."""
        rule = _parse(given)
        with self._lock:
            self._last_id += 1
            rule.id = self._last_id
            self._rules.append(rule)
        return rule

    def strike(self, call):
        """The rule that hits this call, with what it means for it, or None."""
        kind = (call.service, call.region, call.operation)
        with self._lock:
            self._numbers[kind] = number = self._numbers.get(kind, 0) + 1
            for rule in self._rules:
                if rule.matches(call) and rule.strikes(call, number):
                    struck = storm(rule, call, number) if rule.action == "storm" else rule
                    return meant(struck, call)
        return None

    def remove(self, rule_id):
        """Removes one rule; says whether it was there."""
        with self._lock:
            before = len(self._rules)
            self._rules = [rule for rule in self._rules if rule.id != rule_id]
            return len(self._rules) < before

    def holds(self, rule):
        """Whether a rule is still in force."""
        with self._lock:
            return rule in self._rules

    def rules(self):
        """All rules as the admin API shows them."""
        with self._lock:
            return [rule.as_dict() for rule in self._rules]

    def clear(self):
        """Removes every rule."""
        with self._lock:
            self._rules.clear()
            self._numbers.clear()


_NUMBERS = {"skip": int, "times": int, "seed": int, "status": int, "probability": float, "seconds": float}
_TEXTS = ("action", "service", "region", "operation", "code", "message")


def _parse(given):
    if not isinstance(given, dict):
        raise BadRule("a fault rule is a JSON object")
    values = {}
    for name, value in given.items():
        if name in _NUMBERS:
            try:
                values[name] = _NUMBERS[name](value)
            except (TypeError, ValueError):
                raise BadRule(f"{name} is a number, not '{value}'") from None
        elif name in _TEXTS:
            values[name] = str(value)
        else:
            raise BadRule(f"no field '{name}' in a fault rule; there are: {', '.join(sorted((*_NUMBERS, *_TEXTS)))}")
    if values.get("action") not in ACTIONS:
        raise BadRule(f"action is one of {', '.join(ACTIONS)}, not '{values.get('action')}'")
    if values["action"] == "error" and "code" not in values:
        raise BadRule("an error rule needs a code, for example RequestLimitExceeded")
    return Rule(**values)
