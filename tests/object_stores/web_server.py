"""Web servers that serve files as some do: without ranges, without a length, or without answers to HEAD."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Literal, get_args

Kind = Literal["ranges", "no ranges", "none said", "no length", "no HEAD"]
KINDS: tuple[Kind, ...] = get_args(Kind)
CHUNK = 1000


class WebServer:
    """What is at the paths of a server, and how it answers."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.files: dict[str, bytes] = {}
        self.n_sent = 0
        """Bytes of content that were sent."""


@contextmanager
def web_server(kind: Kind) -> Iterator[tuple[WebServer, str]]:
    """A server without files, and its address."""
    served = WebServer(kind)

    class Answer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing."""

        def handle(self) -> None:
            try:
                super().handle()
            except ConnectionError:  # who reads may have enough
                self.close_connection = True

        def do_HEAD(self) -> None:  # noqa: N802 - http.server's name
            if kind == "no HEAD":
                self.send_error(403)
            else:
                self._answer()

        def do_GET(self) -> None:  # noqa: N802 - http.server's name
            self._answer()

        def _answer(self) -> None:
            content = served.files.get(self.path.lstrip("/"))
            if content is None:
                self.send_error(404)
                return
            asked = re.match(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
            if asked and kind in ("ranges", "no HEAD"):
                start, end = int(asked[1]), min(int(asked[2]) + 1, len(content))
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(content)}")
                content = content[start:end]
            else:
                self.send_response(200)
            if kind == "none said":
                self.send_header("Accept-Ranges", "none")
            if kind == "no length":
                self.send_header("Transfer-Encoding", "chunked")
                parts = [content[at : at + CHUNK] for at in range(0, len(content), CHUNK)]
                content = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in [*parts, b""])
            else:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command == "GET":
                served.n_sent += len(content)
                self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield served, f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
