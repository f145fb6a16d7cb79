"""Every value that the lab's evaluator can answer, for many zones at once: a second opinion for dsline's own.

Reads one JSON list on stdin: {records, health, place, name, type} each, and writes as many lists of values (or null
where the lab refuses to answer) to stdout. Run as `python3 compare.py`; needs nothing but Python.
"""

import json
import sys
from pathlib import Path
from types import ModuleType

# The package's own face brings the name server with it, whose library a machine with plain Python lacks.
package = ModuleType("lab_names")
package.__path__ = [str(Path(__file__).parent)]
sys.modules[package.__name__] = package

from lab_names.evaluator import Place, evaluate  # noqa: E402
from lab_names.zone import Zone  # noqa: E402

#: A tree with more outcomes than this is a mistake of whoever made it.
MOST_OUTCOMES = 100_000


class Script:
    """Stands in for `random.Random`: takes the choices it was told, then the first, and remembers how many there were."""

    def __init__(self, told):
        self.told, self.widths = told, []

    def pick(self, width):
        turn = len(self.widths)
        self.widths.append(width)
        return self.told[turn] if turn < len(self.told) else 0

    def choices(self, pool, weights=None):
        able = [one for one, weight in zip(pool, weights or [1] * len(pool)) if weight > 0]
        return [able[self.pick(len(able))]]

    def sample(self, pool, count):
        # Every member is in some window, and only the values of all outcomes together are wanted.
        begin = self.pick(len(pool) if count < len(pool) else 1)
        return (pool + pool)[begin : begin + count]

    def following(self):
        """The choices of the next outcome in order, or None after the last."""
        turns = [self.told[turn] if turn < len(self.told) else 0 for turn in range(len(self.widths))]
        while turns and turns[-1] + 1 == self.widths[len(turns) - 1]:
            turns.pop()
        return turns[:-1] + [turns[-1] + 1] if turns else None


def counts_as_healthy(state):
    """What Route 53 makes of a check: switched off is healthy, turned round is the opposite of what it was."""
    words = set(state.split("+"))
    reached = "disabled" in words or "unhealthy" not in words
    return not reached if "inverted" in words else reached


def possible(case):
    """All values of the asked type, over every outcome of every draw."""
    zone = Zone("Z1", case["zone"], case["records"])
    health = {check: counts_as_healthy(state) for check, state in case["health"].items()}
    found, turns = set(), []
    for _ in range(MOST_OUTCOMES):
        script = Script(turns)
        answer = evaluate(zone, lambda check: health[check], Place(**case["place"]), case["name"], case["type"], script)
        if answer.rcode == "REFUSED":
            return None
        found.update(row.value for row in answer.rows if row.rtype == case["type"])
        turns = script.following()
        if turns is None:
            return sorted(found)
    raise ValueError(f"more than {MOST_OUTCOMES} outcomes for {case['name']}")


if __name__ == "__main__":
    json.dump([possible(case) for case in json.load(sys.stdin)], sys.stdout)
