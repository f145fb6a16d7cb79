"""Runs what `dsline export monitoring` writes: its files before the real programs, /metrics behind a real nginx and gateway.

stage.py DSLINE GATEWAY UPSTREAM: prints "accepted ..." or "REFUSED ..." for each check. The rendered nginx and gateway files
of a node are used as they are, but for ports and paths, so the token and the line's certificates are tried, too. With
DSLINE_TESTS_FULL=yes a real Prometheus watches them, and every panel's query must return data.
"""

import json
import math
import os
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import ExitStack
from pathlib import Path

HERE = Path(__file__).parent
# A key may ask so often; more is refused, which a panel shows.
RATE_LIMIT = 60
# Seconds within which a program starts or a panel has data; far more than they need.
PATIENCE = 180
refused = 0


def reserve_port(ends):
    """A port that is nobody else's until the end: it is bound, but does not listen, so that its user may bind it too."""
    holder = ends.enter_context(socket.socket())
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", 0))
    return holder.getsockname()[1]


def check(what, is_so, why=""):
    global refused
    print(f"accepted  {what}" if is_so else f"REFUSED   {what}\n          {why}", flush=True)
    refused += not is_so


def accepts(what, *command, folder=None):
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE)
    check(what, ran.returncode == 0, (ran.stdout + ran.stderr).strip())


def fetch(url, headers=None, body=None, context=None):
    """Status and text of an answer, whatever it is."""
    request = urllib.request.Request(url, body, headers or {})
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE, context=context) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def wait_for(is_so, what, folder):
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        if time.monotonic() > deadline:
            logs = "".join(f"{log.name}: {log.read_text()[-2000:]}\n" for log in folder.glob("*.log"))
            raise SystemExit(f"stage: waited {PATIENCE} s for {what}\n{logs}")
        time.sleep(0.1)


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def edit(path, *changes):
    text = path.read_text()
    for old, new in changes:
        if not re.search(old, text):
            raise SystemExit(f"stage: {path.name} has no {old}")
        text = re.sub(old, new, text)
    path.write_text(text)


