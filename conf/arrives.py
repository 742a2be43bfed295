"""What `degraded=true` means where no degradation is named."""

from __future__ import annotations

from collections.abc import Sequence

TRUE = ("true", "yes", "on", "1")
DEFAULT = "degradation=auto"


def with_degradation(words: Sequence[str]) -> list[str]:
    """The words of a command line; a photo that arrives damaged in nobody says which way is looked at: DEFAULT.

    Not for a synthetic face, which has no file, and not where an experiment may name the degradation.
    """
    settings = [word.lstrip("+~").partition("=") for word in words if not word.startswith("-")]
    groups = {name.partition("@")[0] for name, _, _ in settings}
    arrives = any(name == "degraded" and value.strip().lower() in TRUE for name, _, value in settings)
    synthetic = any(name == "input" and value != "photo" for name, _, value in settings)
    if not arrives or synthetic or groups & {"degradation", "experiment"}:
        return list(words)
    return [*words, DEFAULT]
