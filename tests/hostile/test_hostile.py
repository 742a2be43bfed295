"""Files made to hurt are answered within the limits of `Case`, what is refused with one line and exit code 1."""

from __future__ import annotations

import pytest

from tests.hostile.case import Case
from tests.hostile.cases import CASES
from tests.hostile.measured import measure

SMALL = [case for case in CASES if not case.large]
KINDS = sorted({case.kind for case in CASES if case.large})


def check(names: list[str]) -> None:
    cases = {case.name: case for case in CASES}
    verdicts = list(measure(names))
    assert [verdict.name for verdict in verdicts] == [case.name for case in CASES if case.name in set(names)]
    wrong = {v.name: (found, v.said[-300:]) for v in verdicts if (found := v.faults(cases[v.name]))}
    assert wrong == {}


def test_no_two_cases_share_a_name() -> None:
    assert len({case.name for case in CASES}) == len(CASES)


def some(cases: list[Case]) -> list[str]:
    """Names of every fifth, and of the first of each kind that each reader gets."""
    first = {(case.kind, case.reader): case.name for case in reversed(cases)}
    return [case.name for i, case in enumerate(cases) if i % 5 == 0 or case.name in first.values()]


def test_some_small_files() -> None:
    """All kinds in one process, which pays for its imports once."""
    check(some(SMALL))


@pytest.mark.slow
def test_all_other_small_files() -> None:
    check([case.name for case in SMALL if case.name not in some(SMALL)])


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_large_files(kind: str) -> None:
    check([case.name for case in CASES if case.kind == kind and case.large])
