from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from inversion.damage.__main__ import main
from inversion.degradations.inpaint import read_mask
from tests.inversion.looked_at_once import looked_at_once


@pytest.fixture(scope="module", autouse=True)
def found_once() -> Iterator[None]:
    with looked_at_once("inversion.damage.__main__"):
        yield


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["damage", *arguments])
    main()


@pytest.fixture
def scratched(portrait: np.ndarray, tmp_path: Path) -> Path:
    photo = portrait.copy()
    photo[:, 400:404] = 255
    Image.fromarray(photo).save(tmp_path / "me.jpg", quality=60)
    return tmp_path / "me.jpg"


def test_a_photo_gets_a_table_a_drawing_and_a_mask(
    scratched: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn, mask = scratched.parent / "damage.png", scratched.parent / "mask.png"
    run(monkeypatch, str(scratched), "--drawn", str(drawn), "--mask", str(mask))
    assert "quality 60, by tables" in capsys.readouterr().out
    assert np.array(read_mask(mask, (512, 600)))[:, 401:403].mean() > 0.8 * 255
    with Image.open(drawn) as picture:
        assert picture.size == (512, 600)


def test_nothing_is_overwritten(scratched: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = scratched.read_bytes()
    with pytest.raises(SystemExit, match="another name"):
        run(monkeypatch, str(scratched), "--mask", str(scratched))
    assert scratched.read_bytes() == before


def test_what_is_no_photo_is_refused_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.jpg").write_text("no")
    with pytest.raises(SystemExit, match="not an image"):
        run(monkeypatch, str(tmp_path / "a.jpg"))


@pytest.mark.parametrize("name", ["drawn", "nowhere/drawn.png"])
def test_a_picture_that_cannot_be_written_is_told_in_one_line(
    scratched: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(scratched.parent)
    with pytest.raises(SystemExit, match=f"Got {name} .*drawn.png would work in this folder"):
        run(monkeypatch, "me.jpg", "--drawn", name)


def test_drawing_and_mask_are_two_files(scratched: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit, match="another name"):
        run(
            monkeypatch,
            str(scratched),
            *("--drawn", str(scratched.parent / "a.png")),
            *("--mask", str(scratched.parent / "a.png")),
        )


def test_of_a_photo_that_is_turned_upright_the_traces_are_read(
    portrait: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its blocks do not begin at its upper left corner: noise of 0.026 was taken for none."""
    turned = Image.Exif()
    turned[ExifTags.Base.Orientation] = 3
    photo = Image.fromarray(portrait[:595, :507])
    photo.save(tmp_path / "upright.jpg", quality=30)
    photo.save(tmp_path / "turned.jpg", quality=30, exif=turned)
    said = []
    for name in ("upright", "turned"):
        run(monkeypatch, str(tmp_path / f"{name}.jpg"))
        said.append({line.split()[0]: line for line in capsys.readouterr().out.splitlines()})
    assert "by tables" in said[0]["JPEG"] and "quality 30, by traces" in said[1]["JPEG"]
    assert all("standard deviation" in one["noise"] for one in said)
