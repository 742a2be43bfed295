"""What the page's server answers: what was asked for, by its own page, and nothing else."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from inversion.errors import ConfigError
from inversion.faces.landmarks import find_faces
from sweeps.app import web
from sweeps.app.searches import Search, Searches
from sweeps.app.uploads import KEPT, Upload, Uploads
from sweeps.app.web import Page
from sweeps.app.wish import Wish
from tests.sweeps.app.conftest import png
from tests.sweeps.app.test_searches import until

WISH = {"face": 0, "damage": "grey", "blur": None, "pixels": 16, "likeness": 0.5, "alternatives": 1}


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """Asks an ASGI application as a browser would, without a network."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.application = page.application()

    def __call__(
        self,
        method: str,
        address: str,
        body: bytes = b"",
        host: str = "127.0.0.1:7860",
        own: bool = True,
        **headers: str,
    ) -> Answer:
        path, _, query = address.partition("?")
        given = {"host": host, **({"x-inversion": "1"} if own else {}), **headers}
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(k.replace("_", "-").encode(), v.encode()) for k, v in given.items()],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 7860),
        }
        parts = [body[i : i + 1000] for i in range(0, len(body), 1000)] or [b""]
        sent: list[Any] = []

        async def receive() -> Any:
            if not parts:
                await asyncio.Event().wait()  # nobody hangs up
            return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

        async def send(message: Any) -> None:
            sent.append(message)

        async def talk() -> None:
            await self.application(scope, receive, send)

        asyncio.run(talk())
        found = {k.decode(): v.decode() for k, v in sent[0]["headers"]}
        return Answer(sent[0]["status"], found, b"".join(m.get("body", b"") for m in sent[1:]))


class Idle(Searches):
    """Takes searches and never begins one."""

    def _work(self) -> None:
        pass


@lru_cache
def faces_of(photo: bytes, size: tuple[int, int]) -> list[np.ndarray]:
    return find_faces(Image.frombytes("RGB", size, photo))


