"""A photo is its content; its label is its full name, used for that content alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from sweeps.results.photos import Photo, labels
from sweeps.results.store import Store
from tests.sweeps.recorded import Sweep, only, quality_of

HOSTILE = ("a\nb.png", "[bold red]x.jpg", "bad=2 q.png", "<b>.png", "me.jpg", "me.png", "ü: ß.jpg")


def shown(recorded: Sequence[Photo], planned: Sequence[Photo] = ()) -> list[str]:
    found = labels(recorded, planned)
    return [found[photo] for photo in (*recorded, *planned)]


def test_one_content_is_one_photo_and_one_name_is_one_content() -> None:
    names = shown([Photo("me.jpg", "a"), Photo("me.png", "b"), Photo("copy.jpg", "a")])
    assert names == ["me.jpg", "me.png", "me.jpg"]
    assert shown([Photo("me.jpg", "a" * 64), Photo("me.jpg", "b" * 64)]) == [
        "me.jpg (aaaaaa)",
        "me.jpg (bbbbbb)",
    ]
    assert shown([Photo("seed7", ""), Photo("seed7", "")]) == ["seed7", "seed7"]


def test_a_label_of_two_contents_is_never_the_name_of_a_third() -> None:
    names = [
        Photo("me.jpg", "a" * 64),
        Photo("me.jpg", "b" * 64),
        Photo("me.jpg (aaaaaa)", "c" * 64),
    ]
    assert len(set(shown(names))) == 3


def test_what_is_planned_is_the_photo_of_its_content_and_where_a_hash_is_missing_of_its_name() -> None:
    mine, yours = Photo("me.jpg", "a" * 64), Photo("me.jpg", "b" * 64)
    assert shown([mine], [yours, mine]) == ["me.jpg (aaaaaa)", "me.jpg (bbbbbb)", "me.jpg (aaaaaa)"]
    assert shown([mine], [Photo("me.jpg", "")]) == ["me.jpg", "me.jpg"]
    assert shown([Photo("me.jpg", "")], [mine]) == ["me.jpg", "me.jpg"]
    assert shown([mine], [Photo("copy.jpg", "a" * 64)]) == ["me.jpg", "me.jpg"]


def test_names_that_differ_in_their_ending_or_hold_anything_at_all_stay_apart(tmp_path: Path) -> None:
    sweep = Sweep(tmp_path)
    cells = []
    for reg in (0.1, 0.5):
        for name in HOSTILE:
            sweep.add({"reg": reg}, quality_of(reg, 100), photo=name, pictures=False, steps=1)
            cells.append({"point": f"reg={reg}", "photo": name, "fingerprint": ""})
    sweep.plan(cells, axes={"reg": ["0.1", "0.5"]})
    table = only(sweep)
    assert sorted(set(table.rows["photo"])) == sorted(HOSTILE)
    assert len(table.rows) == 2 * len(HOSTILE) and set(table.rows["status"]) == {"FINISHED"}


def test_a_photo_that_was_changed_between_two_cells_is_two_photos(tmp_path: Path) -> None:
    sweep = Sweep(tmp_path)
    for reg, digest in ((0.1, "a" * 64), (0.5, "b" * 64)):
        sweep.add({"reg": reg}, {"psnr": 20.0}, tags={"photo_sha256": digest}, pictures=False, steps=1)
    table = only(sweep)
    assert (
        len(set(table.rows["photo"])) == 2
        and sorted(table.rows["status"]) == ["FINISHED"] * 2 + ["MISSING"] * 2
    )


TWO = {"a": "a" * 64, "b": "b" * 64}  # folder -> content of its me.jpg


def planned(reg: float) -> list[dict[str, str]]:
    return [
        {"point": f"image={x}/me.jpg reg={reg}", "photo": "me.jpg", "fingerprint": "", "photo_sha256": digest}
        for x, digest in TWO.items()
    ]


@pytest.mark.parametrize("table", [None, "cases.csv"])
def test_two_photos_of_one_name_are_two_in_a_grid_and_in_a_table(tmp_path: Path, table: str | None) -> None:
    """What has a run, what failed before it had one, and what was never started."""
    sweep = Sweep(tmp_path)
    cells = [*planned(0.1), *planned(0.5)]
    sweep.plan(cells, axes={"image": [], "reg": ["0.1", "0.5"]}, table=table)
    for x, psnr in (("a", 20.0), ("b", 30.0)):
        sweep.add({"reg": 0.1}, {"psnr": psnr}, photo="me.jpg", tags={"photo_sha256": TWO[x]})
    failed = {"point": {"image": "b/me.jpg", "reg": 0.5}, "photo": "me.jpg", "reason": "no face"}
    (tmp_path / "failed.jsonl").write_text(json.dumps(failed) + "\n")
    sweep.recorder.log_file(tmp_path / "failed.jsonl")
    rows = only(sweep).rows.set_index(["photo", "reg"])
    assert rows["status"].to_dict() == {
        ("me.jpg (aaaaaa)", 0.1): "FINISHED",
        ("me.jpg (aaaaaa)", 0.5): "MISSING",
        ("me.jpg (bbbbbb)", 0.1): "FINISHED",
        ("me.jpg (bbbbbb)", 0.5): "FAILED",
    }
    assert rows["psnr"].dropna().tolist() == [20.0, 30.0]


def test_two_photos_of_one_name_are_two_before_anything_has_run(tmp_path: Path) -> None:
    sweep = Sweep(tmp_path)
    sweep.plan(planned(0.1), axes={"image": [], "reg": ["0.1"]}, table="cases.csv")
    (found,) = Store(sweep.uri).sweep(sweep.parent)
    assert found.rows["photo"].tolist() == ["me.jpg (aaaaaa)", "me.jpg (bbbbbb)"]


def test_every_cell_has_its_photos_in_one_order(tmp_path: Path) -> None:
    """Whichever process was first: sheets show them side by side."""
    sweep = Sweep(tmp_path)
    for number, point in enumerate([(0.1, 10), (0.1, 20), (0.2, 30), (0.3, 40), (0.4, 50)]):
        for photo in ("b.jpg", "a.jpg") if number else ("a.jpg", "b.jpg"):
            sweep.add(dict(zip(("reg", "steps"), point, strict=True)), {"psnr": 20.0}, photo=photo)
    found = only(sweep)
    assert not found.is_grid and found.rows["photo"].tolist() == ["a.jpg", "b.jpg"] * 5
