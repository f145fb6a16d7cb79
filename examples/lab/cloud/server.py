"""A small HTTP/1.1 server: threads, keep-alive, and connections that can be cut without an answer."""

import select
import socket
import socketserver
import sys
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from urllib.parse import unquote


class Cut(Exception):
    """Raised by an application that wants the connection cut instead of answered."""


@dataclass
class Request:
    """One HTTP request, its body already read."""

    method: str
    path: str
    query: str
    headers: dict
    body: bytes
    peer: str
    # Waits, but ends early when the client goes away or the server stops; says whether it may go on.
    wait: object

    def header(self, name):
        """A header by its lower-case name, "" when it is missing."""
        return self.headers.get(name, "")


class Server:
    """Serves `answer(Request) -> Answer` on an address until stopped."""

    def __init__(self, host, port, answer):
        self._tcp = _ThreadingServer((host, port), _Handler)
        self._tcp.answer = answer
        self._tcp.stopping = threading.Event()
        self.port = self._tcp.server_address[1]
        self._thread = threading.Thread(target=self._tcp.serve_forever, args=(0.1,), name="cloud-http", daemon=True)

    def start(self):
        """Begins to serve in a thread of its own."""
        self._thread.start()

    def stop(self):
        """Stops serving and releases the port."""
        self._tcp.stopping.set()
        self._tcp.shutdown()
        self._tcp.server_close()
        self._thread.join()


class _ThreadingServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    block_on_close = False
    request_queue_size = 512

    def handle_error(self, request, client_address):
        # A client that goes away mid-request is everyday business in a lab that cuts connections.
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body leave in two writes; Nagle would hold the second for 40 ms.
    disable_nagle_algorithm = True
    timeout = 120

    def handle_one_request(self):
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline or not self.parse_request():
            self.close_connection = True
            return
        try:
            answer = self.server.answer(self._request())
        except Cut:
            self._cut()
            return
        self._write(answer)

    def _request(self):
        headers = {name.lower(): value for name, value in self.headers.items()}
        path, _, query = self.path.partition("?")
        length = int(headers.get("content-length") or 0)
        body = self.rfile.read(length) if length else b""
        return Request(self.command, unquote(path), query, headers, body, self.client_address[0], self._wait)

    def _wait(self, seconds):
        """Sleeps in slices so that neither a stopped server nor a gone client is waited for."""
        while seconds > 0:
            if self.server.stopping.wait(min(seconds, 0.25)):
                return False
            seconds -= 0.25
            if self._client_left():
                return False
        return True

    def _client_left(self):
        readable, _, _ = select.select([self.connection], [], [], 0)
        try:
            return bool(readable) and self.connection.recv(1, socket.MSG_PEEK) == b""
        except OSError:
            return True

    def _write(self, answer):
        lines = [f"HTTP/1.1 {answer.status} {self.responses.get(answer.status, ('Answer',))[0]}"]
        headers = {name: value for name, value in answer.headers.items() if name.lower() != "content-length"}
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines.append(f"Content-Length: {len(answer.body)}")
        if self.close_connection:
            lines.append("Connection: close")
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        self.wfile.write(head + (b"" if self.command == "HEAD" else answer.body))

    def _cut(self):
        self.close_connection = True
        # Zero linger turns the close into a reset: the client sees a broken connection, not an end.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self.connection.shutdown(socket.SHUT_RD)

    def log_message(self, format, *args):
        """The requests log replaces the access log."""
