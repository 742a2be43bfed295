"""One thread of this process does the writing of all its records, in order, while the search goes on."""

from __future__ import annotations

import atexit
import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

from PIL import Image

from inversion.record.recorder import Recorder
from inversion.restoration import Status

log = logging.getLogger(__name__)

CAPACITY = 256  # calls that may wait: a waiting 1024 px picture is 3 MB
AT_EXIT = 30.0  # seconds that the end of the program waits for what is not written yet


class Writer:
    """Does calls one after the other in a thread of its own, which ends with the process.

    capacity: calls that may wait; then the caller waits as well, so that memory stays bounded.
    """

    def __init__(self, name: str, capacity: int = CAPACITY) -> None:
        if capacity < 1:
            raise ValueError(f"capacity must be at least 1 call. Got {capacity}.")
        self._calls: queue.Queue[Callable[[], None]] = queue.Queue(capacity)
        threading.Thread(target=self._work, name=name, daemon=True).start()

    def submit(self, call: Callable[[], None], timeout: float | None = None) -> bool:
        """Have a call done later; it must not raise. False: there was no room within `timeout` seconds."""
        try:
            self._calls.put(call, timeout=timeout)
        except queue.Full:
            return False
        return True

    def wait(self, timeout: float | None = None) -> bool:
        """Until everything submitted so far is done; False: it was not within `timeout` seconds."""
        done = threading.Event()
        began = time.monotonic()
        if not self.submit(done.set, timeout):
            return False
        left = None if timeout is None else max(0.0, timeout - (time.monotonic() - began))
        return done.wait(left)

    def _work(self) -> None:
        while True:
            call = self._calls.get()
            try:
                call()
            except Exception:  # a call that raises is a mistake of ours; the others must not be lost for it
                log.exception("a record could not be written")


@cache
def process_writer(name: str) -> Writer:
    """The writer of this name that all records of the process share; what waits is written before the process ends."""
    writer = Writer(name)
    atexit.register(writer.wait, AT_EXIT)
    return writer


class Background:
    """A recorder whose work is done by a writer.

    A call that fails does not stop the later ones; its exception is raised by the next `flush` or `finish`.
    `finish` first does all that still waits, whatever the status, and closes as FAILED when any of it failed.
    Mappings are copied when they are handed over; pictures and files are not, and must stay as they are.
    """

    def __init__(self, recorder: Recorder, writer: Writer) -> None:
        self._recorder = recorder
        self._writer = writer
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
        self._later(self._recorder.flush)
        self._writer.wait()
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def finish(self, status: Status, reason: str = "") -> None:
        failure: Exception | None = None
        try:
            self.flush()
        except Exception as error:
            failure = error
            if status == "FINISHED":  # an incomplete record is no success; another end keeps its own reason
                status, reason = "FAILED", f"recording failed: {error}"
        self._later(lambda: self._recorder.finish(status, reason))
        self._writer.wait()
        failure, self._failure = failure or self._failure, None
        if failure is not None:
            raise failure

    def _later(self, call: Callable[[], None]) -> None:
        def attempt() -> None:
            try:
                call()
            except Exception as error:
                self._failure = self._failure or error

        self._writer.submit(attempt)
