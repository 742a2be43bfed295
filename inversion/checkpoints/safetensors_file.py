"""Our own format: a .safetensors file with the architecture in its header. Convert once, read everywhere.

Tensors are named G.* and D.*, NVIDIA's names behind the prefix. One header entry, "inversion", is JSON:
{format, architecture, discriminator_architecture, w_std, license, description, source}.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as serialized
from torch import Tensor

from inversion.checkpoints.budget import Budget
from inversion.checkpoints.checkpoint import Checkpoint
from inversion.checkpoints.deduce import check_discriminator, check_generator
from inversion.errors import CheckpointError
from inversion.generator.architecture import AnyArchitecture, Architecture, StyleGAN3Architecture
from inversion.reading.printable import printable

HEADER = "inversion"
FORMAT = 1
MAX_HALF = torch.finfo(torch.float16).max
MAX_HEADER = 1 << 20  # bytes; a 1024 px net's takes 40,000
MAX_TEXT = 10_000  # characters of licence, description and source
MAX_W_STD = 1e30
FLOATS = ("F32", "F16", "BF16", "F64")
# StyleGAN3's filters and waves: few numbers, of which the whole picture is made.
EXACT = ("_filter", "input.freqs", "input.transform")

Kind = TypeVar("Kind", Architecture, StyleGAN3Architecture)


def save(checkpoint: Checkpoint, path: Path, half: bool = False) -> None:
    """Write a checkpoint; the same checkpoint gives the same bytes.

    half: store weights as float16, half the size; biases, w_avg and noise_strength stay float32.
    Raises CheckpointError when a weight is too large for float16, OSError when the file cannot be written.
    """
    tensors = {f"G.{name}": _stored(f"G.{name}", t, half) for name, t in checkpoint.generator.items()}
    d_architecture = None
    if checkpoint.discriminator is not None and checkpoint.discriminator_architecture is not None:
        tensors |= {
            f"D.{name}": _stored(f"D.{name}", t, half) for name, t in checkpoint.discriminator.items()
        }
        d_architecture = dataclasses.asdict(checkpoint.discriminator_architecture)
    header = {
        "format": FORMAT,
        "architecture": dataclasses.asdict(checkpoint.architecture),
        "discriminator_architecture": d_architecture,
        "w_std": checkpoint.w_std,
        "license": checkpoint.license,
        "description": checkpoint.description,
        "source": checkpoint.source,
    }
    # One entry only: the writer orders several at random, and the file's sha256 should mean something.
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        # Not by save_file, whose files only their owner can read.
        part.write_bytes(serialized(tensors, {HEADER: json.dumps(header)}))
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def read(path: Path, budget: Budget | None = None) -> Checkpoint:
    """Read a file that `save` wrote, as float32. Raises CheckpointError for any other file."""
    budget = budget or Budget(path.stat().st_size)
    with open(path, "rb") as head:
        length = int.from_bytes(head.read(8), "little")
    if length > MAX_HEADER:
        raise CheckpointError(f"a header of {length:,} bytes; this tool's have at most {MAX_HEADER:,}")
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            header = _header(file.metadata())
            tensors = {name: _loaded(name, file, budget) for name in file.keys()}
    except SafetensorError as error:
        raise CheckpointError(f"a truncated or damaged .safetensors file ({error})") from error
    generator = {name[2:]: tensor for name, tensor in tensors.items() if name.startswith("G.")}
    shape = header.get("architecture")
    architecture: AnyArchitecture
    if _is_stylegan3(shape):
        architecture = _architecture(shape, StyleGAN3Architecture)
    else:
        architecture = _architecture(shape, Architecture)
    check_generator(generator, architecture)
    discriminator = {name[2:]: tensor for name, tensor in tensors.items() if name.startswith("D.")} or None
    d_architecture = None
    if discriminator is not None:
        d_architecture = _architecture(header.get("discriminator_architecture"), Architecture)
        check_discriminator(discriminator, d_architecture)
    w_std = header.get("w_std")
    if w_std is not None and not (type(w_std) in (float, int) and 0 < w_std <= MAX_W_STD):
        raise CheckpointError(f"w_std should be a number > 0. Got {type(w_std).__name__}")
    return Checkpoint(
        architecture,
        generator,
        d_architecture,
        discriminator,
        None if w_std is None else float(w_std),
        license=_text(header, "license"),
        description=_text(header, "description"),
        source=_text(header, "source"),
    )


def _stored(name: str, tensor: Tensor, half: bool) -> Tensor:
    if not half or tensor.ndim < 2 or name.endswith(EXACT):
        return tensor.to(torch.float32).contiguous()
    if tensor.abs().max() > MAX_HALF:
        raise CheckpointError(f"{name} reaches beyond float16's {MAX_HALF}; save it as float32")
    return tensor.to(torch.float16).contiguous()


def _loaded(name: str, file: Any, budget: Budget) -> Tensor:
    if not name.startswith(("G.", "D.")):
        raise CheckpointError(f"tensors should be named G.* or D.*. Got {name[:80]!r}")
    part = file.get_slice(name)
    if part.get_dtype() not in FLOATS:
        raise CheckpointError(f"{name[:80]} should hold floating point numbers. Got {part.get_dtype()}")
    budget.work()
    budget.memory(4 * math.prod(part.get_shape()))
    tensor: Tensor = file.get_tensor(name)
    return tensor.to(torch.float32)


def _text(header: dict[str, Any], name: str) -> str:
    """A text of the header as one line that can be shown."""
    text = header.get(name, "")
    if not isinstance(text, str):
        raise CheckpointError(f"{name} should be a text. Got {type(text).__name__}")
    return printable(text, MAX_TEXT)


def _header(metadata: dict[str, str] | None) -> dict[str, Any]:
    text = (metadata or {}).get(HEADER)
    if text is None:
        raise CheckpointError(
            f"a .safetensors file without the header entry {HEADER!r}, so not this tool's; make one with: "
            "python -m inversion.checkpoints convert IN OUT.safetensors"
        )
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"the header entry {HEADER!r} is not JSON ({type(error).__name__})") from error
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise CheckpointError(f"the header entry {HEADER!r} should have format {FORMAT}; update this tool")
    return header


def _architecture(values: Any, kind: type[Kind]) -> Kind:
    """An architecture as JSON writes it: tuples became lists."""
    fields = dataclasses.fields(kind)
    known = {field.name for field in fields}
    needed = {field.name for field in fields if field.default is dataclasses.MISSING}
    if not isinstance(values, dict) or values.keys() - known or needed - values.keys():
        raise CheckpointError(
            f"the header's architecture should have {', '.join(sorted(known))}. Got "
            f"{', '.join(values)[:200] if isinstance(values, dict) else type(values).__name__}"
        )
    plain: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
    return kind(**plain)


def _is_stylegan3(values: Any) -> bool:
    return isinstance(values, dict) and "sampling_rates" in values
