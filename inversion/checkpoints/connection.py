"""Connections for downloads: https only, also after redirects, and an answer that begins within a minute."""

from __future__ import annotations

import http.client
import ipaddress
import socket
import threading
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from inversion.errors import CheckpointError
from inversion.reading.printable import printable

TIMEOUT = 30.0  # seconds without a byte
ANSWER = 60.0  # seconds until all headers are there: a server that sends one byte every 29 s never times out
LATE = "no whole answer came in {:.0f} s"


def open_url(url: str, headers: dict[str, str]) -> Any:
    """The answer to a GET, as urllib gives it. Raises OSError, http.client.HTTPException, CheckpointError."""
    handlers: list[Any] = [_HttpsOnly, _Http, _Https]
    if _is_loopback(urlsplit(url).hostname):
        handlers.append(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(url, headers=headers)
    return urllib.request.build_opener(*handlers).open(request, timeout=TIMEOUT)


def check_address(url: str) -> None:
    """Raise CheckpointError unless the address is https, or http on this machine."""
    try:
        parts = urlsplit(url)
        encrypted = parts.scheme == "https" and bool(parts.hostname)
        allowed = encrypted or (parts.scheme == "http" and _is_loopback(parts.hostname))
    except ValueError:  # brackets that are no IPv6 address
        allowed = False
    if not allowed:
        raise CheckpointError(f"only https addresses are fetched. Got {printable(url, 300)}")


def _is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


class _HttpsOnly(urllib.request.HTTPRedirectHandler):
    """Follow redirects only where a first request would be allowed to go."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        try:
            check_address(newurl)
        except CheckpointError:
            fp.close()
            raise
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _Prompt(http.client.HTTPConnection):
    """A connection that is cut when its headers take longer than ANSWER."""

    def getresponse(self) -> http.client.HTTPResponse:
        self.late = False
        timer = threading.Timer(ANSWER, self._cut)
        timer.daemon = True
        timer.start()
        try:
            answer = super().getresponse()
        except (OSError, http.client.HTTPException) as error:  # the server noticed the cut first, and reset
            if self.late:
                raise TimeoutError(LATE.format(ANSWER)) from error
            raise
        finally:
            timer.cancel()
        if self.late:  # headers that are cut look like headers that have ended
            answer.close()
            raise TimeoutError(LATE.format(ANSWER))
        return answer

    def _cut(self) -> None:
        self.late = True
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except (OSError, AttributeError):  # ended by itself meanwhile
            pass


class _PromptTLS(_Prompt, http.client.HTTPSConnection):
    """The same over TLS."""


class _Http(urllib.request.HTTPHandler):
    def http_open(self, req: Any) -> Any:
        return self.do_open(_Prompt, req)


class _Https(urllib.request.HTTPSHandler):
    def https_open(self, req: Any) -> Any:
        return self.do_open(_PromptTLS, req)
