"""The stage of the clients' tests: a Redis, the lab's upstream and gateways, and a small server that resets and holds them.

stage.py UPSTREAM GATEWAY COMMAND... plays the command with the stage's places in its environment, and returns its code.
"""

import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

KEY = "sk-clients-key"
LIMITED_KEY = "sk-clients-limited"
UPSTREAM_KEY = "sk-upstream-key"
# Signs tokens; in the gateway's file as hexadecimal digits.
TOKEN_KEY = "the-key-of-the-clients-tokens-0123456789"
BODY_BYTES = 2_000_000
# Seconds of one client, and of a thing that the stage waits for; far more than they need.
LONGEST = 900
PATIENCE = 60
DEFAULTS = {
    "latency_ms": 0, "first_token_ms": 0, "per_token_ms": 0, "tokens": 16, "error_rate": 0, "error_status": 503,
    "rate_limit_concurrency": 0, "cut_stream_after": None, "keepalive_ms": 0,
}
# Knobs after which breakers may be open and keys benched.
FAULTS = ("error_rate", "cut_stream_after", "rate_limit_concurrency")

CONFIG = """
listen = "127.0.0.1:{port}"
admin = "127.0.0.1:0"
node = "lab/1"
line = "clients"
stop_seconds = 1
[upstream]
base_url = "http://127.0.0.1:{upstream}"
key_file = "{folder}/upstream_key"
[keys]
file = "{folder}/client_keys"
[auth.jwt]
issuers = ["dsline"]
audiences = ["dsline:clients"]
algorithms = ["HS256"]
secret_file = "{folder}/jwt_keys"
[cors]
origins = ["http://127.0.0.1:{page}"]
[limits]
body_bytes = {body_bytes}
[cache]
redis = "{folder}/redis.sock"
[streams]
heartbeat_seconds = 1
"""


def reserve_port(ends):
    """A port that is nobody else's until the end: it is bound, but does not listen, so that its user may bind it too."""
    holder = ends.enter_context(socket.socket())
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", 0))
    return holder.getsockname()[1]


class Gateway:
    """One gateway, always at the same port."""

    def __init__(self, program, folder, name, upstream, ends):
        self.program, self.port, self.page = program, reserve_port(ends), reserve_port(ends)
        self.file = folder / f"{name}.toml"
        self.file.write_text(
            CONFIG.format(port=self.port, page=self.page, upstream=upstream, folder=folder, body_bytes=BODY_BYTES)
        )
        ends.callback(lambda: end(self.process))
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [self.program, "--config", self.file], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
        )
        first = self.process.stdout.readline()
        if '"started"' not in first:
            raise SystemExit(f"stage: the gateway did not start: {first}{self.process.stdout.read()}")
        # Its log has to go somewhere; a full pipe would not stop it, but count lines as dropped.
        threading.Thread(target=self.process.stdout.read, daemon=True).start()
        self.operator = re.search(r"operator ([0-9.:]+)", first)[1]
        # It serves at once and finds its Redis a moment later.
        wait_for(lambda: self.status()["cache"]["redis"] == "closed", "link to Redis")

    def status(self):
        return ask(f"http://{self.operator}/status")

    def merged(self):
        """How many requests shared another one's call since the start."""
        return self.status()["flights"]["merged"]

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/v1"


class Stage:
    """All processes; `ends` ends them, also when the stage does not come to stand."""

    def __init__(self, folder, upstream_program, gateway_program, ends):
        self.folder, self.had_faults = folder, False
        (folder / "upstream_key").write_text(UPSTREAM_KEY + "\n")
        hashed = [f"sha256:{hashlib.sha256(key.encode()).hexdigest()}" for key in (KEY, LIMITED_KEY)]
        (folder / "client_keys").write_text(f"{hashed[0]} name=clients\n{hashed[1]} name=limited rpm=1\n")
        (folder / "jwt_keys").write_text(f"1 {TOKEN_KEY.encode().hex()}\n")
        # Durable it need not be, private it is.
        self.redis = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", folder / "redis.sock", "--save", "", "--dir", folder],
            stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
        )
        ends.callback(end, self.redis)
        self.emulator = subprocess.Popen(
            [upstream_program, "--listen", "127.0.0.1:0", "--key-file", folder / "upstream_key"],
            stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
        )
        ends.callback(end, self.emulator)
        place = self.emulator.stdout.readline().strip().rpartition(" ")[2]
        self.upstream = f"http://{place}"
        wait_for((folder / "redis.sock").exists, "Redis")
        self.gateway = Gateway(gateway_program, folder, "gateway", place.rpartition(":")[2], ends)
        self.lost = Gateway(gateway_program, folder, "lost", reserve_port(ends), ends)

    def begin(self, knobs):
        if self.had_faults:
            self.replace_gateway()
        self.had_faults = any(knobs.get(name) for name in FAULTS)
        ask(f"{self.upstream}/_lab/knobs", DEFAULTS | knobs)
        self.kept_before = self.kept()
        return self.stats()

    def restart(self):
        # What goes to Redis goes there after the answer.
        wait_for(lambda: self.kept() > self.kept_before, "first answer in Redis since the knobs were turned")
        self.replace_gateway()
        return {}

    def replace_gateway(self):
        end(self.gateway.process)
        self.gateway.start()

    def kept(self):
        """How many answers Redis has."""
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(PATIENCE)
            link.connect(str(self.folder / "redis.sock"))
            link.sendall(b"DBSIZE\r\n")
            return int(link.recv(64).lstrip(b":"))

    def hold(self):
        """The upstream answers nobody until `release`."""
        self.merged_before = self.gateway.merged()
        self.emulator.send_signal(signal.SIGSTOP)
        return {}

    def release(self, merged):
        """The upstream answers again, as soon as so many requests have joined another one's call."""
        try:
            wait_for(lambda: self.gateway.merged() - self.merged_before >= merged, f"{merged} requests that join a call")
        finally:
            self.emulator.send_signal(signal.SIGCONT)
        return {}

    def stats(self):
        return ask(f"{self.upstream}/_lab/stats")


def end(process):
    process.kill()
    process.wait()


def wait_for(is_so, what):
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError(f"stage: waited {PATIENCE} s for the {what}")
        time.sleep(0.02)


def ask(url, body=None):
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data), timeout=PATIENCE) as answer:
        return json.load(answer)


def serve(stage):
    """Lets the tests, whatever language they are in, turn knobs and restart the gateway."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or b"{}")
            acts = {
                "/begin": lambda: stage.begin(body), "/restart": stage.restart, "/stats": stage.stats, "/hold": stage.hold,
                "/release": lambda: stage.release(body["merged"]),
            }
            answer = json.dumps(acts[self.path]()).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}"


def main(upstream_program, gateway_program, *command):
    with tempfile.TemporaryDirectory() as folder, ExitStack() as ends:
        stage = Stage(Path(folder), upstream_program, gateway_program, ends)
        places = {
            "STAGE_URL": serve(stage), "STAGE_BASE": stage.gateway.url, "STAGE_LOST": stage.lost.url,
            "STAGE_UPSTREAM": stage.upstream, "STAGE_KEY": KEY, "STAGE_LIMITED_KEY": LIMITED_KEY,
            "STAGE_UPSTREAM_KEY": UPSTREAM_KEY, "STAGE_BODY_BYTES": str(BODY_BYTES),
            "STAGE_TOKEN_KEY": TOKEN_KEY, "STAGE_PAGE_PORT": str(stage.gateway.page),
        }
        return subprocess.run(command, env=os.environ | places, timeout=LONGEST).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
