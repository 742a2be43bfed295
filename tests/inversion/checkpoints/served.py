"""A server on this machine that can break, lie and count."""

from __future__ import annotations

import hashlib
import http.server
import re
from dataclasses import dataclass, field
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
    seen: list[dict[str, str]] = field(default_factory=list)  # headers of each request


class Handler(http.server.BaseHTTPRequestHandler):
    behaviour: Behaviour

    def do_GET(self) -> None:
        b = self.behaviour
        b.seen.append(dict(self.headers.items()))
        if b.status:
            self.send_error(b.status.pop(0))
            return
        if b.redirect:
            self.send_response(302)
            self.send_header("Location", b.redirect)
            self.end_headers()
            return
        start = 0
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        valid = self.headers.get("If-Range") in (None, b.tag)
        if asked and b.ranges and valid:
            start = int(asked[1])
            if start >= len(b.content):
                self.send_error(416)
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(b.content) - 1}/{len(b.content)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(b.announce or len(b.content) - start))
        self.send_header("Content-Type", b.content_type)
        if b.tag:
            self.send_header("ETag", b.tag)
        self.end_headers()
        body = b.content[start:]
        if b.break_after:
            body = body[: b.break_after.pop(0)]
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


class QuietServer(http.server.ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients hang up in these tests."""
