"""Convert a checkpoint to .safetensors, or show what one holds.

python -m inversion.checkpoints convert in.pkl out.safetensors [--half] [--license TEXT] [--description TEXT]
python -m inversion.checkpoints info file
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

from inversion.checkpoints import safetensors_file
from inversion.checkpoints.checkpoint import Checkpoint
from inversion.checkpoints.load import load
from inversion.errors import CheckpointError


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0, or 1 with one line on standard error."""
    options = _options().parse_args(arguments)
    try:
        options.run(options)
    except (CheckpointError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _convert(options: argparse.Namespace) -> None:
    if options.output.suffix != ".safetensors":
        raise CheckpointError(f"the output should end in .safetensors. Got {options.output}")
    checkpoint = load(options.input)
    checkpoint = dataclasses.replace(
        checkpoint,
        license=options.license or checkpoint.license,
        description=options.description or checkpoint.description,
    )
    safetensors_file.save(checkpoint, options.output, options.half)
    sys.stdout.write(f"wrote {options.output} ({options.output.stat().st_size:,} bytes)\n")
    sys.stdout.write(_summary(load(options.output)))


def _info(options: argparse.Namespace) -> None:
    sys.stdout.write(_summary(load(options.file)))


def _summary(checkpoint: Checkpoint) -> str:
    lines = {
        "source": checkpoint.source,
        "sha256": checkpoint.sha256,
        "license": checkpoint.license or "not stated in the file",
        "description": checkpoint.description or "none",
        "w_std": "not in the file" if checkpoint.w_std is None else f"{checkpoint.w_std:.6g}",
    }
    parts = [
        ("generator", checkpoint.architecture, checkpoint.generator),
        ("discriminator", checkpoint.discriminator_architecture, checkpoint.discriminator),
    ]
    for name, architecture, tensors in parts:
        if architecture is None or tensors is None:
            lines[name] = "not in the file"
            continue
        numbers = sum(tensor.numel() for tensor in tensors.values())
        shape = " ".join(f"{key}={value}" for key, value in dataclasses.asdict(architecture).items())
        lines[name] = f"{numbers:,} numbers in {len(tensors)} tensors\n  {shape}"
    return "".join(f"{key}: {value}\n" for key, value in lines.items())


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m inversion.checkpoints", description="StyleGAN2 and StyleGAN3 weights files"
    )
    commands = parser.add_subparsers(required=True)
    convert = commands.add_parser("convert", help="write any accepted checkpoint as .safetensors")
    convert.add_argument("input", type=Path, help="NVIDIA .pkl, rosinality .pt or .safetensors")
    convert.add_argument("output", type=Path, help="the .safetensors file to write")
    convert.add_argument("--half", action="store_true", help="store weights as float16, half the size")
    convert.add_argument("--license", default="", help="terms of use, kept in the file")
    convert.add_argument("--description", default="", help="what the net was trained on, kept in the file")
    convert.set_defaults(run=_convert)
    info = commands.add_parser("info", help="show what a checkpoint holds")
    info.add_argument("file", type=Path)
    info.set_defaults(run=_info)
    return parser


if __name__ == "__main__":
    sys.exit(main())
