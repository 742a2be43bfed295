"""Who may ask the page's server, and how much of what is sent is read."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import wraps
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inversion.errors import ConfigError
from inversion.reading.printable import printable

OWN = "x-inversion"  # a header that another site's page cannot send without asking, and nobody answers that
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
MAX_JSON = 10_000  # bytes
MAX_AT_ONCE = 256 << 20  # bytes of all that is being received, and looked at, at the same time
PATIENCE = 300.0  # seconds that one body may take to come
Endpoint = Callable[[Request], Awaitable[Response]]


class Answer(JSONResponse):
    """In ASCII: a name or a message may hold half a letter (a lone surrogate), which UTF-8 cannot spell."""

    def render(self, content: Any) -> bytes:
        return json.dumps(content).encode("ascii")


class Unread(ConfigError):
    """What was sent is not read."""

    def __init__(self, said: str, status: int) -> None:
        super().__init__(said)
        self.status = status  # of HTTP


class Inbox:
    """What all requests together are sending."""

    def __init__(self) -> None:
        self.size = 0  # bytes

    @asynccontextmanager
    async def body(self, request: Request, most: int) -> AsyncIterator[bytearray]:
        """What one request sends, which counts as long as the block lasts. most: bytes that are read.

        Raises Unread, as soon as it is too much.
        """
        content = bytearray()
        try:
            async with asyncio.timeout(PATIENCE):
                async for part in request.stream():
                    if len(content) + len(part) > most:
                        shown = f"{most >> 20} MB" if most >= 1 << 20 else f"{most:,} bytes"
                        raise Unread(f"What was sent is too large. At most {shown} are read.", 413)
                    if self.size + len(part) > MAX_AT_ONCE:
                        raise Unread(
                            "Too much is sent at the same time. Try again, one after the other.", 503
                        )
                    content += part
                    self.size += len(part)
        except BaseException as error:
            self.size -= len(content)
            if isinstance(error, TimeoutError):
                raise Unread(f"It took more than {PATIENCE:.0f} s to come. Try again.", 408) from error
            raise
        try:
            yield content
        finally:
            self.size -= len(content)


class OwnOrigin:
    """Refuses what another site's page asks for, whatever its browser lets it send: Origin says whose page it is."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        own = f"http://{headers.get('host', '')}"
        app = self.app if headers.get("origin", own) == own else refusal()
        await app(scope, receive, send)


class WithHeaders:
    """Every answer forbids what the page does not need: other sites' scripts, frames, caches."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self.app(scope, receive, with_headers)


def refusal() -> Answer:
    return Answer({"error": "Only this server's own page may ask for that."}, 403)


def answered(endpoint: Endpoint) -> Endpoint:
    """What cannot be done is said in words, with status 400."""

    @wraps(endpoint)
    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except ClientDisconnect:  # nobody is there to be told
            return Response(status_code=400)
        except Unread as error:
            return Answer({"error": str(error)}, error.status)
        except ValueError as error:
            return Answer({"error": printable(error)}, 400)
        except OSError as error:  # where it has failed is nobody's business here
            said = os.strerror(error.errno) if error.errno else printable(error)
            return Answer({"error": f"This machine could not do it: {said}."}, 400)

    return answer


def changing(endpoint: Endpoint) -> Endpoint:
    """The same for what changes something: only the page itself may ask for that."""

    @wraps(endpoint)
    async def answer(request: Request) -> Response:
        if OWN not in request.headers:
            return refusal()
        return await endpoint(request)

    return answered(answer)
