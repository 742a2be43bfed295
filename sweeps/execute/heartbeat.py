"""Signs of life that any machine can read: one tag of the experiment per process, written anew while it lives."""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from uuid import uuid4

from inversion.record.mlflow_store import clear_errors, open_client, patiently

log = logging.getLogger(__name__)

BEATS = 4.5  # per lease: every 20 s of 90
LOOK = 1.0  # seconds for which what was read last is new enough
GRACE = 5.0  # seconds that the end of the program waits for the store
TAG = "worker."


class Heartbeat:
    """What this process says of itself in an experiment, from a thread of its own, until it ends."""

    def __init__(self, uri: str, experiment_id: str, lease: float) -> None:
        """lease: seconds of silence after which others may take over what this process runs.

        Returns once the first sign is in the store. Raises ConfigError, OSError of the store.
        """
        self.worker = uuid4().hex[:16]
        self.claims: set[str] = set()  # ids of the runs that this process has opened and means to end
        self._uri = uri
        self._experiment_id = experiment_id
        self._lease = lease
        self._number = 0
        self._longest = 0.0
        self._last = time.monotonic()
        self._ended = threading.Event()
        with clear_errors(uri):
            patiently(self._beat)
        self._thread = threading.Thread(target=self._work, name="heartbeat", daemon=True)
        self._thread.start()
        atexit.register(self.end)

    @property
    def silence(self) -> float:
        """Seconds of the longest silence so far, one that goes on among them: others may have thought us dead."""
        return max(self._longest, time.monotonic() - self._last)

    def end(self) -> None:
        """No process looks for this one any more. Where the store does not answer the tag stays: it costs a line."""
        self._ended.set()
        self._thread.join(GRACE)

    def _work(self) -> None:
        while not self._ended.wait(self._lease / BEATS):
            try:
                self._beat()
            except Exception as error:  # a store that is away: nobody can read there either
                log.debug("no sign of life could be given: %s", error)
        with suppress(Exception):  # also of a server that is older than this client and knows no such request
            open_client(self._uri).delete_experiment_tag(self._experiment_id, TAG + self.worker)

    def _beat(self) -> None:
        self._number += 1
        value = f"{self._number} {self._lease:g}"
        open_client(self._uri).set_experiment_tag(self._experiment_id, TAG + self.worker, value)
        now = time.monotonic()
        self._longest, self._last = max(self._longest, now - self._last), now


class Watch:
    """Whether other processes still give signs of life, as this one sees it, by its own clock alone.

    No times are compared between machines. A process is silent as long as this one has read the same sign again and
    again. Of the time between two looks a third of the lease counts at most: a store that was away in between had
    nobody's signs.
    """

    def __init__(
        self,
        read: Callable[[], Mapping[str, str]],  # the experiment's tags
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._clock = clock
        self._looked: float | None = None
        self._signs: dict[str, str] = {}
        self._silent: dict[str, float] = {}  # worker -> seconds
        self._lock = threading.Lock()

    def is_expired(self, worker: str, lease: float) -> bool:
        """Whether a process has been silent for its lease. lease: of one whose sign does not say its own."""
        with self._lock:
            self._look(worker, lease)
            return self._silent[worker] > self._lease(worker, lease)

    def silence(self, worker: str, lease: float) -> tuple[float, float]:
        """Seconds for which a process has been silent, as far as they were watched, and its lease."""
        with self._lock:
            self._look(worker, lease)
            return self._silent[worker], self._lease(worker, lease)

    def _look(self, worker: str, lease: float) -> None:
        now = self._clock()
        if self._looked is None or now - self._looked >= LOOK:
            tags = self._read()
            passed = 0.0 if self._looked is None else now - self._looked
            self._looked = now
            found = {key.removeprefix(TAG): sign for key, sign in tags.items() if key.startswith(TAG)}
            for known in self._silent:
                if found.get(known) == self._signs.get(known):
                    self._silent[known] += min(passed, self._lease(known, lease) / 3)
                else:
                    self._silent[known] = 0.0
            self._signs = found
        self._silent.setdefault(worker, 0.0)

    def _lease(self, worker: str, default: float) -> float:
        """What the process itself has promised: its sign is its number and its lease."""
        try:
            return float(self._signs[worker].split()[1])
        except (KeyError, IndexError, ValueError):
            return default


# Of a fork, which is another process, there is none yet.
_HEARTBEATS: dict[tuple[str, str, int], Heartbeat] = {}


def heartbeat(uri: str, experiment_id: str, lease: float) -> Heartbeat:
    """This process's, begun when it is first asked for. Raises ConfigError, OSError of the store."""
    known = begun(uri, experiment_id)
    if known is None:
        known = _HEARTBEATS[uri, experiment_id, os.getpid()] = Heartbeat(uri, experiment_id, lease)
    return known


def begun(uri: str, experiment_id: str) -> Heartbeat | None:
    """This process's, if it has one in this experiment."""
    return _HEARTBEATS.get((uri, experiment_id, os.getpid()))


@cache
def watch_of(uri: str, experiment_id: str) -> Watch:
    """What this process has seen so far of all others in an experiment."""
    return Watch(lambda: open_client(uri).get_experiment(experiment_id).tags)
