"""The contact sheet: every cell in its place, whatever became of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PIL import Image

from sweeps.report.sheets import sizes
from sweeps.report.sheets.cell import mosaic
from sweeps.report.sheets.contact_sheet import MOST_LISTED, blocks_of, bounded, contact_sheet
from sweeps.report.sheets.sizes import TILES, Sizes, abreast, fitting
from sweeps.report.sheets.texts import caption
from sweeps.results.summarize import summarize
from sweeps.results.table import Table
from tests.sweeps.made import by_formula, picture, table

GREEN = (10, 200, 30)


def colours(sheet: Image.Image) -> dict[tuple[int, ...], int]:
    return {colour: count for count, colour in sheet.getcolors(sheet.width * sheet.height)}  # type: ignore[misc, union-attr]


def test_every_restoration_is_on_the_sheet_and_each_photo_leads_it_once() -> None:
    seen: list[tuple[str, str]] = []

    def shown(run_id: str, name: str) -> Image.Image | None:
        seen.append((run_id, name))
        return None if name == "consistent.png" else Image.new("RGB", (8, 8), GREEN)

    sheet = contact_sheet(summarize(table({"reg": [0.1, 0.5], "steps": [10, 20]})), shown)
    assert sum(name == "restored.png" for _, name in seen) == 4
    assert sum(name in ("original.png", "degraded.png") for _, name in seen) == 2
    assert colours(sheet)[GREEN] > 6 * (sizes.LARGEST - 20) ** 2


def test_a_failed_cell_is_drawn_and_the_others_keep_their_places() -> None:
    whole = contact_sheet(summarize(table({"reg": [0.1, 0.5], "steps": [10, 20]})), picture)
    made = table(
        {"reg": [0.1, 0.5], "steps": [10, 20]}, lambda p, i: None if p["reg"] == 0.5 else by_formula(p, i)
    )
    partly = contact_sheet(summarize(made), picture)
    assert partly.width == whole.width


def test_the_best_cell_is_framed() -> None:
    made = summarize(table({"reg": [0.1, 0.5]}))
    assert (0xBC, 0x4C, 0x00) in colours(contact_sheet(made, picture))


def test_a_thousand_cells_fit_into_one_sheet() -> None:
    assert fitting(5, 4).side == sizes.LARGEST
    width, height = Sizes(fitting(40, 25).side).cell
    assert 40 * width * 25 * height <= sizes.MOST_PIXELS


def test_blocks_stand_side_by_side_where_that_makes_a_page() -> None:
    assert abreast(1, 1.0) == 1 and abreast(6, 1.0) == 3 and abreast(4, 6.0) == 1


def test_captions_tell_quality_where_it_is_known_and_the_fit_where_not() -> None:
    known = summarize(table({}, lambda p, i: {"psnr": 24.12, "identity_distance": 0.314}, photos="ab"))
    assert caption(known.cells.iloc[0], known.criterion) == "24.1 dB · id 0.31 · n 2"
    degraded = summarize(table({}, lambda p, i: {"fit_psnr": 30.0}))
    assert caption(degraded.cells.iloc[0], degraded.criterion) == "fit 30.0 dB"


@pytest.mark.parametrize("count", TILES)
def test_several_photos_share_a_cell_and_leave_no_place_empty(count: int) -> None:
    pictures = [Image.new("RGB", (8, 8), (40 + 40 * i, 0, 0)) for i in range(count)]
    square = mosaic(pictures, Sizes(64, count))
    assert square.size == Sizes(64, count).area
    found = colours(square)
    area = Sizes(64, count).picture ** 2
    assert all(found[(40 + 40 * i, 0, 0)] > 0.85 * area for i in range(count))


def test_what_a_person_takes_home_is_on_the_sheet() -> None:
    def shown(run_id: str, name: str) -> Image.Image:
        return Image.new("RGB", (8, 8), GREEN if name == "consistent.png" else (0, 0, 0))

    assert colours(contact_sheet(summarize(table({"reg": [0.1, 0.5]})), shown))[GREEN] > sizes.LARGEST**2


def test_each_degraded_version_leads_the_sheet() -> None:
    seen = set()

    def shown(run_id: str, name: str) -> Image.Image:
        seen.add((run_id, name))
        return Image.new("RGB", (8, 8), GREEN)

    contact_sheet(summarize(table({"degradation.kernel_size": [5, 7], "reg": [0.1, 0.5]})), shown)
    assert {run for run, name in seen if name == "degraded.png"} == {"run0-0", "run2-0"}


def test_random_search_and_nothing_at_all_have_sheets_too() -> None:
    points = [(0.1 * (1 + i * i), 10 + 7 * i) for i in range(9)]
    assert contact_sheet(summarize(table({"reg": [], "steps": []}, points=points)), picture).width > 500
    assert contact_sheet(summarize(Table(table({}).rows[:0], (), (), "nothing")), picture).width > 100


def test_a_photo_without_any_run_takes_no_place() -> None:
    one, two = (table({"reg": [0.1, 0.5]}, photos=names) for names in (("a",), ("a", "b")))
    two.rows.loc[two.rows["photo"] == "b", ["run_id", "status"]] = ["", "FAILED"]
    alone, beside = (
        contact_sheet(summarize(made), lambda *_: Image.new("RGB", (8, 8), GREEN)) for made in (one, two)
    )
    assert colours(beside)[GREEN] == colours(alone)[GREEN]


@pytest.mark.parametrize(("is_list", "which"), [(False, "best"), (True, "first")])
def test_a_sheet_of_thousands_shows_as_many_as_a_person_looks_at_and_says_so(
    is_list: bool, which: str
) -> None:
    points = [(0.1 * (1 + i * i), 10 + 7 * i) for i in range(MOST_LISTED + 50)]
    made = summarize(replace(table({"reg": [], "steps": []}, points=points), is_list=is_list))
    blocks, said = bounded(made, blocks_of(made))
    shown = [i for block in blocks for i in block.cells.index]
    assert len(shown) == MOST_LISTED and f"the {which} 400 of 450 settings" in said
    left_out = sorted(set(range(len(points))) - set(shown))
    if is_list:
        assert shown == list(range(MOST_LISTED))
    else:
        assert made.cells["quality"][shown].min() >= made.cells["quality"][left_out].max()


def test_many_photos_of_few_settings_take_no_more_room_than_these() -> None:
    points = [(0.1 * (1 + i * i), 10 + 7 * i) for i in range(MOST_LISTED + 50)]
    made = summarize(replace(table({"reg": [], "steps": []}, points=points), is_list=True))
    (whole,) = blocks_of(made)
    photos = [replace(whole, cells=made.cells[i : i + 3], columns=3) for i in range(0, len(points), 3)]
    assert [block.columns for block in bounded(made, [whole])[0]] == [20]
    assert {block.columns for block in bounded(made, photos)[0]} == {3}


def test_a_grid_has_all_of_its_cells_on_the_sheet() -> None:
    made = summarize(table({"reg": [i / 100 for i in range(30)], "steps": list(range(1, 21))}))
    blocks, said = bounded(made, blocks_of(made))
    assert sum(len(block.cells) for block in blocks) == 600 and not said
