"""Client tokens: the same call again gives the same instances, another call with the token is refused."""

import hashlib
import json

from cloud.refusals import Refused

_NOT_PART = ("ClientToken", "DryRun", "Action", "Version")


def fingerprint(parameters):
    """What must be the same for two calls to be the same."""
    same = {name: value for name, value in parameters.items() if name not in _NOT_PART}
    return hashlib.sha256(json.dumps(same, sort_keys=True, default=str).encode()).hexdigest()


def recall(backend, token, scope, mark):
    """The reservation an earlier call with this token made, None if there was none or it found no room.

    `scope` is the availability zone if the call names one: tokens of two zones are two tokens.
    """
    known = _tokens(backend).get((token, scope))
    if known is None:
        return None
    earlier, reservation, instances = known
    if earlier != mark:
        raise Refused(
            "IdempotentParameterMismatch",
            "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).",
        )
    if any(instance.gone for instance in instances):
        raise Refused(
            "IdempotentInstanceTerminated",
            f"The client token {token} belongs to an instance that has been terminated: "
            + ", ".join(instance.id for instance in instances),
        )
    return reservation


def remember(backend, token, scope, mark, reservation):
    """Binds a token to its call, and to what that made if it made something."""
    _tokens(backend)[(token, scope)] = (mark, reservation, list(reservation.instances) if reservation else [])


def _tokens(backend):
    # On the backend, so that a reset of the region forgets them with the instances.
    return backend.__dict__.setdefault("lab_tokens", {})
