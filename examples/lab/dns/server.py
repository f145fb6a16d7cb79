"""The name server: real queries over UDP and TCP, answered by the evaluator."""

import logging
import random
import socket
import socketserver
import struct
import threading

from . import wire
from .evaluator import Answer, evaluate
from .geo import Table
from .prober import Prober
from .snapshot import Snapshot

LOG = logging.getLogger("lab.dns.server")
#: How long a TCP client may be silent between its questions.
IDLE_SECONDS = 5
#: How many ports are tried when the system's free UDP port is taken for TCP.
PORT_TRIES = 20


class Lab:
    """A running name server with its prober; `stop` ends both."""

    def __init__(self, source, port, time_factor=10, address="127.0.0.1"):
        self.geo, self.random = Table(), random.Random()
        self.udp_stopping = False
        self.snapshot = Snapshot(source)
        self.udp, self.tcp = listeners(address, port, self)
        self.address, self.port = self.udp.getsockname()[:2]
        self.prober = Prober(source, time_factor)
        self.threads = [
            threading.Thread(target=self.serve_udp, name="dns-udp", daemon=True),
            threading.Thread(target=self.tcp.serve_forever, args=(0.1,), name="dns-tcp", daemon=True),
        ]
        for thread in self.threads:
            thread.start()

    def health(self, check_id):
        """State and observations of a check; KeyError when the source has no such check."""
        self.prober.follow()
        return self.prober.status(check_id)

    def answer(self, zone_id, name, rtype, client_ip):
        """What a client at `client_ip` would be answered, from the records as they are now (TestDNSAnswer)."""
        zone = self.snapshot.zone(zone_id)
        self.prober.follow()
        found = evaluate(zone, self.prober.healthy, self.geo.place(client_ip), name, rtype, self.random)
        return {"rcode": found.rcode, "values": [row.value for row in found.rows], "path": found.path}

    def stop(self):
        """Close both sockets and end the probes."""
        self.udp_stopping = True
        with socket.socket(self.udp.family, socket.SOCK_DGRAM) as knock:
            # An empty datagram wakes the loop; closing a socket under recvfrom would not.
            knock.sendto(b"", (self.address, self.port))
        self.tcp.shutdown()
        for thread in self.threads:
            thread.join()
        self.tcp.server_close()
        self.udp.close()
        self.prober.stop()

    def serve_udp(self):
        while not self.udp_stopping:
            packet, client = self.udp.recvfrom(65535)
            out = self.handle(packet, client[0], udp=True)
            if out:
                try:
                    self.udp.sendto(out, client)
                except OSError as error:
                    LOG.warning("an answer to %s was lost: %s", client, error)

    def handle(self, packet, client_ip, udp):
        """The answer to one message, or None when it deserves none."""
        try:
            question = wire.parse(packet)
        except wire.Malformed:
            return wire.refusal(packet, "FORMERR")
        if question.message.header.opcode != 0:
            return wire.refusal(packet, "NOTIMP")
        if question.edns_version:
            return wire.bad_version(question)
        limit = question.payload if udp else wire.LARGEST_TCP
        try:
            return wire.reply(question, self.find(question, client_ip), limit)
        except Exception:
            # A record nobody can read must cost its own name an answer, not the whole server.
            LOG.exception("no answer for %s %s", question.name, question.rtype)
            return wire.reply(question, Answer(rcode="SERVFAIL"), limit)

    def find(self, question, client_ip):
        zone = self.snapshot.zone_of(question.name)
        if zone is None or question.rtype in ("ANY", "AXFR", "IXFR"):
            return Answer(rcode="REFUSED")
        # The subnet wins over the resolver's address, as Route 53 does it.
        place = self.geo.place(question.subnet.address if question.subnet else client_ip)
        return evaluate(zone, self.prober.healthy, place, question.name, question.rtype, self.random)


class TcpHandler(socketserver.BaseRequestHandler):
    """One TCP client; it may ask several questions one after the other."""

    def handle(self):
        self.request.settimeout(IDLE_SECONDS)
        try:
            with self.request.makefile("rb") as stream:
                while True:
                    head = stream.read(2)
                    packet = stream.read(*struct.unpack("!H", head)) if len(head) == 2 else b""
                    out = packet and self.server.lab.handle(packet, self.client_address[0], udp=False)
                    if not out:
                        return
                    self.request.sendall(struct.pack("!H", len(out)) + out)
        except OSError:
            pass  # silent too long, or gone: there is nobody left to tell


class TcpServer(socketserver.ThreadingTCPServer):
    """The TCP half, a thread per client."""

    allow_reuse_address = True
    daemon_threads = True
    # A client that stays connected must not hold up the end.
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address, lab):
        self.lab = lab
        super().__init__(address, TcpHandler)


def listeners(address, port, lab):
    """A UDP socket and a TCP server on one port; port 0 means any that is free for both."""
    for attempt in range(PORT_TRIES):
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            # Bursts of questions wait here while the evaluator is busy.
            udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            udp.bind((address, port))
            return udp, TcpServer((address, udp.getsockname()[1]), lab)
        except OSError as error:
            udp.close()
            if port or attempt == PORT_TRIES - 1:
                raise OSError(f"the lab's name server cannot listen on {address} port {port}: {error.strerror}; "
                              "stop what holds the port or choose another") from error
