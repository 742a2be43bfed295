"""One way in: a weights file of any dialect, recognised by its content."""

from __future__ import annotations

import dataclasses
import mmap
import re
from collections.abc import Callable
from pathlib import Path

from inversion.checkpoints import (
    inert_pickle,
    nvidia_pkl,
    pickled_values,
    pytorch_pt,
    safetensors_file,
    tensorflow_pkl,
    torch_file,
)
from inversion.checkpoints.budget import Budget
from inversion.checkpoints.checkpoint import Checkpoint
from inversion.checkpoints.usable import check_usable
from inversion.errors import CheckpointError
from inversion.images import sha256_of
from inversion.reading.printable import printable
from inversion.reading.regular_file import size_of_regular

ACCEPTED = "NVIDIA's .pkl, a .pt of state dicts (rosinality's or NVIDIA's names) or this tool's .safetensors"
MAX_SIZE = 4 << 30  # bytes; the largest known, with all optimizer states, has 0.9 GB
HEAD = 512  # bytes by which a dialect is known
PICKLE = b"\x80"
# Protocols 0 and 1 have no mark of their own.
OLD_PICKLE = re.compile(rb"\(dp\d+\n|\(?c[\w.]+\n\w+\n|\}q.[(X]", re.DOTALL)
PICKLE_NAMES = pickled_values.EXPECTED | nvidia_pkl.EXPECTED | tensorflow_pkl.EXPECTED | inert_pickle.EXPECTED


Reader = Callable[[Path, Budget], tuple[str, Checkpoint]]


def load(path: Path | str, sha256: str | None = None) -> Checkpoint:
    """Read a StyleGAN2 or StyleGAN3 checkpoint. Never executes what the file contains.

    sha256: refuse any file but this one. Raises CheckpointError, with the path, for whatever cannot be read and for
    nets that cannot work: one line, in which nothing of the file's is shown as it stands there.
    """
    path = Path(path)
    try:
        size = size_of_regular(path)
    except OSError as error:
        raise CheckpointError(
            f"no checkpoint file at {printable(path)} ({printable(error.strerror or error)}); give {ACCEPTED}"
        ) from error
    try:
        read = _reader(path, size)
        if sha256 is not None and (digest := sha256_of(path)) != sha256.lower():
            raise CheckpointError(f"it is not the file that was asked for: sha256 {sha256}. Got {digest}")
        dialect, checkpoint = read(path, Budget(size))
        check_usable(checkpoint)
    except CheckpointError as error:
        raise CheckpointError(f"{printable(path)}: {printable(error)}") from error
    except Exception as error:  # no list of what zip, numpy, torch and safetensors raise is complete
        reason = printable(f"{type(error).__name__}: {error}", 200)
        raise CheckpointError(
            f"{printable(path)}: it cannot be read, perhaps it is damaged ({reason})"
        ) from error
    digest = sha256_of(path)
    source = checkpoint.source or f"{printable(path.name)} ({dialect}, sha256 {digest})"
    return dataclasses.replace(checkpoint, source=source, sha256=digest)


def _reader(path: Path, size: int) -> Reader:
    """By the first bytes, before the whole file is looked at: it may be one hole of 200 GB."""
    with open(path, "rb") as file:
        head = file.read(HEAD)
    if size > MAX_SIZE:
        raise CheckpointError(
            f"{size:,} bytes; no StyleGAN file has more than {MAX_SIZE:,}, and it is not read"
        )
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= size:
        return _safetensors  # first: its length may start like a pickle
    if head.startswith((torch_file.ZIP, torch_file.LEGACY_TORCH)):
        return _torch
    if head.startswith(PICKLE) or OLD_PICKLE.match(head):
        return _pickle
    raise CheckpointError(f"{_what(head)}; a checkpoint is {ACCEPTED}")


def _safetensors(path: Path, budget: Budget) -> tuple[str, Checkpoint]:
    return "safetensors", safetensors_file.read(path, budget)


def _torch(path: Path, budget: Budget) -> tuple[str, Checkpoint]:
    tree, storages = torch_file.read(mapped(path), PICKLE_NAMES, budget)
    return "PyTorch file", pytorch_pt.convert(tree, budget, storages)


def _pickle(path: Path, budget: Budget) -> tuple[str, Checkpoint]:
    tree = inert_pickle.parse(mapped(path), PICKLE_NAMES, budget)
    if tensorflow_pkl.recognizes(tree):
        return "NVIDIA TensorFlow pickle", tensorflow_pkl.convert(tree, budget)
    return "NVIDIA PyTorch pickle", nvidia_pkl.convert(tree, budget, {})


def mapped(path: Path) -> memoryview:
    """The file in memory, of which only what is looked at is ever read; freed with the last slice of it."""
    with open(path, "rb") as file:
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


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
