from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from PIL import Image

from inversion.record.folder_recorder import FolderRecorder
from inversion.record.mlflow_recorder import MLflowRecorder
from inversion.record.recorder import Background, Recorder, Status, Tee


class Memory:
    """Remembers calls; fails in the call it is told to."""

    def __init__(self, fails_in: str = "", gate: threading.Event | None = None) -> None:
        self.calls: list[tuple] = []
        self.threads: set[int] = set()
        self.fails_in, self.gate = fails_in, gate

    def _hear(self, *call: object) -> None:
        if self.gate is not None:
            self.gate.wait(10)
        self.calls.append(call)
        self.threads.add(threading.get_ident())
        if self.fails_in == call[0]:
            raise OSError(f"no room for {call[0]}")

    def log_metrics(self, values: Mapping[str, float], step: int) -> None:
        self._hear("log_metrics", dict(values), step)

    def log_image(self, key: str, image: Image.Image, step: int) -> None:
        self._hear("log_image", key, step)

    def log_summary(self, values: Mapping[str, float]) -> None:
        self._hear("log_summary", dict(values))

    def log_file(self, path: Path) -> None:
        self._hear("log_file", path)

    def set_tags(self, tags: Mapping[str, str]) -> None:
        self._hear("set_tags", dict(tags))

    def flush(self) -> None:
        self._hear("flush")

    def finish(self, status: Status, reason: str = "") -> None:
        self._hear("finish", status, reason)


def log_everything(recorder: Recorder, steps: int = 3) -> None:
    for step in range(steps):
        recorder.log_metrics({"loss": 1 / (1 + step)}, step)
    recorder.log_image("progress", Image.new("RGB", (4, 4)), 0)
    recorder.log_summary({"psnr": 20.0})
    recorder.log_file(Path("a.png"))
    recorder.set_tags({"kind": "job"})


def test_every_recorder_fits_the_protocol() -> None:
    for kind in (FolderRecorder, MLflowRecorder, Tee, Background):
        assert issubclass(kind, Recorder)


@pytest.mark.parametrize("wrap", [Tee, Background])
def test_a_wrapped_recorder_hears_what_a_bare_one_hears_in_order(wrap: type) -> None:
    bare, inner = Memory(), Memory()
    wrapped = wrap(inner)
    for recorder in (bare, wrapped):
        log_everything(recorder)
        recorder.finish("FINISHED")
    assert [call for call in inner.calls if call[0] != "flush"] == bare.calls


def test_tee_without_recorders_is_silent() -> None:
    log_everything(Tee())
    Tee().finish("FINISHED")


def test_tee_tells_all_even_when_one_fails() -> None:
    first, second = Memory(fails_in="log_metrics"), Memory()
    with pytest.raises(OSError, match="no room"):
        Tee(first, second).log_metrics({"loss": 1.0}, 0)
    assert second.calls


def test_tee_gives_no_proof_of_success_when_another_could_not_finish() -> None:
    proof, other = Memory(), Memory(fails_in="finish")
    with pytest.raises(OSError, match="no room"):
        Tee(proof, other).finish("FINISHED")
    assert proof.calls == [("finish", "FAILED", "recording failed: no room for finish")]


def test_background_works_in_one_other_thread_while_the_caller_goes_on() -> None:
    gate = threading.Event()
    inner = Memory(gate=gate)
    recorder = Background(inner)
    log_everything(recorder)  # returns although nothing can be written yet
    assert not inner.calls
    gate.set()
    recorder.finish("FINISHED")
    assert len(inner.threads - {threading.get_ident()}) == 1
    assert len([call for call in inner.calls if call[0] == "log_metrics"]) == 3


def test_background_queue_is_bounded() -> None:
    gate = threading.Event()
    recorder = Background(Memory(gate=gate), capacity=2)
    blocked = threading.Thread(target=log_everything, args=(recorder, 10))
    blocked.start()
    time.sleep(0.05)
    assert blocked.is_alive()
    gate.set()
    blocked.join(10)
    recorder.finish("FINISHED")
    assert not blocked.is_alive()


def test_background_copies_mappings_when_they_are_handed_over() -> None:
    gate = threading.Event()
    inner = Memory(gate=gate)
    recorder, values = Background(inner), {"loss": 1.0}
    recorder.set_tags({})  # keeps the thread busy until the gate opens
    recorder.log_metrics(values, 0)
    values["loss"] = 2.0
    gate.set()
    recorder.finish("FINISHED")
    assert inner.calls[1] == ("log_metrics", {"loss": 1.0}, 0)


def test_background_failure_surfaces_once_at_flush_and_later_calls_are_kept() -> None:
    inner = Memory(fails_in="log_image")
    recorder = Background(inner)
    log_everything(recorder)
    with pytest.raises(OSError, match="no room for log_image"):
        recorder.flush()
    recorder.finish("FAILED", "disk full")
    assert ("set_tags", {"kind": "job"}) in inner.calls
    assert inner.calls[-1] == ("finish", "FAILED", "disk full")


@pytest.mark.parametrize(("status", "kept"), [("FINISHED", "FAILED"), ("KILLED", "KILLED")])
def test_background_never_finishes_an_incomplete_record_as_a_success(status: Status, kept: Status) -> None:
    inner = Memory(fails_in="log_summary")
    recorder = Background(inner)
    log_everything(recorder)
    with pytest.raises(OSError, match="no room for log_summary"):
        recorder.finish(status, "Ctrl-C" if status == "KILLED" else "")
    assert inner.calls[-1][:2] == ("finish", kept)
    assert len([call for call in inner.calls if call[0] == "log_metrics"]) == 3


def test_background_can_finish_again_but_not_log_again() -> None:
    inner = Memory()
    recorder = Background(inner)
    recorder.finish("FINISHED")
    recorder.finish("FAILED", "later trouble")
    assert inner.calls[-1] == ("finish", "FAILED", "later trouble")
    with pytest.raises(RuntimeError, match="finished"):
        recorder.log_summary({})


def test_background_loses_nothing_when_the_program_ends_without_finish(tmp_path: Path) -> None:
    program = f"""
from pathlib import Path
from inversion.record.folder_recorder import FolderRecorder
from inversion.record.recorder import Background
recorder = Background(FolderRecorder(Path({str(tmp_path)!r})))
for step in range(50):
    recorder.log_metrics({{"loss": 1.0}}, step)
raise SystemExit(3)
"""
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 3
    assert len((tmp_path / "losses.csv").read_text().splitlines()) == 51


def test_background_refuses_a_queue_without_room() -> None:
    with pytest.raises(ValueError, match="Got 0"):
        Background(Memory(), capacity=0)
