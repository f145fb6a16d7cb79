"""The account's clock: it dates every answer, and refuses what was signed too early or too late for it."""

import time
from datetime import datetime, timedelta, timezone
from email.utils import formatdate

from cloud.lab import lab

_STAMP = "%Y%m%dT%H%M%SZ"
# Minutes by which a signature may be off.
_TOLERANCE = {"ec2": 15}
_TOLERANCE_ELSEWHERE = 5


def date():
    """The time in the form of HTTP's Date header."""
    return formatdate(_now().timestamp(), usegmt=True)


def refusal(request, call):
    """(code, message) when the call was signed at another time than this, else None."""
    stamp = request.header("x-amz-date")
    if not stamp:
        return None
    signed = datetime.strptime(stamp, _STAMP).replace(tzinfo=timezone.utc)
    now, minutes = _now(), _TOLERANCE.get(call.service, _TOLERANCE_ELSEWHERE)
    border = timedelta(minutes=minutes)
    if abs(now - signed) <= border:
        return None
    if call.service == "ec2":
        return "RequestExpired", "Request has expired."
    if signed < now:
        edge = f"{now - border:{_STAMP}} ({now:{_STAMP}} - {minutes} min.)"
        return "SignatureDoesNotMatch", f"Signature expired: {stamp} is now earlier than {edge}"
    edge = f"{now + border:{_STAMP}} ({now:{_STAMP}} + {minutes} min.)"
    return "SignatureDoesNotMatch", f"Signature not yet current: {stamp} is still later than {edge}"


def _now():
    return datetime.fromtimestamp(time.time() + lab.settings.clock_ahead_seconds, timezone.utc)
