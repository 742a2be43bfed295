"""What a recorder is, and how several of them, or a slow one, look like one.

One recorder keeps the record of one problem (one photo, one grid point): one folder, one MLflow run. The loop
only ever sees the protocol, so it does not know who listens.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from PIL import Image

Status = Literal["FINISHED", "FAILED", "KILLED"]


@runtime_checkable
class Recorder(Protocol):
    """Keeps what happened to one problem.

    Call `log_metrics` at most once per step, with rising steps: a recorder that was opened to resume ignores
    the steps that it holds already, so that no history is ever doubled. Values are plain floats, NaN and
    infinities allowed. `finish` may be called again with a worse status when something fails after it.
    """

    def log_metrics(self, values: Mapping[str, float], step: int) -> None:
        """Values of one step; may be buffered until `flush`."""

    def log_image(self, key: str, image: Image.Image, step: int) -> None:
        """One picture of a series: same `key`, another `step`."""

    def log_summary(self, values: Mapping[str, float]) -> None:
        """Final figures that belong to no step; their names differ from those of `log_metrics`."""

    def log_file(self, path: Path) -> None:
        """Keep a file under its own name, beside the others; it must not change until the next `flush`."""

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Short texts about the run; a later value replaces an earlier one."""

    def flush(self) -> None:
        """Return when everything logged so far is kept."""

    def finish(self, status: Status, reason: str = "") -> None:
        """Flush and close, with the proof of success or the reason for the lack of it."""


class Tee:
    """Several recorders as one: every one of them hears everything, even when another fails.

    Put the recorder whose success is the proof (the folder) first: recorders finish in reverse order, and
    when one cannot finish, those after it finish as FAILED with its error as the reason. Without recorders
    this is the silent recorder.
    """

    def __init__(self, *recorders: Recorder) -> None:
        self._recorders = recorders

    def log_metrics(self, values: Mapping[str, float], step: int) -> None:
        self._each(lambda recorder: recorder.log_metrics(values, step))

    def log_image(self, key: str, image: Image.Image, step: int) -> None:
        self._each(lambda recorder: recorder.log_image(key, image, step))

    def log_summary(self, values: Mapping[str, float]) -> None:
        self._each(lambda recorder: recorder.log_summary(values))

    def log_file(self, path: Path) -> None:
        self._each(lambda recorder: recorder.log_file(path))

    def set_tags(self, tags: Mapping[str, str]) -> None:
        self._each(lambda recorder: recorder.set_tags(tags))

    def flush(self) -> None:
        self._each(lambda recorder: recorder.flush())

    def finish(self, status: Status, reason: str = "") -> None:
        failure: Exception | None = None
        for recorder in reversed(self._recorders):
            try:
                recorder.finish(status, reason)
            except Exception as error:
                failure = failure or error
                status, reason = _worse(status, reason, error)
        if failure is not None:
            raise failure

    def _each(self, call: Callable[[Recorder], None]) -> None:
        _raise_first(_attempt(call, recorder) for recorder in self._recorders)


class Background:
    """A recorder whose work is done by one other thread, in order, while the loop goes on.

    capacity: calls that may wait; then the caller waits too, so that memory stays bounded (a waiting 1024 px
              picture is 3 MB).

    A call that fails does not stop the later ones; its exception is raised by the next `flush` or `finish`.
    `finish` first does all that still waits, whatever the status, and closes as FAILED when any of it failed.
    Mappings are copied when they are handed over; pictures and files are not, and must stay as they are.
    """

    def __init__(self, recorder: Recorder, capacity: int = 64) -> None:
        if capacity < 1:
            raise ValueError(f"capacity must be at least 1 call. Got {capacity}.")
        self._recorder = recorder
        self._room = threading.BoundedSemaphore(capacity)
        # The interpreter waits for an executor's work at exit: nothing is lost even without `finish`.
        self._worker: ThreadPoolExecutor | None = ThreadPoolExecutor(1, thread_name_prefix="recorder")
        self._failure: Exception | None = None

    def log_metrics(self, values: Mapping[str, float], step: int) -> None:
        kept = dict(values)
        self._later(lambda: self._recorder.log_metrics(kept, step))

    def log_image(self, key: str, image: Image.Image, step: int) -> None:
        self._later(lambda: self._recorder.log_image(key, image, step))

    def log_summary(self, values: Mapping[str, float]) -> None:
        kept = dict(values)
        self._later(lambda: self._recorder.log_summary(kept))

    def log_file(self, path: Path) -> None:
        self._later(lambda: self._recorder.log_file(path))

    def set_tags(self, tags: Mapping[str, str]) -> None:
        kept = dict(tags)
        self._later(lambda: self._recorder.set_tags(kept))

    def flush(self) -> None:
        if self._worker is not None:
            self._worker.submit(self._run, self._recorder.flush).result()
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def finish(self, status: Status, reason: str = "") -> None:
        failure: Exception | None = None
        try:
            self.flush()
        except Exception as error:
            failure = error
            status, reason = _worse(status, reason, error)
        if self._worker is not None:
            self._worker.shutdown(wait=True)
            self._worker = None
        closing = _attempt(lambda recorder: recorder.finish(status, reason), self._recorder)
        _raise_first([failure, closing])

    def _later(self, call: Callable[[], None]) -> None:
        if self._worker is None:
            raise RuntimeError("This recorder is finished: log before `finish`, or open another recorder.")
        self._room.acquire()
        try:
            self._worker.submit(self._run_and_make_room, call)
        except BaseException:
            self._room.release()
            raise

    def _run_and_make_room(self, call: Callable[[], None]) -> None:
        try:
            self._run(call)
        finally:
            self._room.release()

    def _run(self, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception as error:
            self._failure = self._failure or error


def _attempt(call: Callable[[Recorder], None], recorder: Recorder) -> Exception | None:
    try:
        call(recorder)
    except Exception as error:
        return error
    return None


def _raise_first(failures: Iterable[Exception | None]) -> None:
    happened = [failure for failure in failures if failure is not None]
    if happened:
        raise happened[0]


def _worse(status: Status, reason: str, error: Exception) -> tuple[Status, str]:
    """A run whose record is incomplete is no success; one that ended badly keeps its own reason."""
    return (status, reason) if status != "FINISHED" else ("FAILED", f"recording failed: {error}")
