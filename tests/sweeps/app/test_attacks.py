"""What is sent to the page to hurt it is refused in one short line, leaves nothing behind, and the server lives on.

Over a socket, as whoever wants to hurt it would: a browser is too well-behaved.
"""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import uvicorn
from PIL import Image

from sweeps.app import gate, web
from sweeps.app.searches import Searches
from sweeps.app.serve import config_of
from sweeps.app.uploads import KEPT, Uploads
from sweeps.app.web import Page
from tests.conftest import FullDisk
from tests.hostile import pictures
from tests.sweeps.app.conftest import png

SHORT = 700  # characters of an answer
PATIENCE = 120.0  # seconds for an answer, on a machine that is busy with other things
WISH = {"face": 0, "damage": "grey", "blur": None, "pixels": 16, "likeness": 0.5, "alternatives": 1}
SQUARE = png(Image.new("RGB", (32, 32), "teal"))


class Attacked:
    """A page that is served, and what is sent to it."""

    def __init__(self, page: Page, port: int, log: pytest.LogCaptureFixture) -> None:
        self.page, self.port, self.log = page, port, log

    def send(self, raw: bytes, hang_up: bool = False) -> bytes:
        """The answer to those bytes: all that comes until the server closes. Raises TimeoutError where it does not."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as line:
            parts = []
            with suppress(ConnectionError):  # refused before all was sent; the answer is there nevertheless
                line.sendall(raw)
            with suppress(ConnectionError):
                while not hang_up and (part := line.recv(1 << 16)):
                    parts.append(part)
            return b"".join(parts)

    def ask(self, method: str, path: str, body: bytes = b"", own: bool = True, **headers: str) -> bytes:
        lines = {"host": f"127.0.0.1:{self.port}", "content-length": str(len(body)), "connection": "close"}
        lines |= {"x-inversion": "1"} if own else {}
        lines |= {name.replace("_", "-"): value for name, value in headers.items()}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        return self.send(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body)

    def refused(self, answer: bytes, *statuses: int) -> str:
        """What was said. The answer is short, nothing was kept or logged, and the page is still there."""
        head, _, said = answer.partition(b"\r\n\r\n")
        status = int(head.split()[1])
        assert status in (statuses or (400,)), answer[:SHORT]
        lines = 1 if b"Transfer-Encoding" not in head else 5  # uvicorn's own answer comes in chunks
        assert b"Traceback" not in said and len(said) < SHORT and len(said.splitlines()) <= lines
        assert str(self.page.uploads.folder).encode() not in said
        self.lives()
        return str(json.loads(said)["error"]) if said.startswith(b"{") else said.decode()

    def lives(self) -> None:
        assert self.ask("GET", "/").startswith(b"HTTP/1.1 200")
        assert [record for record in self.log.records if record.levelno > logging.WARNING] == []

    def is_empty(self) -> bool:
        """Nothing of a photo was kept."""
        return list(self.page.uploads.folder.rglob("*")) == []


class Idle(Searches):
    """Takes searches and never begins one."""

    def _work(self) -> None:
        pass


@pytest.fixture
def attacked(tmp_path: Path, uploads: Uploads, caplog: pytest.LogCaptureFixture) -> Iterator[Attacked]:
    searches = Idle(tmp_path / "outputs")
    page = Page(uploads, searches, ["generator=portraits64"], 64, lambda _: "http://127.0.0.1:5000/#/")
    line = socket.create_server(("127.0.0.1", 0))  # a port found free may be another's once it is used
    port = int(line.getsockname()[1])
    config = config_of(page, port)
    logging.getLogger("uvicorn").propagate = logging.getLogger("uvicorn.error").propagate = True
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([line],))
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    yield Attacked(page, port, caplog)
    server.should_exit = True
    thread.join()
    searches.close()


def chunked(*parts: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def head(port: int, *lines: str, path: str = "/photos") -> bytes:
    """Of a request that is put together by hand."""
    own = (f"Host: 127.0.0.1:{port}", "Connection: close", "x-inversion: 1", *lines)
    return f"POST {path} HTTP/1.1\r\n".encode() + b"".join(f"{line}\r\n".encode() for line in own) + b"\r\n"


def test_more_bytes_than_are_read(attacked: Attacked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "MAX_BYTES", 5000)
    said = attacked.refused(attacked.ask("POST", "/photos", b"x" * 6000), 413)
    assert said == "What was sent is too large. At most 5,000 bytes are read."
    without_length = head(attacked.port, "Transfer-Encoding: chunked") + chunked(*[b"x" * 1000] * 6)
    assert "too large" in attacked.refused(attacked.send(without_length), 413)
    assert "too large" in attacked.refused(attacked.ask("POST", "/searches", b"9" * 20_000), 413)
    assert attacked.is_empty() and attacked.page.inbox.size == 0


def test_a_body_that_ends_early_or_never(attacked: Attacked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "PATIENCE", 0.2)
    half = head(attacked.port, "Content-Length: 9000") + SQUARE[:50]
    attacked.send(half, hang_up=True)
    attacked.send(head(attacked.port, "Transfer-Encoding: chunked") + b"40\r\nabc", hang_up=True)
    assert "It took more than" in attacked.refused(attacked.send(half), 408)
    assert attacked.is_empty() and attacked.page.inbox.size == 0


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Length: -1",),
        ("Content-Length: many",),
        ("Content-Length: " + "9" * 5000,),
        ("Content-Length: 3", "Content-Length: 4"),
        ("Content-Length: 3", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: gzip",),
        ("Expect: the impossible",),
        ("X-Name: " + "a" * 200_000,),
        *[tuple(f"X-{i}: {'a' * 50}" for i in range(5000))],
        ("no colon at all",),
        (" leading: space",),
        ("X-Name: \0",),
    ],
    ids=lambda lines: lines[0][:20],
)
def test_headers_of_no_browser(attacked: Attacked, lines: tuple[str, ...]) -> None:
    attacked.refused(attacked.send(head(attacked.port, *lines) + b"zz\r\n"), 400, 413, 431, 501)
    assert attacked.is_empty()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\r\n\r\n",
        b"GET /\r\n\r\n",
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + bytes(500),  # TLS
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\0" * 1000,
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: eA==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n",
    ],
    ids=lambda raw: repr(raw[:12]),
)
def test_what_is_no_request(attacked: Attacked, raw: bytes) -> None:
    attacked.send(raw, hang_up=True)
    attacked.lives()


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd",
        "/..%2f..%2fetc%2fpasswd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "//etc/passwd",
        "/page.js/../../web.py",
        "/page.js%00.png",
        "/photos/../web.py",
        "/photos/%2e%2e/preview.jpg",
        "/photos/%2fetc/passwd",
        "/photos/{0}/..%2f..%2fetc%2fpasswd",
        "/photos/{0}/%00",
        "/photos/{0}/photo",
        "/photos/{0}/photo/a.png",
        "/photos/{0}/face_-1.jpg",
        "/photos/{0}/face_99999999999999999999.jpg",
        "/photos/{0}%20/preview.jpg",
        "/photos/{0}/damage/../mask.png",
        "/searches/{0}",
        "/searches/{0}/result.png",
        "/searches/..%2f/photo/result.png",
        "/searches/%ED%A0%80/frame",
    ],
)
def test_paths_outside_and_ids_of_somebody_else(attacked: Attacked, path: str) -> None:
    """{0}: the id of a photo that is there."""
    upload = attacked.page.uploads.add("a.png", SQUARE)
    attacked.refused(attacked.ask("GET", path.format(upload.id)), 400, 404)
    outside = attacked.ask("GET", f"http://evil.example{path.format(upload.id)}", host="evil.example")
    attacked.refused(outside, 400, 404)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://127.0.0.1:1"}, 403),  # another server of this machine
        ({"origin": "https://127.0.0.1:{port}"}, 403),
        ({"origin": "http://127.0.0.1:{port}.evil.example"}, 403),
        ({"origin": ""}, 403),
        ({"host": "evil.example:{port}"}, 400),  # a name that points here
        ({"host": "evil.example:{port}", "origin": "http://evil.example:{port}"}, 400),
        ({"host": "127.0.0.1.evil.example"}, 400),
        ({"host": ""}, 400),
    ],
)
def test_another_sites_page(attacked: Attacked, headers: dict[str, str], status: int) -> None:
    """Though it could send our header."""
    given = {name: value.format(port=attacked.port) for name, value in headers.items()}
    attacked.refused(attacked.ask("POST", "/photos", SQUARE, True, **given), status)
    attacked.refused(attacked.ask("GET", "/page.js", b"", True, **given), status)
    assert attacked.is_empty()


def test_the_pages_own_origin_is_taken(attacked: Attacked) -> None:
    for host in ("127.0.0.1", "localhost"):
        own = f"{host}:{attacked.port}"
        answer = attacked.ask("POST", "/photos", SQUARE, host=own, origin=f"http://{own}")
        assert answer.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "name",
    [
        "../../../x.png",
        "/etc/passwd",
        "..",
        ".",
        "",
        "a\nb\r\n.png",
        "a\0.png",
        "%",
        "\x1b[31m.png",
        "ä" * 5000,
    ]
    + ["C:\\x.png", "${oc.env:HOME}.png", "a=b,c.png", "\ud800.png", "\u202egnp.exe"],
)
def test_names_of_photos(attacked: Attacked, name: str) -> None:
    """Only what a file system, a log and the command line take is left of it."""
    answer = attacked.ask("POST", "/photos", SQUARE, x_name=quote(name, errors="surrogatepass")[:15_000])
    assert answer.startswith(b"HTTP/1.1 200"), answer
    (file,) = (path for path in attacked.page.uploads.folder.rglob("photo/*"))
    kept = json.loads(answer.partition(b"\r\n\r\n")[2])["name"]
    assert file.name == kept and kept.isprintable() and len(kept.encode()) <= 255 and "/" not in kept
    attacked.lives()


PICTURES: dict[str, Callable[[Path], Path]] = {
    "claimed pixels": partial(pictures.claimed, size=(2**31 - 1, 2**31 - 1)),
    "100 megapixels": partial(pictures.claimed, size=(10_000, 10_000)),
    "no pixel": partial(pictures.claimed, size=(0, 0)),
    "a long text": partial(pictures.compressed_chunk, kind=b"zTXt", head=b"Comment\0\0", megabytes=100),
    "a large profile": partial(pictures.compressed_chunk, kind=b"iCCP", head=b"sRGB\0\0", megabytes=100),
    "51 megapixels": partial(pictures.png, colour=pictures.GREY, size=(10_000, 5_100)),
}


@pytest.mark.parametrize("kind", PICTURES)
def test_pictures_that_would_take_memory(attacked: Attacked, tmp_path: Path, kind: str) -> None:
    content = PICTURES[kind](tmp_path).read_bytes()
    for path in ("/photos", f"/photos/{attacked.page.uploads.add('a.png', SQUARE).id}/mask"):
        before = sorted(attacked.page.uploads.folder.rglob("*"))
        attacked.refused(attacked.ask("POST", path, content))
        assert sorted(attacked.page.uploads.folder.rglob("*")) == before


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no picture",
        b'{"photo": 1}',
        b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n--x--",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"%PDF-1.7\n",
        b"PK\x03\x04" + bytes(100),
        b"GIF89a\xff\xff\xff\xff\0\0\0",
        b"II*\0\x08\0\0\0" + bytes(10),
        b"\xff\xd8\xff\xe0" + bytes(100),
        SQUARE[:-40],
        SQUARE[:40],
    ],
    ids=range(12),
)
def test_what_is_no_picture_or_half_of_one(attacked: Attacked, content: bytes) -> None:
    """Whatever its type is said to be, and a mask no less than a photo."""
    for type_ in ("image/png", "application/json", "multipart/form-data; boundary=x", "\x7f/"):
        attacked.refused(attacked.ask("POST", "/photos", content, content_type=type_))
    assert attacked.is_empty()
    upload = attacked.page.uploads.add("a.png", SQUARE)
    kept = sorted(upload.folder.rglob("*"))
    attacked.refused(attacked.ask("POST", f"/photos/{upload.id}/mask", content))
    attacked.refused(attacked.ask("POST", f"/photos/{upload.id}/mask?face=0", content))
    assert sorted(upload.folder.rglob("*")) == kept


@pytest.mark.parametrize("face", ["2", "-1", "", "0x0", "%C2%B2", "9" * 5000, "1.0", "all", "%00"])
def test_a_mask_of_no_face(attacked: Attacked, face: str) -> None:
    upload = attacked.page.uploads.add("a.png", SQUARE)
    attacked.refused(attacked.ask("POST", f"/photos/{upload.id}/mask?face={face}", SQUARE))
    assert upload.mask is None


WRONG: dict[str, list[Any]] = {
    "photo": [None, 7, [], {}, "nobody", "../x", "\0", "x" * 5000],
    "face": [None, "0", -1, 1001, 1e300, True, [], {}, "ALL"],
    "damage": [None, 0, "", "blue", "x" * 5000, [], ["blur"], {"blur": 1}, "degradation=blur"],
    "colour": [None, 1, "red", [], {}],
    "blur": ["1", -1, 0.5, 51, 1e300, True, [], {}],
    "enlarged": ["2", 0, 0.9, 33, -1, True, []],
    "noise": ["1", -0.1, 51, True, []],
    "pixels": [None, "16", 0, 1025, -1, True, []],
    "likeness": [None, "0.5", -0.1, 1.1, True, []],
    "alternatives": [None, "1", 0, 9, -1, True, []],
}


@pytest.mark.parametrize("name", WRONG)
def test_wishes_of_wrong_types_and_beyond_the_sliders(attacked: Attacked, name: str) -> None:
    photo = attacked.page.uploads.add("a.png", SQUARE).id
    for value in WRONG[name]:
        wish = {**WISH, "photo": photo, "damage": "blur", name: value}
        attacked.refused(attacked.ask("POST", "/searches", json.dumps(wish).encode()))
    for value in ("NaN", "Infinity", "-Infinity", "1e999", "9" * 5000, "[" * 500 + "]" * 500):
        text = json.dumps({**WISH, "photo": photo, "damage": "blur", name: "?"}).replace('"?"', value)
        attacked.refused(attacked.ask("POST", "/searches", text.encode()))
    assert len(attacked.page.searches) == 0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b"\xff",
        b"\xef\xbb\xbf{}",
        b'{"a": 1}' * 100,
        b"[" * 9000,
        b'{"a":' * 1900,
        b"9" * 9000,
    ],
    ids=range(10),
)
def test_a_wish_that_is_none(attacked: Attacked, body: bytes) -> None:
    attacked.refused(attacked.ask("POST", "/searches", body))


def test_a_full_disk(attacked: Attacked, full_disk: FullDisk, portrait: bytes) -> None:
    with full_disk(2000):
        said = attacked.refused(attacked.ask("POST", "/photos", portrait))
    assert said == "This machine could not do it: File too large." and attacked.is_empty()
    upload = attacked.page.uploads.add("a.png", SQUARE)
    kept = sorted(upload.folder.rglob("*"))
    with full_disk(50):
        attacked.refused(attacked.ask("POST", f"/photos/{upload.id}/mask", SQUARE))
    assert sorted(upload.folder.rglob("*")) == kept


def test_many_uploads_at_once(attacked: Attacked, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is too much together is refused, the others are kept, one is looked at at a time."""
    monkeypatch.setattr(gate, "MAX_AT_ONCE", 300_000)
    large = SQUARE + bytes(50_000)
    with ThreadPoolExecutor(24) as many:
        answers = list(many.map(lambda _: attacked.ask("POST", "/photos", large), range(48)))
    statuses = {int(answer.split()[1]) for answer in answers}
    assert 200 in statuses and statuses <= {200, 503}
    for answer in answers:
        if answer.startswith(b"HTTP/1.1 503"):
            assert "Too much is sent at the same time" in attacked.refused(answer, 503)
    assert len(list(attacked.page.uploads.folder.iterdir())) <= KEPT
    assert attacked.page.inbox.size == 0
    attacked.lives()