@pytest.fixture
def client(tmp_path: Path, uploads: Uploads, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setattr(
        "sweeps.app.uploads.find_faces", lambda photo: list(faces_of(photo.tobytes(), photo.size))
    )
    searches = Idle(tmp_path / "outputs")
    yield Client(Page(uploads, searches, ["generator=portraits64"], 64, lambda _: "http://127.0.0.1:5000/#/"))
    searches.close()


@pytest.fixture
def photo(client: Client, portrait: bytes) -> str:
    answer = client("POST", "/photos", portrait, x_name="Gro%C3%9Fmutter%20(1).jpg")
    assert answer.status == 200, answer.body
    assert answer.json["name"] == "Großmutter (1).jpg" and answer.json["faces"] == 1
    return str(answer.json["id"])


def begun(client: Client, photo: str, **changed: Any) -> Search:
    answer = client("POST", "/searches", json.dumps({**WISH, "photo": photo, **changed}).encode())
    assert answer.status == 200, answer.body
    return client.page.searches.get(answer.json["id"])


def finished(search: Search, *names: str, size: int = 64) -> Search:
    """As its record is when it is over."""
    search.folder.mkdir(parents=True, exist_ok=True)
    for i, name in enumerate(names):
        Image.new("RGB", (size, size), (i, 0, 0)).save(search.folder / name)
    search.state = "FINISHED"
    return search


def test_the_page_and_its_parts_come_from_here_alone(client: Client) -> None:
    page = client("GET", "/")
    assert page.status == 200 and b"Restore a face photo" in page.body
    assert "slider.js" in web.ASSETS
    for part in web.ASSETS.values():
        answer = client("GET", f"/{part.name}")
        assert answer.status == 200 and answer.body == part.read_bytes()
        assert b"//cdn" not in answer.body and b"https://" not in answer.body
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"


def test_a_photo_is_shown_and_searched_as_it_was_asked_for(client: Client, photo: str) -> None:
    for name in ("preview.jpg", "face_0.jpg", "area_0.jpg"):
        answer = client("GET", f"/photos/{photo}/{name}")
        assert answer.status == 200 and answer.headers["content-type"] == "image/jpeg"
    search = begun(client, photo)
    assert "generator=portraits64" in search.words and "degradation=grayscale" in search.words
    state = client("GET", f"/searches/{search.id}").json
    assert (state["state"], state["ahead"], state["queue"], state["step"]) == ("waiting", 0, 1, 0)
    assert state["choices"] == [] and state["best"] is None
    begun(client, photo)
    assert client("GET", f"/searches/{search.id}").json["queue"] == 2
    assert client("POST", f"/searches/{search.id}/stop").status == 200
    assert client("GET", f"/searches/{search.id}").json["state"] == "KILLED"


def test_a_mask_is_painted_given_and_taken_back(client: Client, photo: str) -> None:
    upload = client.page.uploads.get(photo)
    painted = Image.new("RGB", (40, 40))
    painted.paste("white", (10, 10, 20, 20))
    assert client("POST", f"/photos/{photo}/mask?face=0", png(painted)).status == 200
    assert upload.mask is not None
    assert any(word.startswith("degradation.mask=") for word in begun(client, photo, damage="missing").words)
    assert client("DELETE", f"/photos/{photo}/mask").status == 200 and upload.mask is None
    answer = client("POST", f"/photos/{photo}/mask", png(painted))
    assert answer.status == 400 and "as large as the photo" in answer.json["error"]


def test_what_has_happened_to_a_photo_is_told(client: Client, photo: str) -> None:
    told = client("GET", f"/photos/{photo}/damage").json
    assert [row["what"] for row in told["rows"]][:3] == ["blur", "pixels", "colour"] and not told["grey"]
    assert client("GET", f"/photos/{photo}/hidden_0.png").status == (200 if told["hides"] else 400)
    assert client("GET", f"/photos/{photo}/hidden_1.png").status == 400
    assert client("GET", "/photos/nobody/damage").status == 400


def test_of_all_faces_the_whole_photo_is_the_choice(client: Client, photo: str) -> None:
    search = begun(client, photo, face="all")
    assert "align.face=all" in search.words and search.is_whole
    (search.folder / "me-face0").mkdir(parents=True)
    (search.folder / "me-face0" / "losses.csv").write_text("step,loss\n1,2\n2,1\n")
    assert client("GET", f"/searches/{search.id}").json["step"] == 2
    finished(search, "photo_restored.png")
    state = client("GET", f"/searches/{search.id}").json
    assert state["is_whole"] and state["choices"] == ["photo_restored.png"] == [state["best"]]
    answer = client("GET", f"/searches/{search.id}/photo/photo_restored.png?download")
    assert answer.status == 200 and answer.body == (search.folder / "photo_restored.png").read_bytes()


def test_the_results_pictures_and_no_others_can_be_read(client: Client, photo: str) -> None:
    search = finished(begun(client, photo), "result.png", "restored.png")
    (search.folder / "config.yaml").write_text("secret: 1")
    (search.folder / "images").mkdir()
    state = client("GET", f"/searches/{search.id}").json
    assert state["choices"] == ["result.png", "restored.png"] and state["best"] == "result.png"
    assert client("GET", f"/searches/{search.id}/result.png").status == 200
    for name in ("config.yaml", "images", "..", "../result.png", "%2e%2e%2fresult.png", "run.log"):
        assert client("GET", f"/searches/{search.id}/{name}").status in (400, 404), name
    for name in ("photo", "mask.png", "../x", "face_7.jpg"):
        assert client("GET", f"/photos/{photo}/{name}").status in (400, 404), name
    assert client("GET", "/page.js/../../web.py").status == 404
    assert client("GET", f"/searches/{search.id}/photo/config.yaml").status == 400
    assert client("GET", f"/searches/{search.id}/mlflow").status == 303
    saved = client("GET", f"/searches/{search.id}/result.png?download")
    assert saved.headers["content-disposition"] == "attachment; filename=result.png"


def test_of_several_samples_the_records_own_choice_is_named(client: Client, photo: str) -> None:
    search = finished(begun(client, photo), "sample_1.png", "sample_2.png", "restored.png")
    shutil.copy(search.folder / "sample_2.png", search.folder / "result.png")
    state = client("GET", f"/searches/{search.id}").json
    assert state["choices"] == ["sample_1.png", "sample_2.png", "restored.png"]
    assert state["best"] == "sample_2.png"


def test_a_result_of_black_and_white_stripes_is_noticed(client: Client, photo: str) -> None:
    search = finished(begun(client, photo), "restored.png")
    rows = np.arange(64)[:, None].repeat(64, 1)
    grey = np.clip(rows + 90 + 40 * np.sin(rows), 1, 254)
    for result, expected in ((grey * 1.05, False), (255.0 * (rows % 2), True)):
        Image.fromarray(grey.astype(np.uint8)).save(search.folder / "degraded.png")
        Image.fromarray(np.clip(result, 0, 255).astype(np.uint8)).save(search.folder / "result.png")
        assert client("GET", f"/searches/{search.id}").json["overshoots"] is expected


def test_any_choice_can_be_put_into_the_photo(client: Client, photo: str) -> None:
    """As the record's own is: with the same transform, and the photo's pixels outside the face."""
    import yaml

    from inversion.presets import composed

    search = begun(client, photo, damage="blur")
    size = client.page.uploads.get(photo).size
    finished(search, "sample_1.png", "sample_2.png", "result.png", size=336)
    Image.new("RGB", (64, 64), "red").save(search.folder / "restored.png")
    Image.new("RGB", size).save(search.folder / "photo_restored.png")
    (search.folder / "config.yaml").write_text(yaml.safe_dump(composed(*search.words)))
    for name in ("sample_2.png", "restored.png"):
        answer = client("GET", f"/searches/{search.id}/photo/{name}?download")
        assert answer.status == 200, answer.body
        assert answer.headers["content-disposition"] == "attachment; filename=photo_restored.png"
        path = search.upload.folder / f"{search.id}_{name}"
        with Image.open(path) as made, Image.open(search.upload.path) as given:
            assert made.size == given.size
            middle = (given.width // 2, given.height // 3)
            assert made.getpixel((2, 2)) == given.convert("RGB").getpixel((2, 2))
            assert made.getpixel(middle) != given.convert("RGB").getpixel(middle)
    before = client("GET", f"/searches/{search.id}/before")
    assert before.status == 200 and before.headers["content-type"] == "image/png"


def test_more_bytes_than_are_read_are_refused_while_they_come(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "MAX_BYTES", 5000)
    answer = client("POST", "/photos", b"x" * 1_000_000)
    assert answer.status == 413 and "too large" in answer.json["error"]
    assert list(client.page.uploads.folder.iterdir()) == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b'{"photo": "../.."}',
        b'{"photo": 7}',
        b"\xff",
        b"[" * 9000,  # deeper than Python's stack
        b'{"a":' * 1900,
        b'{"damage": "\\ud800"}',  # half a letter
        b'{"damage": ' + b"9" * 9000 + b"}",
    ],
)
def test_what_no_page_of_ours_sends_gets_an_answer_in_words(client: Client, body: bytes) -> None:
    answer = client("POST", "/searches", body)
    assert answer.status == 400 and answer.json["error"]
    assert client("GET", "/searches/nowhere").status == 400
    assert client("GET", "/photos/nowhere/preview.jpg").status == 400