class Stage:
    """All processes; `ends` ends them."""

    def __init__(self, folder, programs, ends):
        self.folder, self.ends = folder, ends
        self.dsline, self.gateway_program, self.upstream_program = programs
        self.https, self.prometheus, self.blackbox = (reserve_port(ends) for _ in range(3))
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "DEEPSEEK_API_KEY": "sk-stage"}

    def call(self, *words):
        ran = subprocess.run(
            [self.dsline, *words], cwd=self.folder, env=self.environment, capture_output=True, text=True,
            timeout=PATIENCE,
        )
        if ran.returncode != 0:
            raise SystemExit(f"stage: dsline {' '.join(words)}: {ran.stderr}")
        return ran.stdout

    def start(self, *command, **more):
        log = open(self.folder / f"{Path(command[0]).name}.log", "w")
        process = subprocess.Popen([str(word) for word in command], stdout=log, stderr=log, stdin=subprocess.DEVNULL, **more)
        self.ends.callback(lambda: (process.terminate(), process.wait(PATIENCE)))

    def write(self):
        (self.folder / ".ssh").mkdir()
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.folder / ".ssh/id_ed25519"], check=True)
        self.call("init", "--yes", "--quiet", "--name", "stage", "--out", "dsline.toml")
        # This machine's nginx need not have the module, and nobody attacks here.
        with open(self.folder / "dsline.toml", "a") as profile:
            profile.write('\n[waf]\nmode = "off"\n')
        self.call("render", "--quiet", "--gateway", self.gateway_program, "--address", "127.0.0.1", "--with-secrets", "--out", "node")
        self.call(
            "export", "monitoring", "watch", "--quiet", "--node", "us-east-1/1=127.0.0.1", "--tokens-a-day", "5000",
            "--webhook", "http://127.0.0.1:9/hook", "--mail", "ops@example.com",
        )
        self.key = json.loads(self.call("connect", "--show-key", "--json"))["api_key"]
        self.context = ssl.create_default_context(cafile=self.folder / "watch/prometheus/dsline-ca.pem")
        self.token = (self.folder / "watch/prometheus/dsline-metrics.token").read_text().strip()

    def start_node(self):
        node, upstream = self.folder / "node", reserve_port(self.ends)
        for name in ("spool", "revoked", "sockets"):
            (self.folder / name).mkdir()
        (self.folder / "upstream_key").write_text("sk-stage\n")
        self.start(self.upstream_program, "--listen", f"127.0.0.1:{upstream}", "--key-file", self.folder / "upstream_key")
        edit(
            node / "gateway/gateway.toml", ("/run/dsline", f"{self.folder}/sockets"), ("/run/secrets", f"{node}/gateway/secrets"),
            ("/run/revoked", f"{self.folder}/revoked"), ("/var/spool/dsline", f"{self.folder}/spool"),
            ('base_url = ".*"', f'base_url = "http://127.0.0.1:{upstream}"'), ("/run/redis/redis.sock", f"{self.folder}/none.sock"),
        )
        self.start(
            self.gateway_program, "--config", node / "gateway/gateway.toml", env=self.environment | {"RATE_LIMIT": str(RATE_LIMIT)}
        )
        edit(
            node / "nginx/nginx.conf", ("user www-data;", "user root;\ndaemon off;"), ("listen 443 ", f"listen 127.0.0.1:{self.https} "),
            (r"\n *listen \[::\]:\d+.*", ""), ("listen 80 ", f"listen 127.0.0.1:{reserve_port(self.ends)} "),
            ("listen 127.0.0.1:8082", f"listen 127.0.0.1:{reserve_port(self.ends)}"), ("/run/nginx", f"{self.folder}/nginx"),
            ("/var/log/nginx", str(self.folder)), ("/var/lib/dsline", str(self.folder)),
        )
        wait_for((self.folder / "sockets/gateway.sock").exists, "the gateway", self.folder)
        self.start("nginx", "-c", node / "nginx/nginx.conf")
        wait_for(lambda: listens(self.https), "nginx", self.folder)

    def start_watchers(self):
        watch = self.folder / "watch"
        target = f"127.0.0.1:{self.https}"
        edit(watch / "prometheus/dsline-targets.json", ("127.0.0.1:443", target))
        edit(watch / "prometheus/prometheus.yml", ("interval: (15|30)s", "interval: 1s"), ("127.0.0.1:9115", f"127.0.0.1:{self.blackbox}"))
        edit(watch / "blackbox/blackbox.yml", ("/etc/prometheus/", f"{watch}/blackbox/"))
        self.start(
            "prometheus-blackbox-exporter", f"--config.file={watch}/blackbox/blackbox.yml",
            f"--web.listen-address=127.0.0.1:{self.blackbox}",
        )
        self.start(
            "prometheus", f"--config.file={watch}/prometheus/prometheus.yml", f"--storage.tsdb.path={self.folder}/data",
            f"--web.listen-address=127.0.0.1:{self.prometheus}",
        )
        wait_for(lambda: listens(self.prometheus) and listens(self.blackbox), "Prometheus", self.folder)

    def ask_line(self, number, key=None, stream=False):
        question = {"model": "deepseek-chat", "messages": [{"role": "user", "content": f"question {number % 7}"}], "stream": stream}
        headers = {"authorization": f"Bearer {key or self.key}", "content-type": "application/json"}
        fetch(f"https://127.0.0.1:{self.https}/v1/chat/completions", headers, json.dumps(question).encode(), self.context)

    def traffic(self, stop):
        number = 0
        while not stop.wait(0.1):
            number += 1
            self.ask_line(number, key="sk-wrong" if number % 10 == 0 else None, stream=number % 3 == 0)

    def query(self, expression):
        url = f"http://127.0.0.1:{self.prometheus}/api/v1/query?" + urllib.parse.urlencode({"query": expression})
        status, text = fetch(url)
        if status != 200:
            raise SystemExit(f"stage: {expression}: {text}")
        values = [float(one["value"][1]) for one in json.loads(text)["data"]["result"]]
        return [value for value in values if not math.isnan(value)]


