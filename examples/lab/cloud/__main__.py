"""Starts the lab's AWS: `python -m cloud --port 5566 --dns-port 5354 --node-kind full --state DIR`."""

import argparse
import json
import pathlib
import signal
import sys
import threading

from cloud import gateway, hooks
from cloud.addresses import BLOCKS
from cloud.dns_source import Source
from cloud.instances import noticed_off
from cloud.lab import lab
from cloud.server import Server
from cloud.settings import NODE_KINDS


def main():
    """Runs until SIGTERM or SIGINT, then removes the machines it made."""
    options = _options()
    lab.settings.update({"node_kind": options.node_kind})
    if options.node_kind != "none":
        gate = f"http://{options.host}:{options.port}" if options.gate else None
        lab.machines.attach(_fleet(options.state), gate)
        lab.machines.sweep()
        lab.machines.watch(noticed_off)
    if options.block is not None:
        lab.addresses.keep_to(options.block)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    server = Server(options.host, options.port, gateway.answer)
    dns = _dns(options)
    server.start()
    _announce(options.state, server.port, dns)
    stop.wait()
    server.stop()
    if dns:
        dns.stop()
    lab.machines.sweep()


def _options():
    parser = argparse.ArgumentParser(
        prog="python -m cloud", description="AWS for the lab: EC2, Route 53, CloudWatch, STS, IAM."
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=int, default=5566, help="port of the AWS endpoint and of /_lab/ (5566)")
    parser.add_argument("--dns-port", type=int, help="port of the name server; without it there is none")
    parser.add_argument("--dns-host", default="127.0.0.1", help="address of the name server (127.0.0.1)")
    parser.add_argument("--node-kind", choices=NODE_KINDS, default="none", help="what machines instances get (none)")
    parser.add_argument(
        "--block", type=int, help=f"give addresses of this block only, 0 to {BLOCKS - 1}; for labs beside each other"
    )
    parser.add_argument(
        "--gate", action="store_true", help="nodes ask at --host before and after each SSH command, so that faults hit it"
    )
    parser.add_argument(
        "--state", type=pathlib.Path, default=pathlib.Path("lab-state"), help="folder for the nodes' files"
    )
    parser.add_argument(
        "--time-factor", type=float, default=10, help="health checks run this much faster than on AWS (10)"
    )
    return parser.parse_args()


def _fleet(state):
    try:
        from nodes import Fleet
    except ImportError as error:
        sys.exit(f"cloud: machines were asked for, but the nodes part is missing: {error}")
    state.mkdir(parents=True, exist_ok=True)
    return Fleet(state)


def _dns(options):
    if options.dns_port is None:
        return None
    try:
        import dns
    except ImportError as error:
        sys.exit(f"cloud: a name server was asked for, but the dns part is missing: {error}")
    running = dns.start(Source(), options.dns_port, options.time_factor, options.dns_host)
    hooks.attach(running)
    return running


def _announce(state, port, dns):
    where = {"port": port, "dns_port": dns.port if dns else None}
    state.mkdir(parents=True, exist_ok=True)
    (state / "cloud.json").write_text(json.dumps(where) + "\n")
    print(f"cloud: ready {json.dumps(where)}", flush=True)


if __name__ == "__main__":
    main()
