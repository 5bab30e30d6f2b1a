"""A small web server for this machine alone: the page, the state of a run, its pictures; nothing else.

It listens on the loopback address. Requests under another host's name are refused, so that no page from elsewhere can
read from it by pointing its own name here (DNS rebinding). A connection has `SECONDS` in all; when more than
`CONNECTIONS` are open, the oldest is closed.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ..common.html_page import STYLE
from .runs import Runs

HOSTS = ("127.0.0.1", "localhost", "::1")
SECONDS = 20.0
CONNECTIONS = 64
HERE = Path(__file__).parent
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class Server(ThreadingHTTPServer):
    """Serves the runs of a folder at http://127.0.0.1:PORT; port 0 takes a free one. `serve_forever()` starts it."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, folder: Path, port: int) -> None:
        self.runs = Runs(folder)
        self.opened: dict[socket.socket, float] = {}  # connections and when they began, oldest first
        self.lock = threading.Lock()
        super().__init__(("127.0.0.1", port), Handler)

    def server_bind(self) -> None:
        """As HTTPServer's, without asking a name server for this machine's name."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "localhost", self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        with self.lock:
            self.opened[request] = time.monotonic()
            too_many = list(self.opened)[:-CONNECTIONS]
        self._close(too_many)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self.lock:
            self.opened.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """Twice a second: close connections that took too long."""
        with self.lock:
            late = [each for each, begun in self.opened.items() if time.monotonic() - begun > SECONDS]
        self._close(late)

    def _close(self, requests: list[socket.socket]) -> None:
        """Wake the threads that read from these connections, which then end."""
        for request in requests:
            with self.lock:
                self.opened.pop(request, None)
            with suppress(OSError):
                request.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that broke off concerns nobody; the traceback of anything else is shown, and serving goes on."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Server
    timeout = 10.0  # seconds without a byte

    def do_GET(self) -> None:
        host = urlsplit(f"//{self.headers.get('Host', '')}").hostname
        if host not in HOSTS:
            self.answer(403, b"This server answers to localhost only.", "text/plain")
            return
        address = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(address.query, max_num_fields=4).items()}
        if address.path in FILES:
            content, mime = FILES[address.path]
            self.answer(200, content, mime)
        elif address.path == "/state":
            state = self.server.runs.state(query.get("run", ""))
            self.answer(200, json.dumps(state).encode(), "application/json")
        elif address.path == "/picture":
            self.answer_with_picture(query.get("run", ""), query.get("file", ""))
        else:
            self.answer(404, b"There is no such page.", "text/plain")

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except ValueError:
            self.answer(400, b"This is not a request.", "text/plain")

    def answer_with_picture(self, run: str, file: str) -> None:
        """A picture of a run, or 404."""
        try:
            content, mime = self.server.runs.picture(run, file)
        except OSError:
            content, mime = b"", ""
        if mime:
            self.answer(200, content, mime)
        else:
            self.answer(404, b"There is no such picture.", "text/plain")

    def answer(self, code: int, content: bytes, mime: str) -> None:
        """Send a response."""
        self.send_response(code)
        self.send_header("Content-Type", mime)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.end_headers()
        self.wfile.write(content)

    def version_string(self) -> str:
        return "minigrad"

    def log_message(self, format: str, *values: Any) -> None:
        """Quiet."""


FILES = {
    "/": ((HERE / "page.html").read_bytes(), "text/html; charset=utf-8"),
    "/page.js": ((HERE / "page.js").read_bytes(), "text/javascript; charset=utf-8"),
    "/page.css": (STYLE.encode() + (HERE / "page.css").read_bytes(), "text/css; charset=utf-8"),
}
