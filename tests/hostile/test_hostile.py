"""Files made to hurt are answered within the limits of `Case`, what is refused with one line and exit code 1."""

from __future__ import annotations

import pytest

from tests.hostile.cases import CASES
from tests.hostile.measured import measure

KINDS = sorted({case.kind for case in CASES if case.large})


def check(names: list[str]) -> None:
    cases = {case.name: case for case in CASES}
    verdicts = list(measure(names))
    assert [verdict.name for verdict in verdicts] == [case.name for case in CASES if case.name in set(names)]
    wrong = {v.name: (found, v.said[-300:]) for v in verdicts if (found := v.faults(cases[v.name]))}
    assert wrong == {}


def test_no_two_cases_share_a_name() -> None:
    assert len({case.name for case in CASES}) == len(CASES)


def test_small_files() -> None:
    """All kinds in one process, which pays for its imports once."""
    check([case.name for case in CASES if not case.large])


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_large_files(kind: str) -> None:
    check([case.name for case in CASES if case.kind == kind and case.large])
