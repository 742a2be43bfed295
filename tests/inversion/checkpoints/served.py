"""A server on this machine that can break, lie and count."""

from __future__ import annotations

import hashlib
import http.server
import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CONTENT = bytes(range(256)) * 4096  # 1 MiB
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@dataclass
class Behaviour:
    """What the server does; changed by each test."""

    content: bytes = CONTENT
    break_after: list[int] = field(default_factory=list)  # bytes to send before hanging up, one per request
    status: list[int] = field(default_factory=list)  # answers to give instead, one per request
    ranges: bool = True
    tag: str | None = '"v1"'
    content_type: str = "application/octet-stream"
    announce: int | None = None
    redirect: str | None = None
    announced: bool = True  # whether Content-Length is sent
    chunked: bool = False
    coding: str | None = None  # of the content, as the server says
    start: int | None = None  # first byte of a range, whatever was asked for
    endless: bool = False  # the content again and again, until the client hangs up
    drip: float = 0.0  # seconds before each single byte of content
    header_drip: float = 0.0  # seconds between headers that never end
    raw: list[bytes] = field(default_factory=list)  # bodies to send as they are before hanging up
    reason: str | None = None  # text of an error status
    seen: list[dict[str, str]] = field(default_factory=list)  # headers of each request


class Handler(http.server.BaseHTTPRequestHandler):
    behaviour: Behaviour
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        b = self.behaviour
        b.seen.append(dict(self.headers.items()))
        if b.status:
            self.send_error(b.status.pop(0), b.reason)
            return
        if b.redirect:
            self.send_response(302)
            self.send_header("Location", b.redirect)
            self.end_headers()
            return
        if b.header_drip:
            self.drip_headers(b.header_drip)
            return
        start = 0
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        valid = self.headers.get("If-Range") in (None, b.tag)
        if asked and b.ranges and valid:
            start = int(asked[1]) if b.start is None else b.start
            if start >= len(b.content):
                self.send_error(416)
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(b.content) - 1}/{len(b.content)}")
        else:
            self.send_response(200)
        if b.announced and not b.chunked:
            self.send_header("Content-Length", str(b.announce or len(b.content) - start))
        if b.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        if b.coding:
            self.send_header("Content-Encoding", b.coding)
        self.send_header("Content-Type", b.content_type)
        if b.tag:
            self.send_header("ETag", b.tag)
        self.end_headers()
        self.close_connection = True
        if b.raw:
            self.wfile.write(b.raw.pop(0))
            return
        body = b.content[start:]
        if b.break_after:
            body = body[: b.break_after.pop(0)]
        self.send_body(body)

    def send_body(self, body: bytes) -> None:
        b = self.behaviour
        while True:
            if b.drip:
                for i in range(len(body)):
                    time.sleep(b.drip)
                    self.wfile.write(body[i : i + 1])
                    self.wfile.flush()
            elif b.chunked:
                self.wfile.write(f"{len(body):x}\r\n".encode() + body + b"\r\n")
            else:
                self.wfile.write(body)
            if not b.endless:
                break
        if b.chunked:
            self.wfile.write(b"0\r\n\r\n")

    def drip_headers(self, seconds: float) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for i in range(1000):
            self.wfile.write(f"X-{i}: y\r\n".encode())
            self.wfile.flush()
            time.sleep(seconds)

    def log_message(self, format: str, *args: Any) -> None:
        pass


class QuietServer(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients hang up in these tests."""


Server = tuple[str, Behaviour]  # the address of a file, and what its server does


def leftovers(path: Path) -> list[str]:
    """What a download has left beside its file."""
    return sorted(p.name for p in path.parent.iterdir() if p.suffix != ".lock" and p != path)
