"""How one problem ended, for whoever asks afterwards."""

from __future__ import annotations

from dataclasses import dataclass

from inversion.record.recorder import Status


@dataclass(frozen=True)
class Ending:
    """FINISHED with a reason: it was finished before, and nothing was done."""

    status: Status
    reason: str
    figures: dict[str, float]


def explain(error: BaseException) -> str:
    """ConfigError: steps must be …"""
    text = str(error).strip()
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
