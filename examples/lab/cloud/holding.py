"""Keeps a call until its client has gone, or until the rule that struck it is taken away."""

from cloud.lab import lab


def hold(request, rule):
    """Returns when nobody waits for the call any more."""
    rule.reached = True
    while lab.faults.holds(rule) and request.wait(0.05):
        pass
