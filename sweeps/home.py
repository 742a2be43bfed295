"""Where a store and its artifacts lie unless a setting says otherwise."""

from __future__ import annotations

from pathlib import Path


def home() -> Path:
    """The checkout that this package belongs to; for an installed package the folder that a person stands in."""
    checkout = Path(__file__).resolve().parents[1]
    return (
        checkout
        if (checkout / "run.py").is_file() and (checkout / "pyproject.toml").is_file()
        else Path.cwd()
    )
