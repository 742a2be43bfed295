"""Our own format with one thing wrong."""

from __future__ import annotations

import dataclasses
import json
import struct
from pathlib import Path
from typing import Any

from inversion.checkpoints.load import load
from inversion.checkpoints.safetensors_file import save
from tests.inversion.checkpoints import written


def our_group(folder: Path, **change: Any) -> Path:
    checkpoint = load(written.nvidia(folder / "net.pkl"))
    assert checkpoint.discriminator_architecture is not None
    changed = dataclasses.replace(checkpoint.discriminator_architecture, **change)
    save(dataclasses.replace(checkpoint, discriminator_architecture=changed), folder / "a.safetensors")
    return folder / "a.safetensors"


def our_header(folder: Path, raw: str) -> Path:
    """A .safetensors file whose header entry is this text."""
    header = json.dumps({"__metadata__": {"inversion": raw}}).encode()
    (folder / "a.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
    return folder / "a.safetensors"


def our_tensor(folder: Path, dtype: str, size: int, shape: tuple[int, ...] = (8,)) -> Path:
    header = json.dumps(
        {
            "__metadata__": {"inversion": json.dumps({"format": 1, "architecture": {"img_resolution": 16}})},
            "G.mapping.w_avg": {"dtype": dtype, "shape": shape, "data_offsets": [0, size]},
        }
    ).encode()
    (folder / "a.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(size))
    return folder / "a.safetensors"


def texts(folder: Path, **texts_: Any) -> Path:
    """A valid file of ours whose licence or description is an escape sequence."""
    checkpoint = dataclasses.replace(load(written.nvidia(folder / "net.pkl")), **texts_)
    save(checkpoint, folder / "a.safetensors")
    return folder / "a.safetensors"
