"""Train a StyleGAN2 on a folder of faces: `python -m training.train [key=value …]`, continued if stopped.

Non-saturating logistic loss, lazy R1 (Mescheder et al. 2018; Karras et al. 2020, section 3.1), style mixing
(Karras et al. 2019, section 3.1), averaged generator, adaptive augmentation, resolution grown in stages
(Karras et al. 2018).
"""

from __future__ import annotations

import copy
import csv
import logging
import sys
import time
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from omegaconf import DictConfig, OmegaConf
from torch import Tensor

from inversion.generator.architecture import Architecture
from inversion.generator.discriminator import Discriminator
from inversion.generator.stylegan2 import Generator
from inversion.runtime.heap import keep_heap
from training.augment import adapt, augment
from training.data import load_pictures, sample_batch
from training.sheet import save_sheet

log = logging.getLogger(__name__)


class Trainer:
    """One stage: networks, optimizers and the state that a checkpoint keeps."""

    def __init__(self, cfg: DictConfig, stage: int) -> None:
        self.cfg = cfg
        self.stage = stage
        self.settings = cfg.stages[stage]
        shape: dict[str, Any] = OmegaConf.to_container(cfg.architecture)  # type: ignore[assignment]
        architecture = Architecture(img_resolution=self.settings.resolution, **shape)
        shape |= {"z_dim": 0, "w_dim": 0, "mapping_layers": 0, "architecture": "resnet"}
        torch.manual_seed(cfg.seed)
        self.generator = Generator(architecture)
        self.discriminator = Discriminator(Architecture(img_resolution=self.settings.resolution, **shape))
        for network in (self.generator, self.discriminator):
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.averaged = copy.deepcopy(self.generator).requires_grad_(False)
        self.lazy = cfg.r1_interval / (cfg.r1_interval + 1)  # the regularizer's step counts as well
        self.g_optimizer = torch.optim.Adam(self.generator.parameters(), betas=(0.0, 0.99))
        self.d_optimizer = torch.optim.Adam(self.discriminator.parameters(), betas=(0.0, 0.99**self.lazy))
        self.set_learning_rate()
        self.step = 0
        self.shown = 0  # real pictures shown in this stage
        self.probability = 0.2  # of augmentation
        self.dtype = torch.bfloat16 if cfg.bf16 else torch.float32

    def set_learning_rate(self) -> None:
        for group in self.g_optimizer.param_groups:
            group["lr"] = self.cfg.learning_rate
        for group in self.d_optimizer.param_groups:
            group["lr"] = self.cfg.learning_rate * self.lazy

    # Checkpoints

    def state(self) -> dict[str, Any]:
        parts = ("generator", "discriminator", "averaged", "g_optimizer", "d_optimizer")
        tensors = {name: getattr(self, name).state_dict() for name in parts}
        return tensors | {name: getattr(self, name) for name in ("stage", "step", "shown", "probability")}

    def load(self, state: dict[str, Any]) -> None:
        for name in ("generator", "discriminator", "averaged", "g_optimizer", "d_optimizer"):
            getattr(self, name).load_state_dict(state[name])
        self.step, self.shown, self.probability = state["step"], state["shown"], state["probability"]
        self.set_learning_rate()  # the settings' own: a last stretch may run at a lower one

    def grow_from(self, state: dict[str, Any]) -> None:
        """Take the layers of a smaller net; the new resolution's RGB starts at zero, so nothing jumps."""
        top = f"synthesis.b{self.settings.resolution}.torgb.weight"
        for name in ("generator", "averaged", "discriminator"):
            network: torch.nn.Module = getattr(self, name)
            own = network.state_dict()
            network.load_state_dict(own | {k: v for k, v in state[name].items() if k in own})
            if top in own:
                network.get_parameter(top).data.zero_()
        self.probability = state["probability"]

    # One step

    def noise(self, batch: int, rng: torch.Generator) -> list[Tensor]:
        sides = self.generator.synthesis.noise_resolutions
        return [torch.randn([batch, 1, side, side], generator=rng) for side in sides]

    def generate(self, batch: int, rng: torch.Generator) -> Tensor:
        """Pictures with style mixing: the codes of a second z from a random layer on."""
        z = torch.randn([2, batch, self.generator.architecture.z_dim], generator=rng)
        ws = self.generator.mapping(z[0])
        self.generator.mapping.w_avg.lerp_(ws[:, 0].detach().mean(dim=0), 0.002)
        mixed = self.generator.mapping(z[1])
        num_ws = ws.shape[1]
        cut = torch.randint(1, num_ws, [batch, 1, 1], generator=rng)
        keep = torch.rand([batch, 1, 1], generator=rng) > self.cfg.style_mixing
        layer = torch.arange(num_ws)[None, :, None]
        ws = torch.where((layer < cut) | keep, ws, mixed)
        return self.generator.synthesis(ws, self.noise(batch, rng), dtype=self.dtype)

    def judge(self, images: Tensor) -> Tensor:
        return self.discriminator(images.contiguous(memory_format=torch.channels_last), dtype=self.dtype)

    def train_step(self, pictures: Tensor) -> dict[str, float]:
        cfg, batch = self.cfg, self.cfg.batch_size
        rng = torch.Generator().manual_seed(hash((cfg.seed, self.stage, self.step)) & 0x7FFFFFFF)
        terms: dict[str, float] = {}

        # Generator; a freshly grown discriminator gets its first 2,000 pictures alone.
        if self.stage == 0 or self.shown >= 2000:
            self.discriminator.requires_grad_(False)
            fake = self.generate(batch, rng)
            g_loss = F.softplus(-self.judge(augment(fake, self.probability, rng))).mean()
            self.g_optimizer.zero_grad(set_to_none=True)
            g_loss.backward()
            self.g_optimizer.step()
            self.discriminator.requires_grad_(True)
            terms["g_loss"] = g_loss.item()
        else:
            with torch.no_grad():
                fake = self.generate(batch, rng)

        # Discriminator, on the same pictures: a second synthesis would cost a sixth of the step.
        fake = augment(fake.detach(), self.probability, rng)
        real = augment(sample_batch(pictures, batch, rng), self.probability, rng)
        real_logits = self.judge(real)  # apart from the fakes: minibatch statistics must not mix
        d_loss = F.softplus(self.judge(fake)).mean() + F.softplus(-real_logits).mean()
        self.d_optimizer.zero_grad(set_to_none=True)
        d_loss.backward()
        self.d_optimizer.step()
        terms |= {"d_loss": d_loss.item(), "r_t": real_logits.sign().mean().item()}

        if self.step % cfg.r1_interval == 0:
            real = real.requires_grad_(True)
            (gradient,) = torch.autograd.grad(self.judge(real).sum(), real, create_graph=True)
            penalty = gradient.square().sum(dim=(1, 2, 3)).mean()
            self.d_optimizer.zero_grad(set_to_none=True)
            (penalty * (self.settings.r1_gamma / 2 * cfg.r1_interval)).backward()
            self.d_optimizer.step()
            terms["r1"] = penalty.item()

        self.update_average()
        self.step += 1
        self.shown += batch
        return terms

    @torch.no_grad()
    def update_average(self) -> None:
        kimg = min(
            self.cfg.ema_kimg, 0.05 * (self.shown + 1) / 1000 if self.stage == 0 else self.cfg.ema_kimg
        )
        keep = 0.5 ** (self.cfg.batch_size / max(kimg * 1000, 1e-8))
        for average, parameter in zip(self.averaged.parameters(), self.generator.parameters(), strict=True):
            average.lerp_(parameter, 1 - keep)
        for copied, buffer in zip(self.averaged.buffers(), self.generator.buffers(), strict=True):
            copied.copy_(buffer)


