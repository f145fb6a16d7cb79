"""Stands for the gateway behind nginx: answers on its socket, and says what reached it."""

import asyncio
import json
import sys


async def head(reader):
    """A request's method, path and headers, or nothing at the end of the connection."""
    try:
        text = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = text.decode("latin-1").rstrip("\r\n").split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    method, path, _ = first.split(" ", 2)
    return method, path, headers


async def body(reader, headers):
    """Counts a body; when asked, notes how much came so far, so that a test sees whether it was held back."""
    total = 0

    def note():
        if "x-note" in headers:
            with open("/tmp/noted", "w") as file:
                file.write(str(total))

    if headers.get("transfer-encoding") == "chunked":
        while size := int((await reader.readline()).split(b";")[0], 16):
            total += len(await reader.readexactly(size))
            await reader.readexactly(2)
            note()
        await reader.readline()
        return total
    left = int(headers.get("content-length", 0))
    while left:
        piece = await reader.read(min(left, 65536))
        if not piece:
            raise ConnectionError
        left -= len(piece)
        total += len(piece)
        note()
    return total


async def serve(reader, writer):
    try:
        while request := await head(reader):
            method, path, headers = request
            count = await body(reader, headers)
            if path.startswith("/stream"):
                await stream(writer, int(path.partition("?")[2] or 5))
                break
            said = json.dumps({"method": method, "path": path, "headers": headers, "body": count}).encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(said), said))
            await writer.drain()
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


def seen():
    """How many events the client has, as it says itself."""
    try:
        with open("/tmp/seen") as file:
            return int(file.read() or 0)
    except FileNotFoundError:
        return 0


async def stream(writer, events):
    """Server-sent events, each of them when the client has the one before."""
    writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/event-stream\r\n\r\n")
    for number in range(events):
        writer.write(b"data: %d\n\n" % number)
        await writer.drain()
        while seen() <= number:
            await asyncio.sleep(0.01)
    writer.write(b"data: [DONE]\n\n")
    await writer.drain()


async def main(*sockets):
    servers = [await asyncio.start_unix_server(serve, path) for path in sockets]
    await asyncio.gather(*(server.serve_forever() for server in servers))


asyncio.run(main(*sys.argv[1:]))
