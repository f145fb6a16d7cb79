"""Route 53's five requests a second for the whole account, with a burst of five."""

import threading
import time

RATE = 5.0
BURST = 5.0


class Bucket:
    """A token bucket over all Route 53 calls."""

    def __init__(self):
        self._lock = threading.Lock()
        self._tokens = BURST
        self._filled_at = time.monotonic()

    def take(self):
        """Takes one token; False when there is none and the call must be refused."""
        with self._lock:
            now = time.monotonic()
            self._tokens = min(BURST, self._tokens + (now - self._filled_at) * RATE)
            self._filled_at = now
            if self._tokens < 1:
                return False
            self._tokens -= 1
            return True