def save(state: dict[str, Any], path: Path) -> None:
    """Whole file or none: written beside its place, then renamed."""
    partial = path.with_suffix(".part")
    torch.save(state, partial)
    partial.replace(path)


def start(cfg: DictConfig, checkpoint: Path) -> Trainer:
    """Continue where the last run stopped, or begin."""
    if not checkpoint.exists():
        return Trainer(cfg, 0)
    state = torch.load(checkpoint, weights_only=True)
    trainer = Trainer(cfg, state["stage"])
    trainer.load(state)
    return trainer


def main(overrides: list[str]) -> None:
    cfg = OmegaConf.merge(
        OmegaConf.load(Path(__file__).with_name("config.yaml")), OmegaConf.from_dotlist(overrides)
    )
    assert isinstance(cfg, DictConfig)
    keep_heap()
    folder = Path(cfg.folder)
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = folder / "checkpoint.pt"
    trainer = start(cfg, checkpoint)
    pictures = load_pictures(Path(cfg.pictures), trainer.settings.resolution)
    began = last_save = time.monotonic()
    totals: dict[str, list[float]] = {}
    while True:
        for name, value in trainer.train_step(pictures).items():
            totals.setdefault(name, []).append(value)
        if trainer.step % 4 == 0:
            trainer.probability = adapt(trainer.probability, sum(totals["r_t"][-4:]) / 4, 4 * cfg.batch_size)
        now = time.monotonic()
        done = trainer.shown >= 1000 * trainer.settings.kimg
        stop = now - began > 60 * cfg.max_minutes
        if done or stop or now - last_save > 60 * cfg.save_minutes:
            means = {name: sum(values) / len(values) for name, values in totals.items()}
            speed = len(totals["d_loss"]) * cfg.batch_size / (now - last_save)
            report(folder, trainer, means, speed)
            totals, last_save = {}, now
            save(trainer.state(), checkpoint)
        if stop or (done and trainer.stage + 1 == len(cfg.stages)):
            return
        if done:
            grown = Trainer(cfg, trainer.stage + 1)
            grown.grow_from(trainer.state())
            trainer = grown
            pictures = load_pictures(Path(cfg.pictures), trainer.settings.resolution)


def report(folder: Path, trainer: Trainer, means: dict[str, float], speed: float) -> None:
    """One line in log.csv and one sheet of samples."""
    row = {"resolution": trainer.settings.resolution, "kimg": trainer.shown / 1000, "pictures_per_s": speed}
    row |= {"p": trainer.probability} | {k: means.get(k, 0.0) for k in ("g_loss", "d_loss", "r_t", "r1")}
    path = folder / "log.csv"
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow(row)
        writer.writerow([f"{value:.4g}" for value in row.values()])
    log.info("  ".join(f"{key} {value:.4g}" for key, value in row.items()))
    name = f"samples_{trainer.settings.resolution}_{trainer.shown // 1000:06d}.png"
    save_sheet(trainer.averaged, folder / name)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    main(sys.argv[1:])
