"""A photo is its content; its label is its full name, used for that content alone."""

from __future__ import annotations

from pathlib import Path

from sweeps.results.photos import labels
from tests.sweeps.recorded import Sweep, only, quality_of

HOSTILE = ("a\nb.png", "[bold red]x.jpg", "bad=2 q.png", "<b>.png", "me.jpg", "me.png", "ü: ß.jpg")


def test_one_content_is_one_photo_and_one_name_is_one_content() -> None:
    assert labels(["me.jpg", "me.png", "copy.jpg"], ["a", "b", "a"]) == ["me.jpg", "me.png", "me.jpg"]
    assert labels(["me.jpg", "me.jpg"], ["a" * 64, "b" * 64]) == ["me.jpg (aaaaaa)", "me.jpg (bbbbbb)"]
    assert labels(["seed7", "seed7"], ["", ""]) == ["seed7", "seed7"]


def test_a_label_of_two_contents_is_never_the_name_of_a_third() -> None:
    found = labels(["me.jpg", "me.jpg", "me.jpg (aaaaaa)"], ["a" * 64, "b" * 64, "c" * 64])
    assert len(set(found)) == 3


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
