"""A process is dead when its sign has stopped for its lease, by the clock of whoever looks."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from inversion.record.mlflow_store import open_client, prepare_store
from sweeps.execute.heartbeat import TAG, Heartbeat, Watch

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own, under current SQLAlchemy
LEASE = 90.0


class Store:
    """The experiment's tags, the clock of whoever looks, and whether anybody answers."""

    def __init__(self, *signs: str) -> None:
        self.tags = {f"{TAG}w": sign for sign in signs}
        self.now = 1000.0
        self.is_away = False
        self.watch = Watch(self.read, lambda: self.now)

    def read(self) -> dict[str, str]:
        if self.is_away:
            raise OSError("nobody answers")
        return self.tags

    def after(self, seconds: float, worker: str = "w") -> bool:
        self.now += seconds
        return self.watch.is_expired(worker, LEASE)


def test_who_gives_signs_lives_and_who_stops_is_dead_after_a_lease() -> None:
    store = Store("1 90")
    for number in range(2, 20):
        assert not store.after(20)
        store.tags[f"{TAG}w"] = f"{number} 90"
    assert not store.after(20)
    assert [store.after(20) for _ in range(6)] == [False] * 4 + [True] * 2
    store.tags[f"{TAG}w"] = "20 90"  # it was only stopped
    assert not store.after(1000)


def test_the_lease_is_the_one_that_the_process_has_promised() -> None:
    assert [Store("7 3").after(0), Store("7 300").after(0)] == [False, False]
    short, long = Store("7 3"), Store("7 300")
    assert [short.after(1) for _ in range(5)][-1] and not any(long.after(1) for _ in range(5))


def test_one_that_has_never_given_a_sign_is_given_a_lease_too() -> None:
    store = Store()
    assert not store.after(0)
    assert [store.after(25) for _ in range(4)] == [False] * 3 + [True]


def test_nobody_dies_of_a_store_that_was_away() -> None:
    """Also where nobody looked meanwhile."""
    store = Store("1 90")
    assert not store.after(0)
    store.is_away = True
    with pytest.raises(OSError):
        store.after(300)
    store.is_away = False
    assert not store.after(300)
    store.tags[f"{TAG}w"] = "2 90"
    assert not store.after(1) and not store.after(3600)


def test_no_clock_is_compared_with_another() -> None:
    """Nothing that is written is a time."""
    store = Store("1 90")
    assert not store.after(0)
    store.now -= 60
    assert not store.after(0)
    store.now += 120
    assert not store.after(0)


def test_a_process_writes_its_sign_anew_until_it_ends(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    experiment = prepare_store(uri, "inversion", None)
    heart = Heartbeat(uri, experiment, 1.0)

    def sign() -> str | None:
        return open_client(uri).get_experiment(experiment).tags.get(TAG + heart.worker)

    seen = {sign()}
    deadline = time.monotonic() + 120
    while len(seen) < 3 and time.monotonic() < deadline:
        time.sleep(0.1)
        seen.add(sign())
    assert len(seen) >= 3 and all(each and each.endswith(" 1") for each in seen)
    heart.end()
    while sign() is not None:
        assert time.monotonic() < deadline
        time.sleep(0.1)
