"""What a struck call meets: AWS's own code for a fault in each service, and the mixed weather of a storm."""

import random
from dataclasses import replace

_THROTTLED = {"ec2": ("RequestLimitExceeded", "Request limit exceeded.")}
_THROTTLED_ELSEWHERE = ("Throttling", "Rate exceeded")
_EXPIRED = {"ec2": ("RequestExpired", "Request has expired.")}
_EXPIRED_ELSEWHERE = ("ExpiredToken", "The security token included in the request is expired")
_KINDS = ("throttle", "trouble", "reset", "delay", "lost")


def dice(seed, call, number):
    """Dice that always fall the same way for one call: the so-manyth of its kind under a seed."""
    return random.Random(f"{seed}/{call.service}/{call.region}/{call.operation}/{number}")


def storm(rule, call, number):
    """The storm's rule as one of the things that a storm does: throttle, fail, reset, delay, lose the answer."""
    thrown = dice(rule.seed, call, number)
    # The first throw decided whether the call is struck at all.
    thrown.random()
    kind = thrown.choice(_KINDS)
    if kind == "trouble":
        return replace(rule, action="error", code="InternalError", message="An internal error has occurred")
    if kind == "delay":
        return replace(rule, action="delay", seconds=thrown.uniform(0.2, 2))
    return replace(rule, action=kind)


def meant(rule, call):
    """The rule with the code and words that the call's service has for it."""
    if rule.action == "throttle":
        code, message = _THROTTLED.get(call.service, _THROTTLED_ELSEWHERE)
    elif rule.action == "expire":
        code, message = _EXPIRED.get(call.service, _EXPIRED_ELSEWHERE)
    else:
        return rule
    return replace(rule, action="error", code=code, message=rule.message or message)
