"""keep_heap and enable_gc: freed memory is kept, and objects of imported libraries are left out of collections."""

import gc
import sys
from collections.abc import Iterator

import pytest

from inversion.runtime.heap import enable_gc, keep_heap


class Chain:
    """Garbage that only the collector finds."""

    alive = 0

    def __init__(self) -> None:
        self.me = self
        Chain.alive += 1

    def __del__(self) -> None:
        Chain.alive -= 1


@pytest.fixture
def not_collecting() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()  # what is frozen by now stays so, as tests/conftest.py wants it


@pytest.mark.usefixtures("not_collecting")
def test_what_was_there_is_left_out_and_what_comes_after_is_collected() -> None:
    before = gc.get_freeze_count()
    enable_gc()
    assert gc.isenabled()
    assert gc.get_freeze_count() > before
    Chain()
    assert Chain.alive == 1
    gc.collect()
    assert Chain.alive == 0


def test_a_collector_that_runs_is_left_alone() -> None:
    """Garbage of earlier points of a sweep must not be kept for good."""
    assert gc.isenabled()
    before = gc.get_freeze_count()
    enable_gc()
    assert gc.get_freeze_count() == before


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc alone has mallopt")
def test_the_heap_can_be_kept_and_returned() -> None:
    try:
        assert keep_heap()
    finally:
        assert keep_heap(False)
