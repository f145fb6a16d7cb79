"""A node's network cable: cut and mended at the bridge, so that the node keeps its interface and address."""

import pathlib
import socket
import subprocess

from nodes import docker
from nodes.docker import NodeError

# States of a bridge's port (linux/if_bridge.h). A disabled port drops everything, in both directions, and says nothing.
_DISABLED = "0"
_FORWARDING = "3"


def _port(container: str) -> str:
    """The name of the host's end of the node's interface."""
    pid = docker.call("inspect", "--format", "{{.State.Pid}}", container)
    try:
        # The node's own /sys, seen from outside: this works for a paused node too.
        index = pathlib.Path("/proc", pid, "root", "sys/class/net/eth0/iflink").read_text()
        return socket.if_indextoname(int(index))
    except OSError as error:
        raise NodeError(f"the network interface of {container} cannot be found: {error}") from error


def _set(container: str, state: str) -> None:
    port = _port(container)
    done = subprocess.run(["bridge", "link", "set", "dev", port, "state", state], capture_output=True, text=True)
    if done.returncode != 0:
        raise NodeError(f"bridge port {port} of {container} cannot be set: {done.stderr.strip()}")


def cut(container: str) -> None:
    """Lets nothing through to or from a running node."""
    _set(container, _DISABLED)


def mend(container: str) -> None:
    """Undoes `cut`."""
    _set(container, _FORWARDING)
