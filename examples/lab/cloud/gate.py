"""Lets faults hit commands on nodes: a gated node asks here before and after each command that comes over SSH.

To the log and to fault rules a command is a call of the service `ssh` in the node's region, operation `exec`.
"""

import threading

from cloud import holding, instances
from cloud.calls import Call
from cloud.lab import lab
from cloud.refusals import Answer

GO, COME_BACK, NO = "go", "go and come back", "no"


class Gate:
    """Answers gated nodes, each known by the address it asks from."""

    def __init__(self):
        self._lock = threading.Lock()
        # What is to happen after the command that a node runs now: it runs one at a time for each connection.
        self._after = {}

    def before(self, request):
        """Whether a command may run."""
        region = instances.region_at(request.peer)
        if region is None:
            return _said(NO)
        call = Call("ssh", region, "exec", "ssh", 0, True, "")
        entry = lab.log.open(call)
        rule = lab.faults.strike(call)
        action = rule.action if rule else None
        if action == "hold":
            holding.hold(request, rule)
        elif action == "delay":
            request.wait(rule.seconds)
        elif action in ("held", "lost"):
            with self._lock:
                self._after[request.peer] = (rule, entry)
            return _said(COME_BACK)
        passes = action in (None, "delay")
        lab.log.close(entry, 200 if passes else 0, None if passes else action)
        return _said(GO if passes else NO)

    def after(self, request):
        """Whether the answer of a command may leave the node."""
        with self._lock:
            rule, entry = self._after.pop(request.peer, (None, None))
        if rule is None:
            return _said(GO)
        if rule.action == "held":
            holding.hold(request, rule)
        lab.log.close(entry, 0, rule.action)
        return _said(NO)


def _said(word):
    return Answer(200, {"Content-Type": "text/plain"}, word)


gate = Gate()
