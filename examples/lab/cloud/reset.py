"""Takes the lab back to an empty account: no resources, no machines, no log, no faults."""

from moto.core.base_backend import BackendDict

from cloud import regions
from cloud.lab import lab
from cloud.route53 import checks, zones


def reset():
    """Empties everything but the settings and the memory of addresses given."""
    lab.machines.sweep()
    for region in regions.ENABLED:
        lab.lock(region).acquire()
    try:
        BackendDict.reset()
    finally:
        for region in regions.ENABLED:
            lab.lock(region).release()
    checks.taken_references.clear()
    zones.changes.clear()
    lab.faults.clear()
    lab.log.clear()
