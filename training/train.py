"""Train a StyleGAN2 on aligned faces: `python -m training.train [key=value …]`, continued if stopped.

The generator learns against one or both judges of training/judges.py (today's recipe: both), with style mixing
(Karras et al. 2019, section 3.1), an averaged copy, and a resolution that grows in stages (Karras et al. 2018).
Runs on a GPU with device=cuda. Killed at any moment, it goes on from the last checkpoint, bit for bit.
"""

from __future__ import annotations

import copy
import csv
import logging
import sys
import time
from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf
from torch import Tensor

from inversion.checkpoints.safetensors_file import read
from inversion.generator.architecture import Architecture
from inversion.generator.statistics import w_statistics
from inversion.generator.stylegan2 import Generator
from inversion.runtime.heap import keep_heap
from inversion.runtime.precision import choose_dtype
from training.adopt import adopt
from training.checkpoints import before, resume, save
from training.data import load_pictures, sample_batch
from training.judges import FeatureJudge, Judge, PixelJudge, place, place_judge
from training.recorded import Recorded
from training.sheet import save_sheet
from training.together import average, average_gradients, join, rank, size

log = logging.getLogger(__name__)
BETWEEN = 4  # steps from one look at clock and confidence to the next
BETWEEN_RECORDED = 16  # the same with graph=true, where each look waits for the GPU


