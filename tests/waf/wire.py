"""Requests to the node's nginx, byte by byte as a test wants them."""

import http.client
import io
import socket
import ssl

HOST = "127.0.0.1"


def connect(host=HOST, port=443, version=None):
    """A TLS connection that trusts any certificate; plain on port 80."""
    raw = socket.create_connection((host, port), timeout=60)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if port == 80:
        return raw
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    if version:
        context.minimum_version = context.maximum_version = version
    return context.wrap_socket(raw)


def message(method="GET", target="/v1/x", headers=(), body=b""):
    """A request as bytes; the target and the values stand in it as they are."""
    lines = [f"{method} {target} HTTP/1.1".encode("utf-8"), b"Host: llm.example.com"]
    lines += [f"{name}: {value}".encode("utf-8") for name, value in dict(headers).items()]
    if body:
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


class Answers(io.BufferedReader):
    """What a connection that was asked several times at once is read from: no answer's end closes it."""

    def __init__(self, connection):
        super().__init__(socket.SocketIO(connection, "r"))

    def makefile(self, _mode):
        return self

    def close(self):
        pass


class Answer:
    """Status, headers and body of an answer."""

    def __init__(self, connection, method="GET"):
        response = http.client.HTTPResponse(connection, method=method)
        response.begin()
        self.status, self.headers, self.body = response.status, response.headers, response.read()


def ask(method="GET", target="/v1/x", headers=(), body=b"", port=443):
    """One request on a connection of its own."""
    with connect(port=port) as connection:
        connection.sendall(message(method, target, headers, body))
        return Answer(connection, method)
