"""What several processes write about their runs, one reader reads once and whole."""

from __future__ import annotations

from pathlib import Path

from inversion.record.record import Ending
from sweeps.execute import endings
from sweeps.execute.endings import Line, Reader


def line(number: int) -> Line:
    return Line(
        (f"steps={number}",),
        "face.png",
        f"f{number}",
        Ending("FINISHED", "", {"psnr": float(number), "ssim": float("nan")}),
    )


def test_every_line_is_read_once_whoever_wrote_it(tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    assert reader.new() == []
    for job in (0, 1, 0):
        endings.write(tmp_path, job, line(job))
    assert sorted(found.overrides for found in reader.new()) == [("steps=0",), ("steps=0",), ("steps=1",)]
    assert reader.new() == []
    endings.write(tmp_path, 1, line(7))
    assert [found.ending.metrics["psnr"] for found in reader.new()] == [7.0]


def test_half_a_line_waits_for_its_other_half(tmp_path: Path) -> None:
    endings.write(tmp_path, 0, line(1))
    path = tmp_path / ".endings" / "0.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:20])
    reader = Reader(tmp_path)
    assert len(reader.new()) == 1
    path.write_bytes(whole + whole)
    assert len(reader.new()) == 1


def test_lines_of_an_earlier_sweep_in_the_same_folder_are_passed_over(tmp_path: Path) -> None:
    endings.write(tmp_path, 0, line(1))
    reader = Reader(tmp_path)
    reader.skip()
    assert reader.new() == []
    endings.write(tmp_path, 0, line(2))
    assert [found.overrides for found in reader.new()] == [("steps=2",)]


def test_jobs_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for job in (10, 9, 2):
        endings.write(tmp_path, job, line(job))
    assert [found.overrides for found in Reader(tmp_path).new()] == [
        ("steps=2",),
        ("steps=9",),
        ("steps=10",),
    ]
