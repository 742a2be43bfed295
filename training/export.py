"""Turn a training checkpoint into the file that ships: `python -m training.export CHECKPOINT.pt OUT.safetensors`."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import torch
from omegaconf import OmegaConf

from inversion.checkpoints.checkpoint import Checkpoint
from inversion.checkpoints.safetensors_file import save
from inversion.generator.statistics import w_statistics
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
    save(checkpoint, chosen.out, half=True)


if __name__ == "__main__":
    main()
