"""Probes the endpoints of the health checks on their own timetable and knows which checks are healthy.

AWS asks each endpoint from several regions with many checkers and calls it healthy while more than 18 %
of them agree; that guards against a broken path to one checker. In the lab every path is loopback, so one
probe per interval stands for all checkers.
"""

import datetime
import logging
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor

from .probe import probe

LOG = logging.getLogger("lab.dns.prober")
THREADS = 16
#: How often the list of checks is read and due probes are started.
TICK_SECONDS = 0.1
DEFAULT_INTERVAL = 30
DEFAULT_THRESHOLD = 3
PROBED = {"HTTP", "HTTPS", "HTTP_STR_MATCH", "HTTPS_STR_MATCH", "TCP"}
#: A change of one of these is a change of what is probed, so counting starts again.
ENDPOINT = ("Type", "IPAddress", "Port", "ResourcePath", "FullyQualifiedDomainName", "SearchString", "EnableSNI")
#: Whose address an observation bears; the checker is this process.
CHECKER = "127.0.0.1"
MAX_NESTING = 8


class Watch:
    """What is known about one check's endpoint."""

    def __init__(self, config):
        self.config = config
        # Until enough probes say otherwise an endpoint counts as working.
        self.working = True
        self.streak = 0
        self.observation = None
        self.due = time.monotonic()
        self.running = False

    def record(self, result, wall_clock):
        """Count one probe; FailureThreshold results in a row against the state turn it."""
        self.observation = (result.status, wall_clock)
        self.streak = 0 if result.success == self.working else self.streak + 1
        if self.streak >= (self.config.get("FailureThreshold") or DEFAULT_THRESHOLD):
            self.working, self.streak = result.success, 0


class Prober:
    """Follows the checks of a source and probes them until stopped."""

    def __init__(self, source, time_factor=10):
        self.source, self.time_factor = source, time_factor
        self.lock = threading.RLock()
        self.watches = {}
        self.turns = deque(maxlen=1000)
        self.stopping = threading.Event()
        self.pool = ThreadPoolExecutor(THREADS, "dns-probe")
        self.follow()
        self.thread = threading.Thread(target=self.run, name="dns-prober", daemon=True)
        self.thread.start()

    def stop(self):
        """End the timetable; a probe under way may finish by itself."""
        self.stopping.set()
        self.thread.join()
        self.pool.shutdown(wait=False, cancel_futures=True)

    def run(self):
        while not self.stopping.wait(TICK_SECONDS):
            try:
                self.follow()
                self.start_due()
            except Exception:
                # The source belongs to somebody else; its bad moment must not end all probing.
                LOG.exception("the health checks could not be read; trying again")

    def follow(self):
        """Take over new, changed and deleted checks."""
        configs = {check_id: dict(check["HealthCheckConfig"]) for check_id, check in self.source.checks().items()}
        with self.lock:
            for gone in self.watches.keys() - configs.keys():
                del self.watches[gone]
            for check_id, config in configs.items():
                watch = self.watches.get(check_id)
                if watch is None or (watch.config.get("Disabled") and not config.get("Disabled")):
                    # An enabled check has no data from its pause, so it is as good as new.
                    self.watches[check_id] = Watch(config)
                elif watch.config != config:
                    if any(watch.config.get(key) != config.get(key) for key in ENDPOINT):
                        watch.streak, watch.due = 0, time.monotonic()
                    watch.config = config

    def start_due(self):
        now = time.monotonic()
        with self.lock:
            for check_id, watch in self.watches.items():
                config = watch.config
                if config["Type"] in PROBED and not config.get("Disabled") and not watch.running and now >= watch.due:
                    interval = (config.get("RequestInterval") or DEFAULT_INTERVAL) / self.time_factor
                    # From start to start, without catching up on what was missed.
                    watch.due = max(watch.due + interval, now)
                    watch.running = True
                    self.pool.submit(self.run_probe, check_id, watch, config)

    def run_probe(self, check_id, watch, config):
        try:
            result = probe(config, self.time_factor)
        except Exception:
            LOG.exception("the probe of check %s failed by a fault of the lab", check_id)
            watch.running = False
            return
        wall_clock = datetime.datetime.now(datetime.timezone.utc)
        with self.lock:
            watch.running = False
            # A result for settings that changed meanwhile says nothing about the new ones.
            if all(watch.config.get(key) == config.get(key) for key in ENDPOINT):
                before = watch.working
                watch.record(result, wall_clock)
                if watch.working != before:
                    self.turns.append((wall_clock, check_id, watch.working, result.status))

    def healthy(self, check_id):
        """Whether a check counts as healthy; a deleted one does here (AWS calls its effect unpredictable)."""
        with self.lock:
            return self.judge(check_id, 0)

    def judge(self, check_id, nesting):
        watch = self.watches.get(check_id)
        if watch is None or nesting > MAX_NESTING:
            return True
        config = watch.config
        if config.get("Disabled"):
            state = True
        elif config["Type"] == "CALCULATED":
            children = [self.judge(child, nesting + 1) for child in config.get("ChildHealthChecks") or []]
            state = sum(children) >= (config.get("HealthThreshold") or 0)
        elif config["Type"] == "CLOUDWATCH_METRIC":
            # The lab has no data stream of alarms, so the setting for missing data decides.
            state = config.get("InsufficientDataHealthStatus") != "Unhealthy"
        else:
            state = watch.working
        return state != bool(config.get("Inverted"))

    def status(self, check_id):
        """State and last observation, for GetHealthCheckStatus; KeyError when there is no such check."""
        with self.lock:
            watch = self.watches[check_id]
            observations = []
            if watch.observation:
                text, wall_clock = watch.observation
                region = (watch.config.get("Regions") or ["us-east-1"])[0]
                observations.append({"region": region, "ip": CHECKER, "status": text, "checked_time": wall_clock})
            return {"healthy": self.judge(check_id, 0), "observations": observations}
