"""Remembers every AWS call the lab received, and counts them by service, region and operation."""

import threading
import time


class RequestsLog:
    """An ordered list of calls; a call is counted when it arrives, whatever becomes of it."""

    def __init__(self):
        self._lock = threading.Lock()
        self._entries = []

    def open(self, call):
        """Records that the call arrived and returns its entry, to be closed with its outcome."""
        entry = {
            "n": 0,
            "time": time.time(),
            "service": call.service,
            "region": call.region,
            "operation": call.operation,
            "attempt": call.attempt,
            "application": call.application,
            "status": None,
            "error": None,
            "seconds": None,
        }
        with self._lock:
            entry["n"] = len(self._entries) + 1
            self._entries.append(entry)
        return entry

    def close(self, entry, status, error):
        """Records the answer: its HTTP status (0 when there was none) and its error code."""
        with self._lock:
            entry["status"] = status
            entry["error"] = error
            entry["seconds"] = round(time.time() - entry["time"], 6)

    def entries(self):
        """All calls in the order of their arrival."""
        with self._lock:
            return [dict(entry) for entry in self._entries]

    def counts(self):
        """How many calls: {service: {region: {operation: n}}}."""
        counts = {}
        with self._lock:
            for entry in self._entries:
                of_region = counts.setdefault(entry["service"], {}).setdefault(entry["region"], {})
                of_region[entry["operation"]] = of_region.get(entry["operation"], 0) + 1
        return counts

    def clear(self):
        """Forgets everything."""
        with self._lock:
            self._entries.clear()
