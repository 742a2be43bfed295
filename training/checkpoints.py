"""What a training that was killed goes on from."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch


def save(state: dict[str, Any], path: Path) -> None:
    """Whole file or none: written beside its place, then renamed; the one before it is kept."""
    partial = path.with_suffix(".part")
    with partial.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    if path.exists():
        path.replace(before(path))
    partial.replace(path)


def before(path: Path) -> Path:
    return path.with_suffix(".previous.pt")


def resume(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Its moments; the settings are today's own: the rate may fall near the end, the device be another one."""
    today = [{"lr": group["lr"], "capturable": group["capturable"]} for group in optimizer.param_groups]
    groups = [old | new for old, new in zip(state["param_groups"], today, strict=True)]
    optimizer.load_state_dict(state | {"param_groups": groups})
