"""A copy in a store follows its record; a store that fails makes it fall behind and stops nothing."""

from __future__ import annotations

import threading

import pytest

from inversion.record import store_copy
from inversion.record.store_copy import Health, StoreCopy, health_of
from inversion.record.writer import Writer
from tests.inversion.record.memory import Memory, log_everything


@pytest.fixture
def writer() -> Writer:
    return Writer("test")


@pytest.fixture
def health() -> Health:
    return Health("sqlite:////the/store")


def test_a_store_that_answers_gets_everything_in_order(writer: Writer, health: Health) -> None:
    bare, inner = Memory(), Memory()
    copy = StoreCopy(inner, health, writer)
    for recorder in (bare, copy):
        log_everything(recorder)  # type: ignore[arg-type]
    bare.finish("FINISHED")
    assert copy.finish("FINISHED") and not copy.is_behind
    assert inner.calls == bare.calls and not health.is_away


@pytest.mark.parametrize("call", ["log_metrics", "log_image", "log_summary", "log_file", "set_tags"])
def test_a_recorder_that_raises_makes_it_fall_behind_and_later_calls_are_dropped(
    writer: Writer, health: Health, caplog: pytest.LogCaptureFixture, call: str
) -> None:
    inner = Memory(call)
    copy = StoreCopy(inner, health, writer)
    log_everything(copy)  # type: ignore[arg-type]
    assert not copy.finish("FINISHED") and copy.is_behind and health.is_away
    assert inner.names[-1] == call and inner.names.count(call) == 1
    log_everything(copy)  # type: ignore[arg-type]
    assert not copy.finish("FAILED", "later") and inner.names[-1] == call
    (told,) = caplog.messages
    assert f"no room for {call}" in told and "python -m sweeps sync" in told and health.name in told


def test_a_run_that_cannot_be_closed_is_behind(writer: Writer, health: Health) -> None:
    assert not StoreCopy(Memory("finish"), health, writer).finish("FINISHED")


def test_whatever_kind_of_error_it_is_nothing_raises(writer: Writer, health: Health) -> None:
    class Odd(Memory):
        def log_summary(self, values: object) -> None:
            raise KeyError("what a driver raises")

    copy = StoreCopy(Odd(), health, writer)
    log_everything(copy)  # type: ignore[arg-type]
    assert not copy.finish("FINISHED")


def test_a_run_that_could_not_be_opened_is_behind_from_the_start(writer: Writer, health: Health) -> None:
    copy = StoreCopy(None, health, writer)
    assert copy.is_behind
    log_everything(copy)  # type: ignore[arg-type]
    assert not copy.finish("FINISHED")


def test_a_store_that_failed_is_not_asked_by_others_during_a_pause_and_then_again(
    writer: Writer, health: Health, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now = 1000.0
    monkeypatch.setattr(store_copy.time, "monotonic", lambda: now)
    health.failed("connection refused")
    during = Memory()
    copy = StoreCopy(during, health, writer)
    log_everything(copy)  # type: ignore[arg-type]
    monkeypatch.undo()
    monkeypatch.setattr(store_copy.time, "monotonic", lambda: now + 29)
    assert not copy.finish("FINISHED") and during.calls == []
    monkeypatch.undo()
    monkeypatch.setattr(store_copy.time, "monotonic", lambda: now + 31)
    after = Memory()
    assert not health.is_away and StoreCopy(after, health, writer).finish("FINISHED")
    assert after.names == ["finish"]
    health.failed("connection refused")
    assert health.is_away and len(caplog.messages) == 1  # a person is told once


def test_a_store_that_was_never_asked_is_not_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_copy.time, "monotonic", lambda: 0.0)  # the machine has just started
    assert not Health("new").is_away


def test_a_slow_store_holds_nobody_up_for_ever(health: Health, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_copy, "ROOM", 0.05)
    gate = threading.Event()
    copy = StoreCopy(Memory(gate=gate), health, Writer("test", capacity=1))
    for step in range(4):
        copy.log_metrics({"loss": 1.0}, step)
    assert copy.is_behind and health.is_away
    gate.set()


def test_an_end_that_takes_too_long_is_behind(health: Health, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_copy, "PATIENCE", 0.05)
    gate = threading.Event()
    copy = StoreCopy(Memory(gate=gate), health, Writer("test"))
    assert not copy.finish("FINISHED") and copy.is_behind
    gate.set()


def test_mappings_are_copied_when_they_are_handed_over(writer: Writer, health: Health) -> None:
    gate = threading.Event()
    inner, values = Memory(gate=gate), {"loss": 1.0}
    copy = StoreCopy(inner, health, writer)
    copy.set_tags(values)  # type: ignore[arg-type]
    copy.log_metrics(values, 0)
    copy.log_summary(values)
    values["loss"] = 2.0
    gate.set()
    assert copy.finish("FINISHED")
    assert [call[1] for call in inner.calls[:3]] == [{"loss": 1.0}] * 3


def test_all_copies_in_one_store_share_what_is_known_of_it() -> None:
    assert health_of("sqlite:////a") is health_of("sqlite:////a")
    assert health_of("sqlite:////a") is not health_of("sqlite:////b")


def test_of_many_records_that_a_store_lacks_some_are_named_once(
    health: Health, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        for number in range(store_copy.SHOWN + 5):
            health.lacks(f"MLflow lacks {number}")
    assert caplog.messages[:-1] == [f"MLflow lacks {number}" for number in range(store_copy.SHOWN)]
    assert "sweeps sync" in caplog.messages[-1]
