#!/usr/bin/env python3
"""Runs one tier of the tests within its time limit: tier.py NAME SECONDS RESULT -- COMMAND...

What the command prints is passed on as it comes; RESULT is a JSON file of what `summary.py` sums up. A tier past its
limit is ended with all that it started, says which tests were still running, and fails. Exit code: the command's own,
124 past the limit.
"""

import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

from outcome import Outcome

# How long a tier that was told to end may take to do it.
GRACE_SECONDS = 20
LIMIT_EXCEEDED = 124


def main():
    name, limit, result = sys.argv[1], float(sys.argv[2]), Path(sys.argv[3])
    command = sys.argv[sys.argv.index("--") + 1 :]
    begun = time.monotonic()
    outcome = Outcome(name, begun, list_tests)
    # A session of its own: what the tier starts can be ended as a whole.
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, frame: end(child) or sys.exit(128 + number))
    partial = pass_on(child, outcome, begun + limit)
    if partial is None:
        code = child.wait()
    else:
        code = LIMIT_EXCEEDED
        tell_limit(outcome, partial, limit)
        end(child)
    outcome.end(code)
    values = outcome.as_dict() | {"seconds": time.monotonic() - begun, "code": code}
    result.write_text(json.dumps(values))
    sys.exit(code)


def pass_on(child, outcome, deadline):
    """Reads until the command has ended, or returns the unfinished last line when its time is up."""
    source, rest = child.stdout.fileno(), b""
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            return rest.decode(errors="replace")
        if not select.select([source], [], [], min(left, 1))[0]:
            # A service that the tier left running holds the pipe's other end.
            if child.poll() is not None:
                break
            continue
        data = os.read(source, 65536)
        if not data:
            break
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            outcome.take(line.decode(errors="replace"), time.monotonic())
    if rest:
        outcome.take(rest.decode(errors="replace"), time.monotonic())
    return None


def tell_limit(outcome, partial, limit):
    running = outcome.running(partial)
    outcome.explain_silence()
    for name in running or [outcome.tier]:
        told = [f"still running when the tier's {limit:.0f} seconds were over; the last lines of the tier:"]
        outcome.fail(name, [*told, *outcome.lines[-10:], partial])
    print(f"\n!! {outcome.tier}: its {limit:.0f} seconds are over; still running: {', '.join(running) or 'the tier itself'}", flush=True)


def end(child):
    """Ends the command and what it has started, by their session's process group."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(child.pid, number)
        except ProcessLookupError:
            return
        waited = time.monotonic() + GRACE_SECONDS
        while time.monotonic() < waited and child.poll() is None:
            time.sleep(0.1)


def list_tests(command):
    """The tests of a libtest program in the order of their start, and how many of them run at a time."""
    words = command.split()
    listed = subprocess.run([*words, "--list", "--format", "terse"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    names = [line.removesuffix(": test") for line in listed.stdout.splitlines() if line.endswith(": test")]
    threads = [word.partition("=")[2] for word in words if word.startswith("--test-threads=")]
    return names, int(threads[0]) if threads else len(os.sched_getaffinity(0))


if __name__ == "__main__":
    main()
