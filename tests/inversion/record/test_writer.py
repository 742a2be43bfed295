"""One thread writes for all records: everything, in order, and failures reach whoever asks."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from inversion.record.folder_recorder import FolderRecorder
from inversion.record.mlflow_recorder import MLflowRecorder
from inversion.record.own_folder import OwnFolder
from inversion.record.recorder import Recorder
from inversion.record.writer import Background, Writer, process_writer
from inversion.restoration import Status
from tests.inversion.record.memory import Memory, log_everything


@pytest.fixture
def writer() -> Writer:
    return Writer("test")


def test_every_recorder_fits_the_protocol(writer: Writer, tmp_path: Path) -> None:
    for kind in (MLflowRecorder, Background, FolderRecorder):
        assert issubclass(kind, Recorder)
    assert isinstance(FolderRecorder(OwnFolder(tmp_path)), Recorder)


def test_calls_are_done_in_order_in_one_other_thread_whoever_submits_them() -> None:
    writer, done, threads = Writer("test"), [], set()

    def call(number: int) -> None:
        done.append(number)
        threads.add(threading.current_thread())

    for number in range(100):
        assert writer.submit(lambda number=number: call(number))  # type: ignore[misc]
    assert writer.wait()
    assert done == list(range(100))
    (thread,) = threads
    assert thread.name == "test" and thread.daemon


def test_a_full_queue_makes_the_caller_wait_and_says_so_when_it_waits_no_longer() -> None:
    gate, begun = threading.Event(), threading.Event()
    done: list[object] = []
    writer = Writer("test", capacity=2)

    def first() -> None:
        begun.set()
        gate.wait(60)
        done.append(0)

    assert writer.submit(first)
    assert begun.wait(60)
    accepted = [writer.submit(lambda i=i: done.append(i), timeout=0.01) for i in range(1, 9)]  # type: ignore[misc]
    assert accepted == [True] * 2 + [False] * 6
    assert not writer.wait(0.01)
    blocked = threading.Thread(target=writer.submit, args=(lambda: done.append("waited"),))
    blocked.start()
    blocked.join(0.05)
    assert blocked.is_alive()
    gate.set()
    blocked.join(60)
    assert writer.wait(60)
    assert done == [0, *(i for i, fit in enumerate(accepted, 1) if fit), "waited"]


def test_a_queue_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match="Got 0"):
        Writer("test", capacity=0)


def test_a_call_that_raises_loses_no_other(writer: Writer, caplog: pytest.LogCaptureFixture) -> None:
    done: list[int] = []
    writer.submit(lambda: [][0])
    writer.submit(lambda: done.append(1))
    assert writer.wait(60) and done == [1]
    assert "a record could not be written" in caplog.text


def test_a_process_has_one_writer_of_each_name() -> None:
    assert process_writer("folders") is process_writer("folders")
    assert process_writer("folders") is not process_writer("store")


def test_a_background_recorder_hears_what_a_bare_one_hears_in_order(writer: Writer) -> None:
    bare, inner = Memory(), Memory()
    for recorder in (bare, Background(inner, writer)):
        log_everything(recorder)
        recorder.finish("FINISHED")
    assert [call for call in inner.calls if call[0] != "flush"] == bare.calls


def test_the_caller_goes_on_while_a_recorder_works() -> None:
    gate = threading.Event()
    inner, writer = Memory(gate=gate), Writer("test")
    recorder = Background(inner, writer)
    log_everything(recorder)  # returns although nothing can be written yet
    assert not inner.calls
    gate.set()
    recorder.finish("FINISHED")
    assert len(inner.threads - {threading.get_ident()}) == 1
    assert inner.names.count("log_metrics") == 3


def test_records_that_share_a_writer_keep_their_own_order_and_their_own_failures(writer: Writer) -> None:
    sound, failing = Memory(), Memory("log_metrics")
    first, second = Background(sound, writer), Background(failing, writer)
    for step in range(5):
        first.log_metrics({"loss": 1.0}, step)
        second.log_metrics({"loss": 2.0}, step)
    first.finish("FINISHED")
    with pytest.raises(OSError, match="no room for log_metrics"):
        second.finish("FINISHED")
    for memory in (sound, failing):
        assert [call[2] for call in memory.calls if call[0] == "log_metrics"] == list(range(5))
    assert sound.calls[-1] == ("finish", "FINISHED", "")
    assert failing.calls[-1] == ("finish", "FAILED", "recording failed: no room for log_metrics")
    assert sound.threads == failing.threads


def test_mappings_are_copied_when_they_are_handed_over(writer: Writer) -> None:
    gate = threading.Event()
    inner = Memory(gate=gate)
    recorder, values = Background(inner, writer), {"loss": 1.0}
    recorder.set_tags({})  # keeps the thread busy until the gate opens
    recorder.log_metrics(values, 0)
    values["loss"] = 2.0
    gate.set()
    recorder.finish("FINISHED")
    assert inner.calls[1] == ("log_metrics", {"loss": 1.0}, 0)


def test_a_failure_surfaces_once_at_flush_and_later_calls_are_kept(writer: Writer) -> None:
    inner = Memory("log_image", "log_summary")
    recorder = Background(inner, writer)
    log_everything(recorder)
    with pytest.raises(OSError, match="no room for log_image"):  # the first
        recorder.flush()
    recorder.flush()
    recorder.finish("FAILED", "disk full")
    assert ("set_tags", {"kind": "job"}) in inner.calls
    assert inner.calls[-1] == ("finish", "FAILED", "disk full")


@pytest.mark.parametrize(("status", "kept"), [("FINISHED", "FAILED"), ("KILLED", "KILLED")])
def test_an_incomplete_record_never_ends_as_a_success(writer: Writer, status: Status, kept: Status) -> None:
    inner = Memory("log_summary")
    recorder = Background(inner, writer)
    log_everything(recorder)
    with pytest.raises(OSError, match="no room for log_summary"):
        recorder.finish(status, "Ctrl-C" if status == "KILLED" else "")
    assert inner.calls[-1][:2] == ("finish", kept)
    assert inner.names.count("log_metrics") == 3


def test_an_end_that_cannot_be_written_is_raised(writer: Writer) -> None:
    with pytest.raises(OSError, match="no room for finish"):
        Background(Memory("finish"), writer).finish("FINISHED")


def test_a_record_can_end_again_with_a_worse_status(writer: Writer) -> None:
    inner = Memory()
    recorder = Background(inner, writer)
    recorder.finish("FINISHED")
    recorder.finish("FAILED", "later trouble")
    assert inner.calls[-1] == ("finish", "FAILED", "later trouble")


def test_nothing_is_lost_when_the_program_ends_without_finish(tmp_path: Path) -> None:
    program = f"""
import time
from pathlib import Path
from inversion.record.folder_recorder import FolderRecorder
from inversion.record.own_folder import OwnFolder
from inversion.record.writer import Background, process_writer
writer = process_writer("folders")
writer.submit(lambda: time.sleep(0.5))
recorder = Background(FolderRecorder(OwnFolder(Path({str(tmp_path)!r}))), writer)
for step in range(50):
    recorder.log_metrics({{"loss": 1.0}}, step)
raise SystemExit(3)
"""
    assert subprocess.run([sys.executable, "-c", program], timeout=600).returncode == 3
    assert len((tmp_path / "losses.csv").read_text().splitlines()) == 51