def files(stage):
    watch = stage.folder / "watch"
    accepts("prometheus.yml and its rules", "promtool", "check", "config", watch / "prometheus/prometheus.yml")
    (watch / "prometheus/rules.test.yml").write_text((HERE / "rules.test.yml").read_text())
    accepts("every alert, by promtool test rules", "promtool", "test", "rules", "rules.test.yml", folder=watch / "prometheus")
    accepts("alertmanager.yml", "amtool", "check-config", watch / "alertmanager/alertmanager.yml")
    accepts("blackbox.yml", "prometheus-blackbox-exporter", "--config.check", f"--config.file={watch}/blackbox/blackbox.yml")
    mode = (watch / "prometheus/dsline-metrics.token").stat().st_mode & 0o777
    check("the token's file is its owner's", mode == 0o600, oct(mode))


def door(stage):
    url = f"https://127.0.0.1:{stage.https}/metrics"
    for what, headers, wanted in [
        ("no token", {}, 401), ("a wrong token", {"authorization": "Bearer dslm-0"}, 401),
        ("a client's key", {"authorization": f"Bearer {stage.key}"}, 401),
        ("the token", {"authorization": f"Bearer {stage.token}"}, 200),
    ]:
        status, text = fetch(url, headers, context=stage.context)
        check(f"/metrics with {what} gives {wanted}", status == wanted and ("dsline_in_flight" in text) == (wanted == 200), text)
    other = f"https://127.0.0.1:{stage.https}/drain"
    status, text = fetch(other, {"authorization": f"Bearer {stage.token}"}, context=stage.context)
    check("the token opens nothing else", status in (401, 404), f"{status} {text}")


def panels(stage):
    dashboard = json.loads((stage.folder / "watch/grafana/dashboards/dsline.json").read_text())
    queries = [(panel["title"], target["expr"]) for panel in dashboard["panels"] for target in panel["targets"]]
    missing = dict.fromkeys(queries)
    deadline = time.monotonic() + PATIENCE
    while missing and time.monotonic() < deadline:
        for title, expression in list(missing):
            asked = expression.replace("$__rate_interval", "30s").replace("$line", ".*").replace("$node", ".*")
            if stage.query(asked):
                del missing[title, expression]
        time.sleep(0.5)
    for query in queries:
        check(f"panel {query[0]}: {query[1][:60]}", query not in missing, query[1])


def rules(stage):
    _, text = fetch(f"http://127.0.0.1:{stage.prometheus}/api/v1/rules")
    groups = json.loads(text)["data"]["groups"]
    ill = [f"{rule['name']}: {rule['lastError']}" for group in groups for rule in group["rules"] if rule["health"] != "ok"]
    check(f"{sum(len(group['rules']) for group in groups)} rules evaluate", groups and not ill, "; ".join(ill))
    names = {rule["name"] for group in groups for rule in group["rules"] if rule["type"] == "alerting" and rule["state"] == "firing"}
    check("no alert fires on a healthy node", not names, ", ".join(names))


def watched(stage):
    stage.start_watchers()
    stop = threading.Event()
    asking = threading.Thread(target=stage.traffic, args=(stop,))
    asking.start()
    try:
        panels(stage)
        rules(stage)
    finally:
        stop.set()
        asking.join()


def main(*programs):
    with tempfile.TemporaryDirectory() as folder, ExitStack() as ends:
        stage = Stage(Path(folder), [Path(program).resolve() for program in programs], ends)
        stage.write()
        files(stage)
        stage.start_node()
        door(stage)
        if os.environ.get("DSLINE_TESTS_FULL") == "yes":
            watched(stage)
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
