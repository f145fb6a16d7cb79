"""Gives instances real machines: boots, stops and removes the nodes that stand for them."""

import base64
import sys
import threading
import time

from moto.ec2.models.instance_types import INSTANCE_TYPES

# A look costs one call of the container engine.
_WATCH_SECONDS = 2.0
ACTS = ("off", "on", "pause", "resume", "reboot", "cut", "mend", "drop")


class MachineTrouble(Exception):
    """A machine could not be made to do what was asked."""


class Machines:
    """The nodes of all instances; without a fleet, or with node_kind none, instances are only entries."""

    def __init__(self, settings):
        self._settings = settings
        self._lock = threading.Lock()
        self._fleet = None
        self._gate = None
        self._alive = set()
        self._booting = {}
        self._unwatched = set()

    def attach(self, fleet, gate=None):
        """From now on this fleet makes the machines; with a gate, they ask that address about every SSH command."""
        self._fleet = fleet
        self._gate = gate

    def boot(self, instance, public_keys, failed):
        """Begins to boot the instance's machine; `failed()` is called if that does not work."""
        kind = self._settings.node_kind
        if self._fleet is None or kind == "none":
            return
        model = INSTANCE_TYPES[instance.instance_type]
        order = {
            "instance_id": instance.id,
            "address": instance.private_ip,
            "memory_mib": model["MemoryInfo"]["SizeInMiB"],
            "vcpus": model["VCpuInfo"]["DefaultVCpus"],
            "user_data": base64.b64decode(str(instance.user_data or "")),
            "kind": kind,
            "hostname": instance.private_dns_name.split(".")[0],
            "public_keys": public_keys,
            "gate": self._gate,
        }
        with self._lock:
            self._alive.add(instance.id)
            thread = threading.Thread(target=self._boot, args=(order, failed), name=f"boot-{instance.id}", daemon=True)
            self._booting[instance.id] = thread
        thread.start()

    def has(self, instance_id):
        """Whether the instance has, or is getting, a machine."""
        return instance_id in self._alive

    def act(self, instance_id, act):
        """Does one of ACTS to the machine, waiting for its boot first."""
        if not self.has(instance_id):
            raise MachineTrouble(f"{instance_id} has no machine")
        self._await_boot(instance_id)
        verb = {"off": "power_off", "on": "power_on"}.get(act, act)
        if act in ("off", "reboot"):
            # Off on purpose: the watch must not take it for the guest's own shutdown.
            self._unwatched.add(instance_id)
        try:
            getattr(self._fleet, verb)(instance_id)
        except Exception as error:  # the fleet's own kinds of failure are not ours to know
            raise MachineTrouble(f"{instance_id} could not be told '{act}': {error}") from error
        if act in ("on", "reboot"):
            self._unwatched.discard(instance_id)

    def act_later(self, instance_id, act):
        """Like `act`, but neither waits nor minds that there is no machine: EC2 calls answer at once."""
        if self.has(instance_id):
            threading.Thread(target=self._quietly, args=(self.act, instance_id, act), daemon=True).start()

    def terminate(self, instance_id):
        """Begins to remove the machine, if there is one."""
        with self._lock:
            if instance_id not in self._alive:
                return
            self._alive.discard(instance_id)
        threading.Thread(target=self._quietly, args=(self._remove, instance_id), daemon=True).start()

    def states(self):
        """What the fleet says about its nodes: {instance id: node}."""
        if self._fleet is None:
            return {}
        return {node.instance_id: node for node in self._fleet.list()}

    def watch(self, noticed_off):
        """From now on tells, within seconds, of machines that went off without being asked to."""
        threading.Thread(target=self._watch, args=(noticed_off,), name="watch", daemon=True).start()

    def sweep(self):
        """Removes every machine of this lab, also those of an earlier run."""
        with self._lock:
            self._alive.clear()
            booting = list(self._booting.values())
        for thread in booting:
            thread.join(timeout=60)
        if self._fleet is not None:
            self._fleet.sweep()

    def _watch(self, noticed_off):
        while True:
            time.sleep(_WATCH_SECONDS)
            with self._lock:
                awaited = self._alive - set(self._booting) - self._unwatched
            if awaited:
                self._quietly(self._look, awaited, noticed_off)

    def _look(self, awaited, noticed_off):
        for instance_id, node in self.states().items():
            if instance_id in awaited and node.state == "off":
                noticed_off(instance_id)

    def _boot(self, order, failed):
        try:
            self._fleet.boot(**order)
        except Exception as error:  # the boot's own thread is the last place that can tell of it
            print(f"cloud: {order['instance_id']} did not boot: {error}", file=sys.stderr, flush=True)
            failed()
        finally:
            with self._lock:
                self._booting.pop(order["instance_id"], None)

    def _remove(self, instance_id):
        self._await_boot(instance_id)
        self._fleet.terminate(instance_id)

    def _await_boot(self, instance_id):
        with self._lock:
            thread = self._booting.get(instance_id)
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _quietly(self, work, *arguments):
        try:
            work(*arguments)
        except Exception as error:  # as above: nobody waits for this thread
            print(f"cloud: {' '.join(map(str, arguments))} failed: {error}", file=sys.stderr, flush=True)
