"""What looking at every request costs: nginx with and without the rules, turn by turn in one run; prints p50 and memory.

cost.py WITH WITHOUT: two nginx.conf that listen on the same ports, so that one runs at a time.
"""

import pathlib
import statistics
import subprocess
import sys
import time

import wire

ROUNDS, REQUESTS, WARM = 5, 1000, 100
BODY = b'{"model":"deepseek-chat","messages":[{"role":"user","content":"' + b"why is the sky blue? " * 40 + b'"}]}'
HEADERS = {
    "Authorization": "Bearer dsl-0123456789abcdef0123456789abcdef", "Content-Type": "application/json", "Accept": "*/*",
    "User-Agent": "OpenAI/Python 1.109.1", "X-Stainless-Lang": "python", "X-Stainless-Async": "false",
}  # fmt: skip


def nginx(config, *words):
    subprocess.run(["nginx", "-q", "-c", config, *words], check=True, stderr=subprocess.DEVNULL)


def wait_for(is_so):
    deadline = time.monotonic() + 60
    while not is_so():
        if time.monotonic() > deadline:
            sys.exit("nginx did not start or end within 60 s")
        time.sleep(0.02)


def listens():
    """Whether nginx is there: the socket is closed when its last process has ended."""
    try:
        wire.connect().close()
    except OSError:
        return False
    return True


def memory():
    """MiB of all nginx processes: shared pages are counted once (proportional set size)."""
    total = 0
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "comm").read_text().strip() == "nginx":
                lines = (folder / "smaps_rollup").read_text().splitlines()
                total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        except OSError:
            continue
    return total / 1024


def measure(config):
    """Milliseconds of each request on one connection, and memory after them."""
    nginx(config)
    wait_for(listens)
    times = []
    request = wire.message("POST", "/v1/chat/completions", HEADERS, BODY)
    for begin in range(0, WARM + REQUESTS, 500):
        with wire.connect() as connection:
            for number in range(begin, min(begin + 500, WARM + REQUESTS)):
                begun = time.perf_counter()
                connection.sendall(request)
                answer = wire.Answer(connection)
                if answer.status != 200:
                    sys.exit(f"a request was answered with {answer.status}")
                if number >= WARM:
                    times.append(1000 * (time.perf_counter() - begun))
    used = memory()
    nginx(config, "-s", "stop")
    wait_for(lambda: not listens())
    return statistics.median(times), used


def main(with_rules, without):
    subprocess.run(["nginx", "-s", "stop", "-c", with_rules], check=False, stderr=subprocess.DEVNULL)
    wait_for(lambda: not listens())
    runs = {config: [] for config in (without, with_rules)}
    for _ in range(ROUNDS):
        for config, found in runs.items():
            found.append(measure(config))
    (base, base_memory), (looked, looked_memory) = (
        tuple(statistics.median(column) for column in zip(*found, strict=True)) for found in runs.values()
    )
    print(f"p50 without {base:.3f} ms, with {looked:.3f} ms: +{looked - base:.3f} ms, ratio {looked / base:.2f}")
    print(f"memory without {base_memory:.0f} MiB, with {looked_memory:.0f} MiB: +{looked_memory - base_memory:.0f} MiB")


main(*sys.argv[1:])
