"""The searches of the page: one at a time, the others wait; what each has reached can be asked at any time."""

from __future__ import annotations

import json
import re
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from inversion.errors import ConfigError
from inversion.record.folder_recorder import IMAGES, LOSSES
from inversion.record.own_folder import read_manifest
from inversion.record.write import PICTURES, sample_files
from sweeps.app.uploads import Upload

State = Literal["waiting", "running", "FINISHED", "FAILED", "KILLED"]
COMMAND = (sys.executable, "-m", "sweeps.app.search")
LONGEST_QUEUE = 20
MOST_SAMPLES = 8  # alternatives of one photo
GRACE = 20.0  # seconds in which an interrupted search writes what it has reached
# What a search says in settings of the command line → what can be done on the page.
ON_PAGE = {
    "Nothing blanked found": "No area that is blanked in one colour was found. Paint over what is missing, or choose a "
    "mask from a file.",
}


@dataclass(eq=False)
class Search:
    """One restoration: waiting, running or ended."""

    upload: Upload
    words: Sequence[str]  # settings, as on the command line
    steps: int
    folder: Path  # of its record; where the same was done before, that record's
    is_whole: bool = False  # all faces of the photo, each with a record of its own in a folder below
    id: str = field(default_factory=lambda: secrets.token_urlsafe(9))
    state: State = "waiting"
    reason: str = ""
    stopped: bool = False  # somebody wants it to end

    @property
    def is_over(self) -> bool:
        return self.state not in ("waiting", "running")

    @property
    def was_done_before(self) -> bool:
        return self.state == "FINISHED" and self.reason != ""

    def frames(self) -> list[Path]:
        """What the generator drew on the way, in the order of the steps."""
        return sorted((self._record / IMAGES).glob("progress_*.png"), key=_step)

    def step(self) -> int:
        """Steps that are done, as far as they are recorded."""
        frames = self.frames()
        drawn = _step(frames[-1]) if frames else 0
        try:
            rows = (self._record / LOSSES).read_bytes().count(b"\n") - 1
        except OSError:
            rows = 0
        return min(self.steps, max(drawn, rows))

    @property
    def _record(self) -> Path:
        """The folder of the face whose search is watched: of several the first."""
        if not self.is_whole:
            return self.folder
        return next((path.parent for path in sorted(self.folder.glob(f"*/{LOSSES}"))), self.folder)

    def files(self) -> list[str]:
        """Names of the pictures that there are."""
        names = [*PICTURES, *sample_files(MOST_SAMPLES)]
        return [name for name in names if (self.folder / name).is_file()] if self.is_over else []

    def run(self) -> Mapping[str, Any]:
        """Of MLflow: its id and its store, as the record has them; {} where there is none."""
        run = read_manifest(self.folder).get("run")
        return run if isinstance(run, dict) and run.get("id") else {}


class Searches:
    """The queue. A search runs in a process of its own: its memory goes with it, and Stop ends it cleanly."""

    def __init__(self, outputs: Path, command: Sequence[str] = COMMAND) -> None:
        """outputs: where the records' folders are made, by date and time as run.py does.

        command: what restores, given a folder and settings, and says at the end how that went: see search.py.
        """
        self.outputs = outputs
        self.command = command
        self._known: dict[str, Search] = {}
        self._waiting: list[Search] = []
        self._running: Search | None = None
        self._process: subprocess.Popen[str] | None = None
        self._closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="searches", daemon=True)
        self._thread.start()

    def __len__(self) -> int:
        """Searches that wait or run."""
        with self._changed:
            return len(self._waiting) + (self._running is not None)

    def get(self, key: object) -> Search:
        with self._changed:
            if isinstance(key, str) and key in self._known:
                return self._known[key]
        raise ConfigError("There is no such restoration on this page. Start it again.")

    def add(self, upload: Upload, words: Sequence[str], steps: int, is_whole: bool = False) -> Search:
        """is_whole: all faces of the photo are restored. Raises ConfigError where too many wait already."""
        folder = self.outputs / datetime.now().strftime("%Y-%m-%d/%H-%M-%S-%f")
        search = Search(upload, words, steps, folder, is_whole)
        with self._changed:
            if len(self._waiting) >= LONGEST_QUEUE:
                raise ConfigError(f"{LONGEST_QUEUE} restorations wait already. Try again when some are done.")
            self._known[search.id] = search
            self._waiting.append(search)
            self._changed.notify_all()
        return search

    def ahead(self, search: Search) -> int:
        """How many searches end before this one begins."""
        with self._changed:
            if search not in self._waiting:
                return 0
            return self._waiting.index(search) + (self._running is not None)

    def needed(self) -> frozenset[str]:
        """Ids of the photos that a search has still to read."""
        with self._changed:
            current = [] if self._running is None else [self._running]
            return frozenset(search.upload.id for search in [*self._waiting, *current])

    def stop(self, search: Search) -> None:
        """End a search: what it has reached is recorded."""
        with self._changed:
            search.stopped = True
            if search in self._waiting:
                self._waiting.remove(search)
                search.state, search.reason = "KILLED", "taken out of the queue"
            elif search is self._running and self._process is not None:
                # Not SIGINT, which is ignored, until its own handler stands, in what a shell has started with &.
                self._process.send_signal(signal.SIGTERM)

    def close(self) -> None:
        """End what runs, forget what waits."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            running = self._running
            self._changed.notify_all()
        if running is not None:
            self.stop(running)
        self._thread.join(GRACE)
        with self._changed:
            if self._process is not None:
                self._process.kill()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._waiting)
                if self._closed:
                    return
                search = self._running = self._waiting.pop(0)
                search.state = "running"
                try:
                    self._process = self._started(search)
                except OSError as error:  # no memory for another process
                    search.state, search.reason, self._running = "FAILED", str(error), None
                    continue
            said, _ = self._process.communicate()
            with self._changed:
                _end(search, said, self._process.returncode)
                self._running = self._process = None

    def _started(self, search: Search) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*self.command, str(search.folder), *search.words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,  # Ctrl-C is for the page, which then asks it to end, once
        )


def _end(search: Search, said: str, code: int) -> None:
    """From what its process has said last. code: its exit code, negative where a signal has ended it."""
    lines = [line for line in said.splitlines() if line.strip()]
    try:
        ending = json.loads(lines[-1])
        search.folder = Path(ending["folder"])
        search.reason = in_words_of_page(ending["reason"])
        search.state = ending["status"]
    except (IndexError, KeyError, TypeError, ValueError):
        if search.stopped:
            search.reason, search.state = "stopped", "KILLED"
        elif code < 0:  # what it has said last is no reason
            search.reason = f"its process was killed by signal {-code} (9: memory may have run out)"
            search.state = "KILLED"
        else:
            search.reason = lines[-1] if lines else f"its process has ended with exit code {code}"
            search.state = "FAILED"


def in_words_of_page(reason: str) -> str:
    """ConfigError: steps must be … → steps must be …"""
    plain = re.sub(r"^\w*Error: ", "", reason)
    return next((words for start, words in ON_PAGE.items() if plain.startswith(start)), plain)


def _step(frame: Path) -> int:
    found = re.search(r"_(\d+)\.png$", frame.name)
    return int(found[1]) if found else 0
