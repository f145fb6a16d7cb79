"""The edges of a node: how old TLS may be, how much one address may ask, how long a header and how slow a client."""

import json
import ssl
import subprocess
import time
import unittest

import wire


class Edges(unittest.TestCase):
    def test_only_tls_1_3_is_spoken(self):
        with wire.connect() as connection:
            self.assertEqual(connection.version(), "TLSv1.3")
        for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2):
            with self.assertRaises((ssl.SSLError, ConnectionError), msg=version):
                wire.connect(version=version)

    def test_both_kinds_of_address_answer(self):
        listening = subprocess.run(["ss", "-Hltn"], capture_output=True, text=True, check=True).stdout
        for place in ("0.0.0.0:80", "[::]:80", "0.0.0.0:443", "[::]:443"):
            self.assertIn(f" {place} ", listening)

    def test_answers_say_how_to_come_back_and_not_who_answers(self):
        answer = wire.ask()
        self.assertEqual(answer.headers["Strict-Transport-Security"], "max-age=31536000")
        self.assertEqual(answer.headers["Server"], "nginx")

    def test_the_gateway_is_told_the_real_address_and_nothing_that_a_client_claims(self):
        claims = {"X-Forwarded-For": "9.9.9.9", "X-Real-IP": "9.9.9.9", "X-Request-Id": "mine"}
        seen = json.loads(wire.ask(headers=claims).body)["headers"]
        self.assertEqual((seen["x-forwarded-for"], seen["x-real-ip"]), ("127.0.0.1", "127.0.0.1"))
        self.assertNotEqual(seen["x-request-id"], "mine")

    def test_too_much_is_refused_as_an_error_that_sdks_understand(self):
        cases = [
            (414, "path_too_long", {"target": "/v1/" + "x" * 20_000}),
            (431, "headers_too_large", {"headers": {"X-Long": "x" * 20_000}}),
            (413, "request_too_large", {"method": "POST", "headers": {"Content-Length": str(33 << 20)}}),
            (400, "malformed_request", {"headers": {"Content-Length": "many"}}),
        ]
        for status, code, request in cases:
            answer = wire.ask(**request)
            self.assertEqual((answer.status, json.loads(answer.body)["error"]["code"]), (status, code))

    def test_a_slow_client_is_let_go(self):
        with wire.connect() as connection:
            connection.sendall(b"GET /v1/x HTTP/1.1\r\nHost: a\r\n")
            connection.settimeout(1)
            sent = 0
            try:
                while sent < 18:
                    try:
                        if connection.recv(1024) == b"":
                            break
                    except TimeoutError:
                        # One more byte each second at most, as slow-loris does.
                        connection.sendall(b"a")
                        sent += 1
            except (ConnectionError, ssl.SSLError):
                pass
            self.assertLess(sent, 18)


class Limits(unittest.TestCase):
    """On a node with the default limit of requests."""

    def test_one_address_may_ask_so_much(self):
        answers = []
        with wire.connect() as connection:
            begun = time.monotonic()
            # All at once, since a client that waits for each answer may be slower than the limit.
            connection.sendall(wire.message() * 800)
            stream = wire.Answers(connection)
            for _ in range(800):
                answers.append(wire.Answer(stream))
                if answers[-1].headers.get("Connection") == "close":
                    break
            took = time.monotonic() - begun
        refused = [answer for answer in answers if answer.status == 429]
        passed = len(answers) - len(refused)
        print(f"  {passed} of {len(answers)} requests passed in {took:.1f} s")
        self.assertLessEqual(passed, 201 + 100 * took + 1)
        error = json.loads(refused[0].body)["error"]
        self.assertEqual((error["type"], error["code"]), ("rate_limit_error", "rate_limit_exceeded"))
        self.assertEqual(refused[0].headers["Retry-After"], "1")


if __name__ == "__main__":
    unittest.main(verbosity=2)
