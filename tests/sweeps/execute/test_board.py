"""The board says how many runs are done, failed and left, and for how long."""

from __future__ import annotations

from pathlib import Path

import pytest

from inversion.record.record import Ending
from sweeps.execute import board, endings
from sweeps.execute.board import Board, choose, spell_seconds
from sweeps.execute.endings import Line

COMMAND = "mine"


def line(reg: float, status: str = "FINISHED", reason: str = "") -> Line:
    metrics = {"psnr": 30 - reg, "seconds": 12.34} if status == "FINISHED" else {}
    return Line(
        ("tracking.image_every=0", f"reg={reg}", "steps=5"),
        "face",
        f"f{reg}",
        Ending(status, reason, metrics),  # type: ignore[arg-type]
    )


@pytest.fixture
def shown(tmp_path: Path) -> Board:
    return Board(tmp_path, COMMAND, ["reg"], total=4, bar=False)


def test_a_line_names_the_point_by_its_axes_and_says_what_came_of_it(shown: Board) -> None:
    assert shown.describe(line(0.5)) == "reg=0.5 face: FINISHED, PSNR 29.5 dB, 12.3 s"
    assert shown.describe(line(0.5, "FAILED", "no face")) == "reg=0.5 face: FAILED, no face"
    before = line(0.5, "FINISHED", "finished before as run abc")
    assert shown.describe(before) == "reg=0.5 face: finished before as run abc"


def test_complete_is_a_sweep_whose_points_have_all_ended_well(tmp_path: Path) -> None:
    board = Board(tmp_path, COMMAND, ["reg"], total=2, bar=False)
    for reg, status, expected in ((0.1, "FINISHED", False), (0.5, "FAILED", False), (0.5, "FINISHED", True)):
        board._count(line(reg, status))
        assert board.is_complete is expected
    assert not Board(tmp_path, COMMAND, ["reg"], total=None, bar=False).is_complete


def test_a_figure_that_could_not_be_measured_is_left_out(shown: Board) -> None:
    faceless = Line(
        ("reg=1",), "face", "f1", Ending("FINISHED", "", {"psnr": 20.0, "identity_distance": float("nan")})
    )
    assert shown.describe(faceless) == "reg=1 face: FINISHED, PSNR 20.0 dB"


def test_the_state_counts_done_failed_and_time_left(
    shown: Board, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shown.state() == "0 of 4 done"
    began = shown._began
    monkeypatch.setattr(board.time, "monotonic", lambda: began + 20)
    shown.start()
    endings.write(tmp_path, COMMAND, line(0.1, "FINISHED", "finished before as run abc"))
    endings.write(tmp_path, COMMAND, line(0.5))
    endings.write(tmp_path, COMMAND, line(1.0, "FAILED", "no face"))
    shown.stop()
    # Two runs took 20 s; what was finished before took none.
    assert shown.state() == "2 of 4 done, 1 failed, about 10.0 s left"
    assert len(capsys.readouterr().out.splitlines()) == 3
    assert [found.ending.reason for found in shown.failed] == ["no face"]


def test_two_commands_in_one_folder_each_count_their_own(
    shown: Board, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = Board(tmp_path, "theirs", ["reg"], total=1, bar=False)
    endings.write(tmp_path, COMMAND, line(0.5))
    endings.write(tmp_path, "theirs", line(0.7, "FAILED", "no face"))
    endings.write(tmp_path, COMMAND, line(0.1))
    for board_ in (shown, other):
        board_._look()
    assert [found.fingerprint for found in shown.lines] == ["f0.5", "f0.1"] and not shown.failed
    assert [found.fingerprint for found in other.lines] == ["f0.7"] == [f.fingerprint for f in other.failed]
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_one_problem_asked_for_twice_counts_once(
    shown: Board, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """steps=5,5 in two processes, or a sweep over two copies of a photo."""
    endings.write(tmp_path, COMMAND, line(0.5))
    endings.write(tmp_path, COMMAND, line(0.5, "FINISHED", "finished before as run abc"))
    endings.write(tmp_path, COMMAND, line(0.1, "FAILED", "killed"))
    endings.write(tmp_path, COMMAND, line(0.1))
    shown._look()
    assert shown.state().startswith("2 of 4 done, about") and not shown.failed
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_a_photos_name_is_shown_as_it_is(
    shown: Board, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No markup, no emoji, and no second line that looks like the board's own."""
    for number, name in enumerate(("[red]a[/red].png", ":smile:.png", "a\n[4 of 4 done] b.png")):
        ending = Ending("FINISHED", "", {"psnr": 1.0})
        endings.write(tmp_path, COMMAND, Line(("reg=1",), name, f"f{number}", ending))
    shown._look()
    shown.print_table()
    out = capsys.readouterr().out
    assert out.count("[red]a[/red].png") == 2 and out.count(":smile:.png") == 2
    assert "a\\n[4 of 4 done] b.png" in out and len(out.splitlines()) == 3 + 1 + 3


def test_runs_that_end_together_give_one_estimate_of_the_time_left(
    shown: Board, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A batched pass ends all its runs at once: after the first of them nothing is known of the speed."""
    for reg in (0.1, 0.5, 1.0):
        endings.write(tmp_path, COMMAND, line(reg))
    shown._look()
    lines = capsys.readouterr().out.splitlines()
    assert ["left" in text for text in lines] == [False, False, True]


def test_the_table_shows_every_run_of_a_small_sweep(
    shown: Board, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown.lines = [line(0.5), line(1.0, "FAILED", "no face")]
    shown.print_table()
    out = capsys.readouterr().out
    assert "reg=0.5" in out and "29.5" in out
    assert "FAILED: reg=1.0 face: FAILED, no face" in out


def test_of_a_large_sweep_the_best_and_all_failed_runs_are_shown() -> None:
    lines = [line(number / 10) for number in range(200)] + [line(99.0, "FAILED", "no face")]
    chosen = choose(lines)
    assert len(chosen) == board.ROWS + 1
    assert chosen[0] == line(0.0) and chosen[-1] == line(99.0, "FAILED", "no face")


@pytest.mark.parametrize(("seconds", "text"), [(4.25, "4.2 s"), (240, "4 min"), (9000, "2.5 h")])
def test_times_are_spelt_for_people(seconds: float, text: str) -> None:
    assert spell_seconds(seconds) == text
