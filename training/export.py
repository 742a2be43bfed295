"""Turn a training checkpoint into the file that ships: `python -m training.export CHECKPOINT.pt OUT.safetensors`."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import torch
from omegaconf import OmegaConf

from inversion.checkpoints.checkpoint import Checkpoint
from inversion.checkpoints.safetensors_file import read, save
from inversion.generator.statistics import w_statistics
from inversion.generator.stylegan2 import Generator
from training.train import Trainer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("out", type=Path)
    chosen = parser.parse_args()
    state = torch.load(chosen.checkpoint, weights_only=True)
    cfg = OmegaConf.load(Path(__file__).with_name("config.yaml"))
    trainer = Trainer(cfg, state["stage"])  # type: ignore[arg-type]
    trainer.load(state)
    generator, discriminator = trainer.averaged, trainer.discriminator
    w_avg, w_std = w_statistics(generator.mapping)
    tensors = {name: tensor.contiguous() for name, tensor in generator.state_dict().items()}
    checkpoint = Checkpoint(
        architecture=generator.architecture,
        generator=tensors | {"mapping.w_avg": w_avg},
        discriminator_architecture=dataclasses.replace(discriminator.architecture),
        discriminator={name: tensor.contiguous() for name, tensor in discriminator.state_dict().items()},
        w_std=w_std,
        license="MIT; trained on works of the U.S. government (public domain)",
        description=f"Official portraits at {generator.architecture.img_resolution} px; see portraits.md",
    )
    save(checkpoint, chosen.out)
    print(f"{chosen.out}: {chosen.out.stat().st_size / 2**20:.1f} MiB, w_std {w_std:.3f}")
    print(f"largest difference of 64 stored samples: {rounding(generator, chosen.out):.2f} / 255")


@torch.no_grad()
def rounding(generator: Generator, stored: Path) -> float:
    """How far storage moves a pixel, in levels of 255."""
    again = Generator(generator.architecture)
    again.load_state_dict(read(stored).generator)
    z = torch.randn([64, generator.architecture.z_dim], generator=torch.Generator().manual_seed(0))
    return (again(z) - generator(z)).abs().max().item() * 127.5


if __name__ == "__main__":
    main()
