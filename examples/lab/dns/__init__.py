"""The lab's name server: answers from (emulated) Route 53 records with health it probes itself."""

from .memory import MemorySource
from .server import Lab

__all__ = ["Lab", "MemorySource", "start"]


def start(source, port, time_factor=10, address="127.0.0.1"):
    """Serve the zones of `source` on UDP and TCP `port` (0: any free one) and probe its health checks.

    `time_factor` divides the checks' intervals and time limits; TTLs stay as they are. The object given
    back has `health(check_id)`, `answer(zone_id, name, rtype, client_ip)`, `stop()`, `address` and `port`.
    """
    return Lab(source, port, time_factor, address)
