"""Changes on their way to the name servers: PENDING at first, INSYNC after the configured time."""

import random
import string
import threading
import time
from datetime import datetime, timezone

from cloud.refusals import Refused

_ALPHABET = string.ascii_uppercase + string.digits


class Changes:
    """Every change ever accepted, by its id."""

    def __init__(self, settings):
        self._settings = settings
        self._lock = threading.Lock()
        self._changes = {}

    def submit(self, comment=None):
        """Records a change and returns its ChangeInfo."""
        change_id = "C" + "".join(random.choices(_ALPHABET, k=20))
        with self._lock:
            self._changes[change_id] = (time.monotonic(), datetime.now(timezone.utc), comment)
        return self.info(change_id)

    def info(self, change_id):
        """The ChangeInfo of a change, or NoSuchChange."""
        change_id = change_id.rsplit("/", 1)[-1]
        with self._lock:
            if change_id not in self._changes:
                raise Refused("NoSuchChange", f"Could not find resource with ID: {change_id}")
            started, submitted_at, comment = self._changes[change_id]
        done = time.monotonic() - started >= self._settings.insync_seconds
        info = {
            "Id": f"/change/{change_id}",
            "Status": "INSYNC" if done else "PENDING",
            "SubmittedAt": submitted_at,
        }
        if comment:
            info["Comment"] = comment
        return info

    def clear(self):
        """Forgets all changes."""
        with self._lock:
            self._changes.clear()
