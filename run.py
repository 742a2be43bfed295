"""Restore face photos: settings → align → degrade → optimize → record. Start with `python run.py --help`."""

from __future__ import annotations

import signal
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import CompactHydraException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from conf.schema import register

if TYPE_CHECKING:  # torch and mlflow load late: --help and tab completion must not wait for them
    from inversion.restore import Ending

PROJECT = Path(__file__).resolve().parent
register()


@hydra.main(config_path="conf", config_name="config", version_base="1.3")
def main(cfg: DictConfig) -> float:
    """Returns a sweep's objective, higher is better: mean PSNR to the original, to the observed photo without one."""
    settings: dict[str, Any] = OmegaConf.to_container(cfg, resolve=True)  # type: ignore[assignment]
    try:
        endings = run(settings, Path(HydraConfig.get().runtime.output_dir))
    except (ValueError, OSError) as error:
        raise Refused(f"{type(error).__name__}: {error}") from error
    failures = [f"{name}: {ending.reason}" for name, ending in endings.items() if ending.status == "FAILED"]
    if any(ending.status == "KILLED" for ending in endings.values()):
        raise KeyboardInterrupt
    if failures:
        raise Refused("; ".join(failures))
    scores = [e.figures.get("psnr", e.figures.get("fit_psnr", 0.0)) for e in endings.values()]
    return sum(scores) / len(scores)


class Refused(CompactHydraException):
    """Hydra shows it as one message, without a traceback unless HYDRA_FULL_ERROR=1."""


def run(settings: dict[str, Any], folder: Path) -> dict[str, Ending]:
    """Restore every photo that the settings name; returns how each ended."""
    from inversion.console import ProgressBar, announce
    from inversion.device import choose_device
    from inversion.heap import keep_heap
    from inversion.hyperparameters import Hyperparameters
    from inversion.model import build
    from inversion.record.open_record import git_commit, open_record
    from inversion.restore import Ending, Task, restore
    from sweeps.fingerprint import fingerprint

    # A kill keeps what was reached, like Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    keep_heap()
    device = choose_device(settings["device"])
    hyperparameters = Hyperparameters(**{f.name: settings[f.name] for f in fields(Hyperparameters)})
    degradation, source = instantiate(settings["degradation"]), instantiate(settings["input"])
    model = build(instantiate(settings["generator"]), device)
    loss = instantiate(settings["loss"]).bind(model.discriminator, device)
    inputs = source.load(model.generator)
    commit = git_commit(PROJECT)
    endings = {path.name: Ending("FAILED", reason, {}) for path, reason in inputs.refused.items()}
    size = settings["batch_size"] or len(inputs.photos)
    for start in range(0, len(inputs.photos), size):
        photos = inputs.photos[start : start + size]
        tasks = []
        for photo in photos:
            place = folder if len(inputs.photos) + len(inputs.refused) == 1 else folder / photo.name
            tags = {
                "kind": "job",
                "git_commit": commit,
                "photo_sha256": photo.sha256,
                "checkpoint_sha256": model.sha256,
                "fingerprint": fingerprint(settings, photo.sha256, model.sha256),
            }
            recorder = open_record(settings, photo, tags, place, PROJECT)
            tasks.append(Task(photo, hyperparameters, settings["seed"], place, recorder))
        with ProgressBar(hyperparameters.steps, [photo.name for photo in photos]) as bar:
            finished = restore(
                model,
                loss,
                degradation,
                settings["degraded"],
                tasks,
                settings["tracking"]["image_every"],
                settings["tracking"]["animation_frames"],
                bar,
            )
        announce(tasks, finished)
        endings |= {task.photo.name: ending for task, ending in zip(tasks, finished, strict=True)}
    return endings


if __name__ == "__main__":
    main()
