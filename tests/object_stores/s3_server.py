"""moto's S3 as a process of its own on this machine, and a proxy before it that fails as object stores do."""

from __future__ import annotations

import http.client
import re
import socket
import subprocess
import sys
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Literal
from urllib.request import urlopen

Fault = Literal["503", "slow", "half", "cut", "broken", "lost"]
"""`half`: the answer says its whole length, and ends in the middle. `cut`: it says that it is half as long.

`broken`: the connection ends before the store has the request. `lost`: it ends when the store has done what was asked.
"""

SLOW_S = 0.5


@contextmanager
def moto_server() -> Iterator[str]:
    """The URL of an empty S3."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        end = time.monotonic() + 60
        while not _answers(url):
            assert server.poll() is None, "moto's server has ended"
            assert time.monotonic() < end, "moto's server does not start"
            time.sleep(0.1)
        yield url
    finally:
        server.terminate()
        server.wait(10)


def _answers(url: str) -> bool:
    try:
        with urlopen(f"{url}/moto-api/"):
            return True
    except OSError:
        return False


class FaultyStore:
    """A proxy to an S3 at `port`, which spoils the answers to some requests of `methods`."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.methods: Collection[str] = ("GET",)
        self.unlisted: Collection[str] = ()
        """Objects whose names contain one of these are left out of lists, as if the store knew them only later."""
        self.undeleted: Collection[str] = ()
        """Those that a request to delete many objects leaves, each time once, with an error in its answer."""
        self.faults: list[Fault] = []
        """Used up one after the other."""
        self.always: Fault | None = None
        self.requests = 0

    def next_fault(self, method: str) -> Fault | None:
        if method not in self.methods:
            return None
        self.requests += 1
        return self.faults.pop(0) if self.faults else self.always

    def asked(self, path: str, body: bytes) -> bytes:
        """What the store gets of a request's body."""
        if "?delete" not in path or not self.undeleted:
            return body
        left, self.undeleted = self.undeleted, ()
        return _without(b"Object", left, body)

    def answered(self, content: bytes) -> bytes:
        """What the client gets of an answer's body."""
        return _without(b"Contents", self.unlisted, content) if b"<ListBucketResult" in content else content


def _without(element: bytes, names: Collection[str], xml: bytes) -> bytes:
    def kept(match: re.Match[bytes]) -> bytes:
        return b"" if any(name.encode() in match[0] for name in names) else match[0]

    return re.sub(rb"<%b>.*?</%b>" % (element, element), kept, xml, flags=re.DOTALL)


@contextmanager
def faulty_store(url: str) -> Iterator[tuple[FaultyStore, str]]:
    """A proxy and its URL."""
    store = FaultyStore(int(url.rsplit(":", 1)[1]))
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(store))
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield store, f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def _handler(store: FaultyStore) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            fault = store.next_fault(self.command)
            if fault == "503":
                self._answer(503, {}, b"<Error><Code>SlowDown</Code><Message>Please reduce your rate</Message></Error>")
                return
            if fault == "slow":
                time.sleep(SLOW_S)
            if fault == "broken":
                self.close_connection = True
                return
            body = store.asked(self.path, body)
            connection = http.client.HTTPConnection("127.0.0.1", store.port)
            headers = {**self.headers, "Content-Length": str(len(body))}
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            content = store.answered(answer.read())
            if fault == "lost":
                connection.close()
                self.close_connection = True
                return
            content = content[: len(content) // 2] if fault == "cut" else content
            self._answer(answer.status, dict(answer.getheaders()), content, is_half=fault == "half")
            connection.close()

        do_HEAD = do_PUT = do_POST = do_DELETE = do_GET  # noqa: N815

        def _answer(self, status: int, headers: dict[str, str], content: bytes, *, is_half: bool = False) -> None:
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() not in ("content-length", "connection", "transfer-encoding", "date", "server"):
                    self.send_header(name, value)
            length = headers.get("Content-Length", len(content)) if self.command == "HEAD" else len(content)
            self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if is_half else content)
            self.close_connection = is_half

        def log_message(self, format: str, *args: object) -> None:
            """Nothing on the terminal."""

    return Handler
