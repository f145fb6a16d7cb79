"""Calls to the docker command, with errors that say which call failed and why."""

import subprocess


class NodeError(Exception):
    """A node could not be booted, changed or looked at; the message says which and why."""


def call(*arguments: str, timeout: float = 60) -> str:
    """Runs `docker ARGUMENTS` and returns what it printed."""
    try:
        done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=timeout)
    except FileNotFoundError as error:
        raise NodeError("there is no docker command; run examples/lab/nodes/engine.sh first") from error
    except subprocess.TimeoutExpired as error:
        raise NodeError(f"docker {arguments[0]} did not end within {timeout:.0f} s") from error
    if done.returncode != 0:
        raise NodeError(f"docker {arguments[0]} failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout.strip()


def absent(error: NodeError) -> bool:
    """Whether a call failed because its container is not there (any more)."""
    text = str(error)
    return "No such container" in text or "is already in progress" in text
