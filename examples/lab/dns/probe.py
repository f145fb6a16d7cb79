"""One probe of one endpoint, by the rules of a Route 53 health checker."""

import http
import socket
import ssl
import time
from dataclasses import dataclass

CONNECT_SECONDS = {"TCP": 10.0}
CONNECT_SECONDS_HTTP = 4.0
ANSWER_SECONDS = 2.0
#: However fast the lab's clock runs, a probe gets this long: the machine may be small and busy.
LEAST_SECONDS = 0.5
SEARCHED_BYTES = 5120
LARGEST_HEAD = 16384
AGENT = "Amazon-Route53-Health-Check-Service (dsline lab)"


@dataclass(frozen=True)
class Result:
    """What one probe saw, in the words GetHealthCheckStatus uses."""

    success: bool
    status: str


def probe(config, time_factor):
    """Connect and, unless the check is a TCP one, ask; never raises for what the endpoint does."""
    kind = config["Type"]
    connect = scaled(CONNECT_SECONDS.get(kind, CONNECT_SECONDS_HTTP), time_factor)
    answer = scaled(ANSWER_SECONDS, time_factor)
    try:
        with socket.create_connection(endpoint(config), timeout=connect) as plain:
            if kind == "TCP":
                return Result(True, "Success: TCP connection established.")
            deadline = time.monotonic() + answer
            with dressed(plain, config, answer) as stream:
                return ask(stream, config, deadline, answer)
    except TimeoutError:
        return Result(False, "Failure: Connection timed out. The endpoint or the internet connection is down, "
                             "or requests are being blocked by your firewall.")
    except (OSError, ValueError) as error:
        return Result(False, f"Failure: {error}")


def scaled(seconds, time_factor):
    return max(LEAST_SECONDS, seconds / time_factor)


def default_port(kind):
    return 443 if kind.startswith("HTTPS") else 80


def endpoint(config):
    """Address and port; a check by name alone is looked up by the machine's own resolver."""
    host = config.get("IPAddress") or config.get("FullyQualifiedDomainName")
    if not host:
        raise ValueError("the check names neither an address nor a domain")
    return host, config.get("Port") or default_port(config["Type"])


def dressed(plain, config, seconds):
    """The connection as the check wants it: TLS (certificate not looked at) for HTTPS."""
    plain.settimeout(seconds)
    if not config["Type"].startswith("HTTPS"):
        return plain
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    name = config.get("FullyQualifiedDomainName") if config.get("EnableSNI") else None
    return context.wrap_socket(plain, server_hostname=name)


def host_header(config):
    """The name (or address) asked for, with the port unless it is the protocol's own."""
    address, port = endpoint(config)
    host = config.get("FullyQualifiedDomainName") or (f"[{address}]" if ":" in address else address)
    return host if port == default_port(config["Type"]) else f"{host}:{port}"


def ask(stream, config, deadline, seconds):
    """Send the request; judge the status and, for string matching, the beginning of the body."""
    path = config.get("ResourcePath") or "/"
    path = path if path.startswith("/") else "/" + path
    request = f"GET {path} HTTP/1.1\r\nHost: {host_header(config)}\r\nUser-Agent: {AGENT}\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    stream.sendall(request.encode())
    data = b""
    while b"\r\n\r\n" not in data:
        more = receive(stream, deadline)
        data += more
        if not more or len(data) > LARGEST_HEAD:
            return Result(False, "Failure: The endpoint did not send a complete HTTP header.")
    head, _, body = data.partition(b"\r\n\r\n")
    words = head.split(b"\r\n")[0].split(None, 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/") or not words[1].isdigit():
        return Result(False, "Failure: The endpoint did not answer with HTTP.")
    code = int(words[1])
    spoken = f"HTTP Status Code {code}, {phrase(code)}"
    if not 200 <= code < 400:
        return Result(False, f"Failure: {spoken}")
    if config["Type"].endswith("STR_MATCH"):
        # The body has two seconds of its own, from the moment the status came.
        body = read_body(stream, head.lower(), body, time.monotonic() + seconds)
        if config["SearchString"].encode() not in body[:SEARCHED_BYTES]:
            return Result(False, f"Failure: {spoken}, but the search string is not in the first {SEARCHED_BYTES} bytes.")
    return Result(True, f"Success: {spoken}")


def phrase(code):
    try:
        return http.HTTPStatus(code).phrase
    except ValueError:
        return "unknown"


def receive(stream, deadline):
    """The next bytes, or TimeoutError when the deadline of the whole answer has passed."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    stream.settimeout(left)
    return stream.recv(8192)


def read_body(stream, head, body, deadline):
    """The body as far as it is searched, chunk headers taken out."""
    # Chunk headers are not searched, so twice the size is read to have enough left without them.
    try:
        while len(body) < 2 * SEARCHED_BYTES:
            more = receive(stream, deadline)
            if not more:
                break
            body += more
    except TimeoutError:
        pass  # what came in time is searched
    return unchunked(body) if b"transfer-encoding: chunked" in head else body


def unchunked(data):
    """The payload of a chunked body, as far as it has come."""
    out = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        try:
            length = int(size.split(b";")[0], 16)
        except ValueError:
            break
        out, data = out + data[:length], data[length + 2:]
        if not length:
            break
    return out