def test_another_sites_page_can_change_nothing_and_another_host_sees_nothing(
    client: Client, photo: str, portrait: bytes
) -> None:
    assert client("POST", "/photos", portrait, own=False).status == 403
    assert client("POST", "/searches", json.dumps({**WISH, "photo": photo}).encode(), own=False).status == 403
    assert client("GET", "/", host="evil.example:7860").status == 400  # a name that points here
    assert client("OPTIONS", "/photos").status == 405  # no preflight is answered


def test_an_upload_that_a_search_still_reads_stays(
    client: Client, photo: str, upload: Callable[..., Upload]
) -> None:
    begun(client, photo)
    until(lambda: photo in client.page.searches.needed())
    assert client.page.uploads.get(photo).path.exists()


def crowd_out(client: Client, photo: str) -> None:
    """Later photos come until this one goes."""
    square = png(Image.new("RGB", (32, 32), "teal"))
    for number in range(KEPT):
        client.page.uploads.add(f"{number}.png", square, client.page.searches.needed)
    with pytest.raises(ConfigError, match="Choose it again"):
        client.page.uploads.get(photo)


def test_pictures_of_a_photo_that_has_made_room_are_refused_in_words(client: Client, photo: str) -> None:
    search = finished(begun(client, photo), "result.png", "restored.png", "photo_restored.png")
    client("POST", f"/searches/{search.id}/stop")
    search.state = "FINISHED"
    crowd_out(client, photo)
    for address in ("before", "photo/restored.png"):
        answer = client("GET", f"/searches/{search.id}/{address}")
        assert answer.status == 400 and "Choose it again" in answer.json["error"]
    assert not search.upload.folder.exists()  # nor made again
    assert client("GET", f"/searches/{search.id}/photo/result.png").status == 200  # the record has it
    for method, address in (("GET", "preview.jpg"), ("POST", "mask"), ("DELETE", "mask")):
        assert client(method, f"/photos/{photo}/{address}").status == 400


def test_a_picture_whose_file_is_gone_is_refused_in_words(client: Client, photo: str) -> None:
    (client.page.uploads.get(photo).folder / "preview.jpg").unlink()
    answer = client("GET", f"/photos/{photo}/preview.jpg")
    assert answer.status == 400 and answer.json["error"] == "preview.jpg is not here any more."


def test_a_photo_stays_while_its_search_is_put_into_words(
    client: Client, photo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other photos may come meanwhile, and the search is not yet among those that need one."""

    def slow(*_: object) -> tuple[list[str], int]:
        for number in range(KEPT + 1):
            client.page.uploads.add(
                f"{number}.png", png(Image.new("RGB", (32, 32))), client.page.searches.needed
            )
        return [], 10

    monkeypatch.setattr(Wish, "words", slow)
    search = begun(client, photo)
    assert search.upload.path.exists() and client.page.uploads.get(photo) is search.upload


def test_an_address_outside_of_utf8_is_told(client: Client, photo: str) -> None:
    """A working folder whose name is Latin-1."""
    search = begun(client, photo)
    search.folder = Path("/tmp/caf\udce9")
    assert client("GET", f"/searches/{search.id}").json["folder"] == "/tmp/caf\udce9"
