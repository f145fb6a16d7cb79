"""The lab itself: everything that lives as long as one run, in one place."""

import threading

from cloud.addresses import Addresses
from cloud.faults import Faults
from cloud.machines import Machines
from cloud.requests_log import RequestsLog
from cloud.settings import Settings


class Lab:
    """Settings, log, faults, addresses and machines of one running cloud."""

    def __init__(self):
        self.settings = Settings()
        self.log = RequestsLog()
        self.faults = Faults()
        self.addresses = Addresses()
        self.machines = Machines(self.settings)
        self._locks = {}
        self._locks_guard = threading.Lock()

    def lock(self, name):
        """The lock of one thing (a region, a zone); moto's own data structures have none."""
        with self._locks_guard:
            return self._locks.setdefault(name, threading.RLock())


# moto's backends are module globals, so the world they live in is one too.
lab = Lab()
