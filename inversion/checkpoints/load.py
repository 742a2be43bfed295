"""One way in: a weights file of any dialect, recognised by its content."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from inversion.checkpoints import (
    inert_pickle,
    nvidia_pkl,
    pickled_values,
    rosinality_pt,
    safetensors_file,
    tensorflow_pkl,
)
from inversion.checkpoints.checkpoint import Checkpoint
from inversion.errors import CheckpointError
from inversion.images import sha256_of

ACCEPTED = "NVIDIA's .pkl, rosinality's .pt or this tool's .safetensors"
ZIP = b"PK\x03\x04"
PICKLE = b"\x80"
PICKLE_NAMES = pickled_values.EXPECTED | nvidia_pkl.EXPECTED | tensorflow_pkl.EXPECTED


def load(path: Path | str, sha256: str | None = None) -> Checkpoint:
    """Read a StyleGAN2 checkpoint. Never executes what the file contains.

    sha256: refuse any file but this one. Raises CheckpointError, with the path, for whatever cannot be read.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"no checkpoint file at {path}; give {ACCEPTED}")
    digest = sha256_of(path)
    if sha256 is not None and digest != sha256.lower():
        raise CheckpointError(f"{path} is not the file that was asked for: sha256 {sha256}. Got {digest}")
    try:
        dialect, checkpoint = _read(path)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from error
    source = checkpoint.source or f"{path.name} ({dialect}, sha256 {digest})"
    return dataclasses.replace(checkpoint, source=source, sha256=digest)


def _read(path: Path) -> tuple[str, Checkpoint]:
    size = path.stat().st_size
    with open(path, "rb") as file:
        head = file.read(512)
    if (
        head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= size
    ):  # first: its length may start like a pickle
        return "safetensors", safetensors_file.read(path)
    if head.startswith((ZIP, pickled_values.LEGACY_TORCH)):
        return "rosinality PyTorch file", rosinality_pt.read(path)
    if head.startswith(PICKLE):
        tree = inert_pickle.parse(path, PICKLE_NAMES)
        if tensorflow_pkl.recognizes(tree):
            return "NVIDIA TensorFlow pickle", tensorflow_pkl.convert(tree)
        return "NVIDIA PyTorch pickle", nvidia_pkl.convert(tree, size)
    raise CheckpointError(f"{_what(head)}; a checkpoint is {ACCEPTED}")


def _what(head: bytes) -> str:
    """Say what a file that is no checkpoint looks like."""
    if not head:
        return "an empty file"
    text = head.lstrip().lower()
    if text.startswith((b"<!doctype", b"<html", b"<?xml")):
        return "a web page, perhaps an error or a login page saved in place of the download"
    if text.startswith(b"version https://git-lfs"):
        return "a Git LFS pointer; run git lfs pull to get the file itself"
    if all(byte >= 32 or byte in b"\t\n\r" for byte in head):
        return "a text file"
    return "not in a format that is known here"
