"""An HTTP/1.1 server with keep-alive for a WSGI application.

werkzeug's own server closes every connection and waits 10 ms after each response; at a hundred calls a
second both are felt, so this one keeps connections and writes each response with one system call.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

IDLE_SECONDS = 600


class Handler(BaseHTTPRequestHandler):
    """Serves the requests of one connection, one after another."""

    protocol_version = "HTTP/1.1"
    server_version = "bascule-sandbox"
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = IDLE_SECONDS
    server: Server

    def serve(self) -> None:
        body = self.read_body()
        if body is None:
            return
        status, headers = "500 Internal Server Error", []

        def start_response(new_status: str, new_headers: list[tuple[str, str]], _: Any = None) -> None:
            nonlocal status, headers
            status, headers = new_status, list(new_headers)

        result = self.server.application(self.environ(body), start_response)
        try:
            payload = b"".join(result)
        finally:
            close = getattr(result, "close", None)
            if close:
                close()
        self.answer(status, headers, payload)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = do_OPTIONS = serve

    def handle_expect_100(self) -> bool:
        # The answer sits in the write buffer; a client that waits for it would wait for ever.
        allowed = super().handle_expect_100()
        self.wfile.flush()
        return allowed

    def answer(self, status: str, headers: Iterable[tuple[str, str]], payload: bytes) -> None:
        code, _, reason = status.partition(" ")
        self.send_response_only(int(code), reason)
        bodiless = self.command == "HEAD" or int(code) in (204, 304)
        length: str | None = None if bodiless else str(len(payload))
        for name, value in headers:
            lower = name.lower()
            if lower in ("connection", "transfer-encoding"):
                continue
            if lower == "content-length":
                length = value if self.command == "HEAD" else length
                continue
            self.send_header(name, value)
        if length is not None:
            self.send_header("Content-Length", length)
        elif self.command == "HEAD":
            self.send_header("Content-Length", "0")
        self.end_headers()
        if not bodiless:
            self.wfile.write(payload)
        self.wfile.flush()

    def read_body(self) -> bytes | None:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return self.read_chunks()
        try:
            length = int(self.headers.get("Content-Length") or 0)
        except ValueError:
            self.send_error(400, "Content-Length is not a number")
            return None
        body = self.rfile.read(length) if length > 0 else b""
        if len(body) < length:
            self.close_connection = True
            return None
        return body

    def read_chunks(self) -> bytes:
        chunks = []
        while True:
            size = int(self.rfile.readline().split(b";")[0].strip() or b"0", 16)
            if size == 0:
                break
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            continue
        return b"".join(chunks)

    def environ(self, body: bytes) -> dict[str, Any]:
        target = urlsplit(self.path if not self.path.startswith("//") else "/." + self.path)
        path = self.path.split("?", 1)[0] if self.path.startswith("/") else target.path
        host, port = self.server.server_address[:2]
        environ: dict[str, Any] = {
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.input_terminated": True,
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote(path, "latin-1"),
            "QUERY_STRING": target.query,
            "REQUEST_URI": self.path,
            "RAW_URI": self.path,
            "REMOTE_ADDR": self.client_address[0],
            "SERVER_NAME": str(host),
            "SERVER_PORT": str(port),
            "SERVER_PROTOCOL": self.request_version,
        }
        for name, value in self.headers.items():
            key = name.upper().replace("-", "_")
            if key == "TRANSFER_ENCODING":
                continue
            if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
                key = f"HTTP_{key}"
            environ[key] = f"{environ[key]},{value}" if key in environ else value
        environ["CONTENT_LENGTH"] = str(len(body))
        return environ

    def handle(self) -> None:
        try:
            super().handle()
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not logged one by one; /_bascule/calls has them."""


class Server(ThreadingHTTPServer):
    """Listens at once; serves when `serve_forever` is called."""

    daemon_threads = True
    request_queue_size = 512
    # A socket that is still closing must not keep a restarted control plane off its port.
    allow_reuse_address = True

    def __init__(self, host: str, port: int, application: Callable[..., Iterable[bytes]]) -> None:
        self.application = application
        super().__init__((host, port), Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exc_info()[1]
        if not isinstance(error, (ConnectionError, TimeoutError)):
            print(f"sandbox control plane: request failed: {error!r}", file=sys.stderr, flush=True)
