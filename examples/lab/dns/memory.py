"""A source of zones, records and checks held in memory, for tests and trials."""

import copy
import threading


class MemorySource:
    """The least that `dns.start` needs; change it while the server runs."""

    def __init__(self):
        self.lock = threading.Lock()
        self._zones, self._checks = {}, {}

    def zones(self):
        with self.lock:
            return [{"id": zone_id, "name": name} for zone_id, (name, _) in self._zones.items()]

    def records(self, zone_id):
        with self.lock:
            return copy.deepcopy(self._zones[zone_id][1])

    def checks(self):
        with self.lock:
            return copy.deepcopy(self._checks)

    def put_zone(self, zone_id, name, records):
        """Add a zone or put other records in place of all it has."""
        with self.lock:
            self._zones[zone_id] = (name, copy.deepcopy(list(records)))

    def put_check(self, check_id, **config):
        """Add a check or change its whole configuration."""
        with self.lock:
            self._checks[check_id] = {"Id": check_id, "HealthCheckConfig": config}

    def drop_check(self, check_id):
        with self.lock:
            del self._checks[check_id]