class Trainer:
    """One stage: networks, optimizers and the state that a checkpoint keeps."""

    def __init__(self, cfg: DictConfig, stage: int) -> None:
        self.cfg, self.stage, self.settings = cfg, stage, cfg.stages[stage]
        self.batch: int = self.settings.get("batch_size", cfg.batch_size)  # of each process
        self.device = torch.device(cfg.device)
        shape: dict[str, Any] = OmegaConf.to_container(cfg.architecture)  # type: ignore[assignment]
        size = self.settings.resolution
        torch.manual_seed(cfg.seed)
        self.generator = Generator(Architecture(img_resolution=size, **shape))
        self.dtype = choose_dtype(cfg.precision, self.device, self.generator.architecture)
        # A larger size's RGB begins with nothing to add, so that no picture jumps.
        self.generator.synthesis.get_parameter(f"b{size}.torgb.weight").data.zero_()
        place(self.generator, self.device)
        self.averaged = copy.deepcopy(self.generator).requires_grad_(False)
        self.g_optimizer = torch.optim.Adam(self.generator.parameters(), cfg.learning_rate, (0.0, 0.99))
        self.judges: list[Judge] = []
        if cfg.discriminator:
            shape |= {"z_dim": 0, "w_dim": 0, "mapping_layers": 0, "architecture": "resnet"}
            own = Architecture(img_resolution=size, **shape)
            settings = OmegaConf.merge(cfg.discriminator, {"r1_gamma": self.settings.r1_gamma})
            self.judges.append(PixelJudge(own, settings, cfg.learning_rate, self.dtype))
        if cfg.features and self.settings.get("features", True):
            self.judges.append(FeatureJudge(cfg.features, cfg.learning_rate, self.dtype))
        for judge in self.judges:
            place_judge(judge, self.device)
        self.recorded: dict[str, Recorded] = {}  # on a GPU with graph=true
        for optimizer in self.optimizers:
            optimizer.param_groups[0]["capturable"] = cfg.graph
        self.step = self.shown = 0  # of this stage; shown: real pictures, by all processes
        self.seconds = 0.0  # of all stages: CPU time, on a GPU wall time
        self.alone = 0  # pictures at the beginning that the generator does not learn from

    @cached_property
    def rng(self) -> torch.Generator:
        return torch.Generator(self.device)

    @property
    def optimizers(self) -> list[torch.optim.Optimizer]:
        return [self.g_optimizer, *(judge.optimizer for judge in self.judges)]

    # Checkpoints

    def state(self) -> dict[str, Any]:
        kept = ("stage", "step", "shown", "seconds", "alone")
        state: dict[str, Any] = {name: getattr(self, name) for name in kept}
        state |= {"resolution": self.settings.resolution, "architecture": dict(self.cfg.architecture)}
        for name in ("generator", "averaged", "g_optimizer"):
            state[name] = getattr(self, name).state_dict()
        for judge in self.judges:
            state[judge.name] = judge.network.state_dict()
            state[f"{judge.name}_optimizer"] = judge.optimizer.state_dict()
            state[f"{judge.name}_probability"] = judge.probability
        return state

    def load(self, state: dict[str, Any]) -> None:
        for name in ("generator", "averaged"):
            getattr(self, name).load_state_dict(state[name])
        resume(self.g_optimizer, state["g_optimizer"])
        for judge in self.judges:
            if judge.name not in state:  # the recipe has changed: a new judge begins from nothing
                self.alone = self.shown + self.cfg.alone
                continue
            judge.network.load_state_dict(state[judge.name])
            resume(judge.optimizer, state[f"{judge.name}_optimizer"])
            judge.probability = state[f"{judge.name}_probability"]
        self.step, self.shown = state["step"], state["shown"]
        self.seconds, self.alone = state["seconds"], max(self.alone, state["alone"])

    def grow_from(self, state: dict[str, Any]) -> None:
        """Take the layers of a smaller or narrower net."""
        for name in ("generator", "averaged"):
            network: Generator = getattr(self, name)
            adopt(network, state[name])
            network.mapping.w_avg.copy_(w_statistics(network.mapping)[0])
        for judge in self.judges:
            if judge.name in state:
                adopt(judge.network, state[judge.name])
                judge.probability = state.get(f"{judge.name}_probability", judge.probability)
        self.seconds = state.get("seconds", 0.0)
        self.alone = self.cfg.alone

    # One step

    def generate(self, batch: int, rng: torch.Generator) -> Tensor:
        """Pictures with style mixing: the codes of a second z from a random layer on."""
        random: dict[str, Any] = {"generator": rng, "device": self.device}
        z = torch.randn([2, batch, self.generator.architecture.z_dim], **random)
        ws = self.generator.mapping(z[0])
        self.generator.mapping.w_avg.lerp_(ws[:, 0].detach().mean(dim=0), 0.002)
        mixed = self.generator.mapping(z[1])
        num_ws = ws.shape[1]
        cut = torch.randint(1, num_ws, [batch, 1, 1], **random)
        keep = torch.rand([batch, 1, 1], **random) > self.cfg.style_mixing
        layer = torch.arange(num_ws, device=self.device)[None, :, None]
        ws = torch.where((layer < cut) | keep, ws, mixed)
        sides = self.generator.synthesis.noise_resolutions
        noises = [torch.randn([batch, 1, side, side], **random) for side in sides]
        return self.generator.synthesis(ws, noises, dtype=self.dtype)

    def train_step(self, pictures: Tensor) -> dict[str, Tensor]:
        # The random state is derived from the step: a resumed run draws what a run in one piece would have drawn.
        self.rng.manual_seed(hash((self.cfg.seed, self.stage, self.step, rank())) & 0x7FFFFFFF)
        if self.shown >= self.alone:
            terms = self._run("learn", partial(self.learn, pictures))
        else:
            terms = self._run("judges alone", partial(self.learn, pictures, generator_learns=False))
        for judge in self.judges:
            if isinstance(judge, PixelJudge) and self.step % judge.interval == 0:
                terms |= self._run("regularize", partial(self.regularize, judge, pictures))
        average([self.generator.mapping.w_avg])
        self.update_average()
        self.step += 1
        self.shown += self.batch * size()
        return terms

    def _run(self, name: str, work: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
        if not self.cfg.graph:
            return work()
        if name not in self.recorded:
            self.recorded[name] = Recorded(work, self.rng)
        return self.recorded[name]()

    def learn(self, pictures: Tensor, generator_learns: bool = True) -> dict[str, Tensor]:
        """One step of the judges and, if it learns, of the generator."""
        real = sample_batch(pictures, self.batch, self.rng)
        with torch.set_grad_enabled(generator_learns):
            fake = self.generate(self.batch, self.rng)

        # Both sides' losses come from one look at each picture, and their gradients from before either moves.
        terms: dict[str, Tensor] = {}
        g_losses, d_losses = [], []
        for judge in self.judges:
            g_loss, d_loss, seen = judge.losses(fake, real, self.rng)
            g_losses.append(g_loss)
            d_losses.append(d_loss)
            terms |= seen | {f"g_{judge.name}": g_loss.detach()}
        if generator_learns:
            self.g_optimizer.zero_grad(set_to_none=True)
            sum(g_losses).backward(inputs=list(self.generator.parameters()), retain_graph=True)  # type: ignore
            average_gradients(self.generator.parameters())
        for judge, d_loss in zip(self.judges, d_losses, strict=True):
            judge.optimizer.zero_grad(set_to_none=True)
            d_loss.backward(inputs=list(judge.network.parameters()))
            average_gradients(judge.network.parameters())
            judge.optimizer.step()
        if generator_learns:
            self.g_optimizer.step()
        return terms

    def regularize(self, judge: PixelJudge, pictures: Tensor) -> dict[str, Tensor]:
        return judge.regularize(sample_batch(pictures, self.batch, self.rng), self.rng)

    @torch.no_grad()
    def update_average(self) -> None:
        kimg = self.cfg.ema_kimg
        if self.stage == 0 and not self.cfg.init:
            kimg = min(kimg, 0.05 * (self.shown + 1) / 1000)
        keep = 0.5 ** (self.batch * size() / (kimg * 1000))
        averages: list[Tensor] = list(self.averaged.parameters())
        own: list[Tensor] = list(self.generator.parameters())
        torch._foreach_lerp_(averages, own, 1 - keep)
        for copied, buffer in zip(self.averaged.buffers(), self.generator.buffers(), strict=True):
            copied.copy_(buffer)


# Start and stop


def start(cfg: DictConfig, checkpoint: Path) -> Trainer:
    """Continue where the last run stopped, with more layers or channels if the settings now say so; or begin."""
    for path in (checkpoint, before(checkpoint)):  # killed between two renames, only the second is there
        if path.exists():
            state = torch.load(path, map_location="cpu", weights_only=True)
            trainer = begin(cfg, min(state["stage"], len(cfg.stages) - 1))
            same = trainer.settings.resolution == state["resolution"]
            if same and dict(cfg.architecture) == state["architecture"]:
                trainer.load(state)
            else:  # the settings want a larger or wider net
                trainer.grow_from(state)
            return trainer
    return begin(cfg, 0)


def begin(cfg: DictConfig, stage: int) -> Trainer:
    """A new stage, with those layers of a shipped file that its size has."""
    trainer = Trainer(cfg, stage)
    if cfg.init:
        shipped = read(Path(cfg.init))
        own = shipped.discriminator or {}
        parts = {"generator": shipped.generator, "averaged": shipped.generator, "discriminator": own}
        trainer.grow_from(parts)
    return trainer


def main(overrides: list[str]) -> None:
    cfg = OmegaConf.merge(
        OmegaConf.load(Path(__file__).with_name("config.yaml")), OmegaConf.from_dotlist(overrides)
    )
    assert isinstance(cfg, DictConfig)
    keep_heap()
    torch.backends.cudnn.benchmark = True
    join()
    folder = Path(cfg.folder)
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = folder / "checkpoint.pt"
    trainer = start(cfg, checkpoint)
    pictures = load_pictures(cfg.pictures, trainer.settings.resolution).to(trainer.device)
    log.info("%d pictures of %d px", len(pictures), pictures.shape[-1])
    began = last_save = time.monotonic()
    totals: dict[str, list[Tensor]] = {}
    between = BETWEEN_RECORDED if cfg.graph else BETWEEN
    clock = time.process_time if trainer.device.type == "cpu" else time.monotonic
    while True:
        before_steps = clock()
        for _ in range(between):
            for name, value in trainer.train_step(pictures).items():
                totals.setdefault(name, []).append(value)
        now = time.monotonic()
        recent = torch.stack([torch.stack(values[-between:]).mean() for values in totals.values()]).cpu()
        trainer.seconds += (clock() - before_steps) * size()
        spent = torch.tensor([trainer.seconds, now - began, now - last_save])
        average([recent, spent])  # so that all processes decide alike
        for judge in trainer.judges:
            judge.adapt(dict(zip(totals, recent.tolist(), strict=True)), between * trainer.batch * size())
        trainer.seconds, running, unsaved = spent.tolist()
        done = trainer.shown >= 1000 * trainer.settings.kimg
        stop = running > 60 * cfg.max_minutes or trainer.seconds > 60 * cfg.budget_minutes
        if done or stop or unsaved > 60 * cfg.save_minutes:
            means = {name: torch.stack(values).mean().item() for name, values in totals.items()}
            if rank() == 0:
                report(folder, trainer, means)
                save(trainer.state(), checkpoint)
            totals, last_save = {}, now
        if stop or (done and trainer.stage + 1 == len(cfg.stages)):
            return
        if done:
            grown = begin(cfg, trainer.stage + 1)
            grown.grow_from(trainer.state())
            trainer = grown
            pictures = load_pictures(cfg.pictures, trainer.settings.resolution).to(trainer.device)


COLUMNS = ("d_loss", "r_t", "r1", "f_loss", "g_discriminator", "g_features")


def report(folder: Path, trainer: Trainer, means: dict[str, float]) -> None:
    """One line in log.csv and one sheet of samples."""
    row = {"resolution": trainer.settings.resolution, "kimg": trainer.shown / 1000}
    row |= {"minutes": trainer.seconds / 60, "p": trainer.judges[0].probability}
    row |= {name: means.get(name, 0.0) for name in COLUMNS}
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
