"""The zones as the server sees them: indexed, and read again when they may have changed."""

import logging
import threading
import time

from .zone import Zone, bare_id, canonical, parents

LOG = logging.getLogger("lab.dns.snapshot")
#: The oldest view of the records an answer may be made from.
MAX_AGE_SECONDS = 0.2


class Snapshot:
    """A cached view of the source's zones, refreshed by the questions themselves."""

    def __init__(self, source):
        self.source = source
        self.lock = threading.Lock()
        self.raw, self.by_id, self.by_name = {}, {}, {}
        self.read_at = float("-inf")
        self.refresh()

    def refresh(self):
        """Read the source now; zones that did not change keep their index."""
        with self.lock:
            raw, by_id = {}, {}
            for listed in self.source.zones():
                zone_id = bare_id(listed["id"])
                view = raw[zone_id] = (listed["name"], self.source.records(listed["id"]))
                same = self.raw.get(zone_id) == view
                by_id[zone_id] = self.by_id[zone_id] if same else Zone(zone_id, *view)
            # Of two zones with one name the first listed answers, as delegation would settle it on AWS.
            by_name = {}
            for zone in by_id.values():
                by_name.setdefault(zone.name, zone)
            self.raw, self.by_id, self.by_name = raw, by_id, by_name
            self.read_at = time.monotonic()

    def freshen(self):
        """Refresh if the view is too old; when the source fails, the last good view stays."""
        if time.monotonic() - self.read_at < MAX_AGE_SECONDS:
            return
        try:
            self.refresh()
        except Exception:
            # The source belongs to somebody else; answers go on, and the next try is one age away.
            self.read_at = time.monotonic()
            LOG.exception("the records could not be read; answering from the last ones")

    def zone_of(self, name):
        """The zone that answers for a name: the one with the longest matching name, or None."""
        self.freshen()
        for candidate in [canonical(name), *parents(canonical(name))]:
            if candidate in self.by_name:
                return self.by_name[candidate]
        return None

    def zone(self, zone_id):
        """A zone by id, as the source has it at this moment; KeyError when it has none."""
        self.refresh()
        return self.by_id[bare_id(zone_id)]
