"""The prober against real local servers, and what it makes of the results."""

import http.server
import socket
import subprocess
import ssl
import tempfile
import threading
import time
import unittest
from unittest import mock

from . import MemorySource, start
from .probe import probe, unchunked
from .zone import simple

FACTOR = 60


class Endpoint(http.server.BaseHTTPRequestHandler):
    """Answers with the server's `code` and `body`, or first with its `codes`, when it `may_answer`."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        codes = self.server.codes
        code = codes.pop(0) if codes else self.server.code
        self.server.asked.append((self.path, self.headers["Host"]))
        self.server.may_answer.wait(60)
        self.send_response(code)
        self.send_header("Content-Length", str(len(self.server.body)))
        try:
            self.end_headers()
            self.wfile.write(self.server.body)
        except ConnectionError:
            pass  # the prober was satisfied, or lost patience

    def log_message(self, *_):
        pass


class Served(unittest.TestCase):
    def setUp(self):
        self.web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
        self.web.code, self.web.codes, self.web.body, self.web.asked = 200, [], b"all is well", []
        self.web.may_answer = threading.Event()
        self.web.may_answer.set()
        threading.Thread(target=self.web.serve_forever, args=(0.05,), daemon=True).start()
        self.addCleanup(self.web.server_close)
        self.addCleanup(self.web.shutdown)
        # A machine that is busy is no endpoint that is ill.
        self.patient(60)
        self.config = {"Type": "HTTP", "IPAddress": "127.0.0.1", "Port": self.web.server_port, "ResourcePath": "/healthz",
                       "RequestInterval": 10, "FailureThreshold": 3}

    def closed_port(self):
        """A port nobody listens on: it is bound until the test ends, so that nobody else can."""
        holder = socket.socket()
        self.addCleanup(holder.close)
        holder.bind(("127.0.0.1", 0))
        return holder.getsockname()[1]

    def patient(self, seconds):
        """Lets each probe take at least so long."""
        patch = mock.patch(f"{__package__}.probe.LEAST_SECONDS", seconds)
        patch.start()
        self.addCleanup(patch.stop)

    def until(self, truth):
        """Wait for something that the prober is about to find out."""
        deadline = time.monotonic() + 60
        while not truth():
            self.assertLess(time.monotonic(), deadline, "it never came about")
            time.sleep(0.02)


class Timetable(Served):
    def setUp(self):
        super().setUp()
        self.source = MemorySource()
        self.source.put_zone("Z", "lab.test.", [
            simple("a.lab.test.", "A", 60, "192.0.2.1") | {"Failover": "PRIMARY", "SetIdentifier": "1", "HealthCheckId": "c"},
            simple("a.lab.test.", "A", 60, "192.0.2.2") | {"Failover": "SECONDARY", "SetIdentifier": "2"}])
        self.source.put_check("c", **self.config)
        self.began = time.monotonic()
        self.lab = start(self.source, 0, FACTOR)
        self.addCleanup(self.lab.stop)

    def healthy(self, check="c"):
        return self.lab.health(check)["healthy"]

    def answered(self):
        return self.lab.answer("Z", "a.lab.test", "A", "127.0.0.1")["values"]

    def test_200_then_503_then_200_turns_the_answer_and_back(self):
        self.until(lambda: self.lab.health("c")["observations"])
        self.assertEqual(self.lab.health("c")["observations"][0]["status"], "Success: HTTP Status Code 200, OK")
        self.assertEqual((self.healthy(), self.answered()), (True, ["192.0.2.1"]))
        before, self.web.code = len(self.web.asked), 503
        self.until(lambda: not self.healthy())
        # Three probes that failed; however late one was, none came before its turn, 10 s / 60 after the one before.
        self.assertGreaterEqual(len(self.web.asked) - before, 3)
        intervals = len(self.web.asked) - 1
        self.assertGreaterEqual(time.monotonic() - self.began, intervals * 10 / FACTOR)
        self.assertEqual(self.answered(), ["192.0.2.2"])
        self.assertIn("503, Service Unavailable", self.lab.health("c")["observations"][0]["status"])
        self.web.code = 200
        self.until(self.healthy)
        self.assertEqual(self.answered(), ["192.0.2.1"])

    def test_one_failure_does_not_turn(self):
        self.until(lambda: self.lab.health("c")["observations"])
        self.web.codes.append(500)
        self.until(lambda: not self.web.codes)
        asked = len(self.web.asked)
        # When the second one is there, the first one has been counted.
        self.until(lambda: len(self.web.asked) >= asked + 2)
        self.assertEqual((self.healthy(), len(self.lab.prober.turns)), (True, 0))

    def test_disabled_inverted_and_both(self):
        self.source.put_check("c", **self.config, Inverted=True)
        self.assertFalse(self.healthy())
        self.source.put_check("c", **self.config, Disabled=True, Inverted=True)
        self.assertFalse(self.healthy())
        self.assertEqual(self.answered(), ["192.0.2.2"])
        self.web.code = 500
        self.source.put_check("c", **self.config, Disabled=True)
        self.assertTrue(self.healthy())
        self.until(lambda: not self.lab.prober.watches["c"].running)
        asked = self.asked("/healthz")
        self.source.put_check("other", **self.config | {"ResourcePath": "/other"})
        self.until(lambda: self.asked("/other") >= 3)
        self.assertEqual(self.asked("/healthz"), asked, "a disabled check is not probed")

    def test_a_new_check_is_healthy_until_there_is_data(self):
        self.source.put_check("n", **self.config | {"RequestInterval": 30, "Port": self.closed_port(), "FailureThreshold": 2})
        self.source.put_check("i", **self.config | {"RequestInterval": 30}, Inverted=True)
        self.assertEqual((self.healthy("n"), self.healthy("i")), (True, False))
        self.until(lambda: not self.healthy("n"))

    def test_new_changed_and_deleted_checks_are_followed(self):
        # So seldom that a probe of what has changed cannot be the next one of the timetable.
        seldom = self.config | {"RequestInterval": 36_000}
        self.source.put_check("late", **seldom | {"ResourcePath": "/late"})
        self.until(lambda: self.asked("/late"))
        self.source.put_check("late", **seldom | {"ResourcePath": "changed"})
        self.until(lambda: self.asked("/changed"))
        self.source.drop_check("late")
        with self.assertRaises(KeyError):
            self.lab.health("late")
        self.assertTrue(self.lab.prober.healthy("late"))

    def asked(self, path):
        return self.web.asked.count((path, f"127.0.0.1:{self.web.server_port}"))

    def test_calculated_checks_count_their_children(self):
        off = {"Type": "TCP", "Disabled": True}
        self.source.put_check("up", **off)
        self.source.put_check("down", **off, Inverted=True)
        for threshold, inverted, healthy in ((0, False, True), (1, False, True), (2, False, False), (3, False, False), (2, True, True)):
            self.source.put_check("sum", Type="CALCULATED", ChildHealthChecks=["up", "down"], HealthThreshold=threshold, Inverted=inverted)
            self.assertEqual(self.healthy("sum"), healthy, (threshold, inverted))


class Probes(Served):
    def ask(self, **changes):
        return probe(self.config | changes, FACTOR)

    def test_2xx_and_3xx_are_healthy_others_not(self):
        for code, success in ((204, True), (301, True), (399, True), (404, False), (500, False)):
            self.web.code, self.web.body = code, b""
            self.assertEqual(self.ask().success, success, code)

    def test_the_host_header_is_the_name_with_a_port_of_its_own(self):
        self.ask(FullyQualifiedDomainName="app.lab.test")
        self.assertEqual(self.web.asked, [("/healthz", f"app.lab.test:{self.web.server_port}")])

    def test_a_slow_answer_fails(self):
        self.patient(0.5)
        self.web.may_answer.clear()
        result = self.ask()
        self.web.may_answer.set()
        self.assertEqual((result.success, "timed out" in result.status), (False, True))

    def test_tcp(self):
        self.assertTrue(self.ask(Type="TCP").success)
        self.assertFalse(self.ask(Type="TCP", Port=self.closed_port()).success)

    def test_the_string_must_be_in_the_first_5120_bytes(self):
        for before, success in ((0, True), (5120 - 4, True), (5120 - 3, False)):
            self.web.body = b"." * before + b"well" + b"." * 9000
            self.assertEqual(self.ask(Type="HTTP_STR_MATCH", SearchString="well").success, success, before)

    def test_chunks_are_put_together(self):
        self.assertEqual(unchunked(b"4;x=y\r\nall \r\n3\r\nok!\r\n0\r\n\r\n"), b"all ok!")

    def test_silence_and_rubbish_fail(self):
        for speech in (b"", b"220 mail ready\r\n\r\n", b"HTTP/1.1 2"):
            with socket.create_server(("127.0.0.1", 0)) as server:
                threading.Thread(target=speak, args=(server, speech), daemon=True).start()
                self.assertFalse(self.ask(Port=server.getsockname()[1]).success, speech)

    def test_https_with_a_certificate_nobody_signed(self):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=lab",
                            "-keyout", f"{folder}/key", "-out", f"{folder}/cert"], check=True, capture_output=True)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(f"{folder}/cert", f"{folder}/key")
        names = []
        context.sni_callback = lambda _socket, name, _context: names.append(name)
        self.web.socket = context.wrap_socket(self.web.socket, server_side=True)
        self.assertTrue(self.ask(Type="HTTPS", FullyQualifiedDomainName="app.lab.test", EnableSNI=True).success)
        self.assertTrue(self.ask(Type="HTTPS", FullyQualifiedDomainName="app.lab.test", EnableSNI=False).success)
        self.assertEqual(names, ["app.lab.test", None])


def speak(server, speech):
    """Take one connection, say something and hang up."""
    client = server.accept()[0]
    with client:
        client.recv(4096)
        client.sendall(speech)


if __name__ == "__main__":
    unittest.main()
