"""Where a store and its artifacts lie unless a setting says otherwise, and which code is running."""

from __future__ import annotations

from pathlib import Path

from inversion import __version__
from inversion.record.open import git_commit


def checkout() -> Path | None:
    """The folder of run.py and pyproject.toml that this package lies in; None for an installed package."""
    folder = Path(__file__).resolve().parents[1]
    return folder if (folder / "run.py").is_file() and (folder / "pyproject.toml").is_file() else None


def home() -> Path:
    """The checkout that this package belongs to; for an installed package the folder that a person stands in."""
    return checkout() or Path.cwd()


def code_version() -> str:
    """The checkout's commit; of an installed package its version: the folder it runs in may be another repository."""
    folder = checkout()
    return __version__ if folder is None else git_commit(folder)
