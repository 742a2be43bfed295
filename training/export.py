"""Turn a training checkpoint into the file that ships: `python -m training.export CHECKPOINT.pt OUT.safetensors`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch

from inversion.checkpoints.checkpoint import Checkpoint
from inversion.checkpoints.safetensors_file import read, save
from inversion.generator.architecture import Architecture
from inversion.generator.statistics import w_statistics
from inversion.generator.stylegan2 import Generator

LICENSE = (
    "MIT; trained on public domain, CC0, CC BY 4.0 and CC BY 3.0 pictures, see portraits.md for attributions"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument(
        "--half", action="store_true", help="store float16: half the size, not quite the same pictures"
    )
    chosen = parser.parse_args()
    state = torch.load(chosen.checkpoint, map_location="cpu", weights_only=True)
    checkpoint = shipped(state)
    save(checkpoint, chosen.out, half=chosen.half)
    print(f"{chosen.out}: {chosen.out.stat().st_size / 2**20:.1f} MiB, w_std {checkpoint.w_std:.3f}")
    print(f"largest difference of 64 stored samples: {rounding(checkpoint, chosen.out):.2f} / 255")


def shipped(state: dict[str, Any]) -> Checkpoint:
    """The averaged generator with its statistics, and the discriminator where the recipe has one."""
    architecture = Architecture(img_resolution=state["resolution"], **state["architecture"])
    generator = Generator(architecture)
    generator.load_state_dict(state["averaged"])
    w_avg, w_std = w_statistics(generator.mapping)
    tensors = {name: tensor.contiguous() for name, tensor in generator.state_dict().items()}
    shape = state["architecture"] | {"z_dim": 0, "w_dim": 0, "mapping_layers": 0, "architecture": "resnet"}
    own = {name: tensor.contiguous() for name, tensor in state.get("discriminator", {}).items()}
    return Checkpoint(
        architecture=architecture,
        generator=tensors | {"mapping.w_avg": w_avg},
        discriminator_architecture=Architecture(img_resolution=state["resolution"], **shape) if own else None,
        discriminator=own or None,
        w_std=w_std,
        license=LICENSE,
        description=f"Faces at {architecture.img_resolution} px; see portraits.md",
    )


@torch.no_grad()
def rounding(checkpoint: Checkpoint, stored: Path) -> float:
    """How far storage moves a pixel, in levels of 255."""
    exact, again = Generator(checkpoint.architecture), Generator(checkpoint.architecture)
    exact.load_state_dict(checkpoint.generator)
    again.load_state_dict(read(stored).generator)
    z = torch.randn([64, checkpoint.architecture.z_dim], generator=torch.Generator().manual_seed(0))
    return (again(z) - exact(z)).abs().max().item() * 127.5


if __name__ == "__main__":
    main()
