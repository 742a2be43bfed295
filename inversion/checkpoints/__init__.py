"""Weights files -> (architecture, tensors). No reader executes what a file contains."""

from __future__ import annotations

from inversion.checkpoints.checkpoint import Checkpoint
from inversion.checkpoints.load import load

__all__ = ["Checkpoint", "load"]
