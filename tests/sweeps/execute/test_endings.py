"""What several processes write about their runs, one reader reads once and whole."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from inversion.record.record import Ending
from sweeps.execute import endings
from sweeps.execute.endings import Line, Reader

COMMAND = "mine"


def line(number: int) -> Line:
    return Line(
        (f"steps={number}",),
        "face.png",
        f"f{number}",
        Ending("FINISHED", "", {"psnr": float(number), "ssim": float("nan")}),
    )


def test_every_line_is_read_once_whoever_wrote_it(tmp_path: Path) -> None:
    reader = Reader(tmp_path, COMMAND)
    assert reader.new() == []
    for job in (0, 1, 0):
        endings.write(tmp_path, COMMAND, line(job))
    assert sorted(found.overrides for found in reader.new()) == [("steps=0",), ("steps=0",), ("steps=1",)]
    assert reader.new() == []
    endings.write(tmp_path, COMMAND, line(7))
    assert [found.ending.metrics["psnr"] for found in reader.new()] == [7.0]


def test_half_a_line_waits_for_its_other_half(tmp_path: Path) -> None:
    endings.write(tmp_path, COMMAND, line(1))
    (path,) = tmp_path.glob(".endings/*.jsonl")
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:20])
    reader = Reader(tmp_path, COMMAND)
    assert len(reader.new()) == 1
    path.write_bytes(whole + whole)
    assert len(reader.new()) == 1


@pytest.mark.parametrize(
    "damage",
    [
        b'{"overrides": ["reg=',
        b"[1]",
        b"null",
        b"{}",
        b"\xff",
        b'{"overrides": 3, "ending": {}}',
        b"[" * 100_000,
    ],
    ids=lambda damage: repr(damage[:9]),
)
def test_a_damaged_line_hides_no_other(
    tmp_path: Path, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """As a disk leaves one that is full for a while."""
    endings.write(tmp_path, COMMAND, line(1))
    (path,) = tmp_path.glob(".endings/*.jsonl")
    path.write_bytes(path.read_bytes() + damage + b"\n")
    endings.write(tmp_path, COMMAND, line(2))
    reader = Reader(tmp_path, COMMAND)
    assert [found.overrides for found in reader.new()] == [("steps=1",), ("steps=2",)]
    assert caplog.text.count("1 damaged line(s) in") == 1 and str(path) in caplog.text
    assert reader.new() == []


def test_lines_for_another_command_in_the_same_folder_are_not_read(tmp_path: Path) -> None:
    endings.write(tmp_path, "theirs", line(1))
    endings.write(tmp_path, COMMAND, line(2))
    assert [found.overrides for found in Reader(tmp_path, COMMAND).new()] == [("steps=2",)]


def test_lines_of_an_earlier_round_are_passed_over(tmp_path: Path) -> None:
    endings.write(tmp_path, COMMAND, line(1))
    reader = Reader(tmp_path, COMMAND)
    reader.skip()
    assert reader.new() == []
    endings.write(tmp_path, COMMAND, line(2))
    assert [found.overrides for found in reader.new()] == [("steps=2",)]


def test_lines_come_in_the_order_in_which_a_process_wrote_them(tmp_path: Path) -> None:
    for job in (10, 9, 2):
        endings.write(tmp_path, COMMAND, line(job))
    assert [found.overrides for found in Reader(tmp_path, COMMAND).new()] == [
        ("steps=10",),
        ("steps=9",),
        ("steps=2",),
    ]


def test_two_processes_that_write_into_one_folder_write_two_files(tmp_path: Path) -> None:
    """A fork among them, and the second command in one folder; a look reads files that have grown, and no others."""
    reader = Reader(tmp_path, COMMAND)
    endings.write(tmp_path, COMMAND, line(1))
    child = os.fork()
    if child == 0:
        endings.write(tmp_path, COMMAND, line(2))
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert {found.overrides for found in reader.new()} == {("steps=1",), ("steps=2",)}
    assert len(list(tmp_path.glob(".endings/*.jsonl"))) == 2
    endings.write(tmp_path, COMMAND, line(3))
    assert [found.overrides for found in reader.new()] == [("steps=3",)]
    assert len(list(tmp_path.glob(".endings/*.jsonl"))) == 2
