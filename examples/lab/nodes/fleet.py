"""The fleet: boots nodes, switches them, cuts their network, and removes them without a trace."""

import contextlib
import dataclasses
import hashlib
import json
import pathlib
import shutil
import subprocess
import threading

from nodes import container, docker, seed, wire
from nodes.docker import NodeError

KINDS = ("full", "slim", "light")
LAB_LABEL = "dsline-lab"
INSTANCE_LABEL = "dsline-lab-instance"
ADDRESS_LABEL = "dsline-lab-address"
KIND_LABEL = "dsline-lab-kind"
_STATES = {"running": "running", "paused": "paused", "restarting": "running"}


@dataclasses.dataclass(frozen=True)
class Node:
    """A node as the engine shows it; `state` is running, paused or off."""

    instance_id: str
    address: str
    kind: str
    state: str
    cut: bool
    container: str


class Fleet:
    """All nodes of one lab. Every method blocks, may be called from any thread, and raises `NodeError`.

    `state_dir` holds the seeds and names the lab (its containers carry the name as a label), so two labs with folders of
    their own never touch each other's nodes; they only must not give the same address twice. The engine's disk, not this
    object, remembers the nodes: a fleet made anew on the same folder finds them.
    """

    def __init__(self, state_dir: str | pathlib.Path, lab: str | None = None, dns: str = container.GATEWAY):
        self._folder = pathlib.Path(state_dir).resolve() / "nodes"
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.lab = lab or hashlib.sha256(str(self._folder).encode()).hexdigest()[:8]
        self._dns = dns
        self._seccomp = self._folder / "seccomp.json"
        self._seccomp.write_text(json.dumps(container.SECCOMP))
        self._images: dict[str, str] = {}
        self._locks: dict[str, threading.RLock] = {}
        self._guard = threading.Lock()

    def boot(
        self,
        instance_id: str,
        address: str,
        memory_mib: int,
        vcpus: float,
        user_data: str | bytes = "",
        kind: str = "full",
        hostname: str | None = None,
        public_keys: list[str] | None = None,
        gate: str | None = None,
    ) -> None:
        """Starts a node and returns when its first process runs (not when cloud-init is done).

        `user_data` is what EC2 would hand to the instance (base64 taken off; gzip and MIME may stay), `public_keys` the
        key pair's, which cloud-init gives to the user `admin`. `gate` is the address of a lab that is asked before each
        command that comes over SSH.
        """
        data = user_data.encode() if isinstance(user_data, str) else user_data
        hostname = hostname or instance_id
        folder = self._folder / instance_id
        with self._holding(instance_id):
            image = self._image(kind)
            if folder.exists():
                raise NodeError(f"node {instance_id} is there already")
            labels = {
                LAB_LABEL: self.lab, INSTANCE_LABEL: instance_id, ADDRESS_LABEL: address, KIND_LABEL: kind,
            }  # fmt: skip
            arguments = ["--detach", "--name", self._name(instance_id)]
            arguments += [word for pair in labels.items() for word in ("--label", "=".join(pair))]
            arguments += container.basics(hostname, address, memory_mib, vcpus, self._dns)
            try:
                if kind == "full":
                    seed.write_full(folder / "seed", instance_id, hostname, data, public_keys or [])
                    arguments += container.full(str(folder / "seed"), str(self._seccomp))
                else:
                    seed.write_light(folder / "seed", data, public_keys or [])
                    arguments += getattr(container, kind)(str(folder / "seed"))
                if gate is not None:
                    (folder / "gate").write_text(gate + "\n")
                    arguments += container.gate(str(folder / "gate"))
                docker.call("run", *arguments, image)
            except BaseException:
                # A container that was made but not started would keep the name.
                self._remove(instance_id)
                raise

    def terminate(self, instance_id: str) -> None:
        """Removes a node, its disk and its seed; nothing happens if there is none."""
        with self._holding(instance_id):
            self._remove(instance_id)
        with self._guard:
            self._locks.pop(instance_id, None)

    def power_off(self, instance_id: str) -> None:
        """Pulls the plug: nothing in the node is told. Its disk and address stay."""
        with self._holding(instance_id):
            if self._state(instance_id) == "paused":
                docker.call("unpause", self._name(instance_id))
            if self._state(instance_id) != "off":
                docker.call("kill", self._name(instance_id))

    def power_on(self, instance_id: str) -> None:
        """Starts a node that is off, with the disk and address that it had; a running one stays as it is."""
        with self._holding(instance_id):
            docker.call("start", self._name(instance_id))
            self._keep_cut(instance_id)

    def reboot(self, instance_id: str) -> None:
        """Asks the node to shut down (its containers may take ten seconds, then the plug) and starts it again."""
        with self._holding(instance_id):
            docker.call("restart", "--time", "15", self._name(instance_id))
            self._keep_cut(instance_id)

    def pause(self, instance_id: str) -> None:
        """Freezes every process of a node: connections stay open and nothing answers."""
        with self._holding(instance_id):
            docker.call("pause", self._name(instance_id))

    def resume(self, instance_id: str) -> None:
        """Undoes `pause`."""
        with self._holding(instance_id):
            docker.call("unpause", self._name(instance_id))

    def cut(self, instance_id: str) -> None:
        """Drops every packet to and from a node, across switching it off and on too, until `mend`."""
        with self._holding(instance_id):
            if self._state(instance_id) != "off":
                wire.cut(self._name(instance_id))
            self._cut_mark(instance_id).touch()

    def mend(self, instance_id: str) -> None:
        """Undoes `cut`; the address is the same."""
        with self._holding(instance_id):
            self._cut_mark(instance_id).unlink(missing_ok=True)
            if self._state(instance_id) != "off":
                wire.mend(self._name(instance_id))

    def drop(self, instance_id: str) -> None:
        """Ends every SSH connection of a node at once, as a router does that forgets them; new ones are let in."""
        with self._holding(instance_id):
            # One process for each connection; the listening one has another name. There may be none.
            docker.call("exec", self._name(instance_id), "sh", "-c", "pkill -KILL -x sshd-session || true")

    def list(self) -> list[Node]:
        """All nodes of this lab, sorted by instance id."""
        fields = [f'{{{{.Label "{label}"}}}}' for label in (INSTANCE_LABEL, ADDRESS_LABEL, KIND_LABEL)]
        fields += ["{{.State}}", "{{.Names}}"]
        lines = docker.call("ps", "--all", "--filter", f"label={LAB_LABEL}={self.lab}", "--format", "\t".join(fields))
        nodes = []
        for line in lines.splitlines():
            instance_id, address, kind, state, name = line.split("\t")
            cut = self._cut_mark(instance_id).exists()
            nodes.append(Node(instance_id, address, kind, _STATES.get(state, "off"), cut, name))
        return sorted(nodes, key=lambda node: node.instance_id)

    def sweep(self) -> int:
        """Removes all nodes of this lab and says how many there were."""
        nodes = left = self.list()
        while left:
            try:
                docker.call("rm", "--force", "--volumes", *(node.container for node in left))
            except NodeError as error:
                # Some are being removed by others already; the rest of them is gone now.
                if not docker.absent(error):
                    raise
            left = self.list()
        for folder in self._folder.iterdir():
            if folder.is_dir():
                shutil.rmtree(folder, ignore_errors=True)
        return len(nodes)

    def _name(self, instance_id: str) -> str:
        return f"dsline-{self.lab}-{instance_id}"

    def _cut_mark(self, instance_id: str) -> pathlib.Path:
        return self._folder / instance_id / "cut"

    @contextlib.contextmanager
    def _holding(self, instance_id: str):
        # One thing at a time happens to a node: a terminate that overtakes its boot would leave a container behind.
        with self._guard:
            lock = self._locks.setdefault(instance_id, threading.RLock())
        with lock:
            yield

    def _state(self, instance_id: str) -> str:
        state = docker.call("inspect", "--format", "{{.State.Status}}", self._name(instance_id))
        return _STATES.get(state, "off")

    def _keep_cut(self, instance_id: str) -> None:
        # A started container gets a new interface, whose port is open.
        if self._cut_mark(instance_id).exists():
            wire.cut(self._name(instance_id))

    def _remove(self, instance_id: str) -> None:
        try:
            docker.call("rm", "--force", "--volumes", self._name(instance_id))
        except NodeError as error:
            if not docker.absent(error):
                raise
        shutil.rmtree(self._folder / instance_id, ignore_errors=True)

    def _image(self, kind: str) -> str:
        """The tag of a kind's image, which must be built: a boot that began by building would take a minute."""
        if kind not in KINDS:
            raise NodeError(f"there is no kind of node '{kind}'; known: {', '.join(KINDS)}")
        with self._guard:
            if kind not in self._images:
                script = pathlib.Path(__file__).with_name("image.sh")
                done = subprocess.run([script, "tags"], capture_output=True, text=True, check=True)
                tags = dict(line.split("=", 1) for line in done.stdout.split())
                tag = tags["light" if kind == "light" else "node"]
                try:
                    docker.call("image", "inspect", "--format", "{{.Id}}", tag)
                except NodeError as error:
                    raise NodeError(f"the image {tag} is not there; run {script} first ({error})") from error
                self._images[kind] = tag
        return self._images[kind]
