"""Restore face photos: settings → align → degrade → optimize → record. Start with `python run.py --help`."""

from __future__ import annotations

import gc
import signal
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import CompactHydraException
from hydra.utils import instantiate
from omegaconf import DictConfig

from conf.schema import register

if TYPE_CHECKING:  # torch and mlflow load late: --help and tab completion must not wait for them
    from inversion.model import Model
    from inversion.restore import Task
    from sweeps.execute.ledger import Ledger
    from sweeps.execute.point import Point

PROJECT = Path(__file__).resolve().parent
register()


@hydra.main(config_path="conf", config_name="config", version_base="1.3")
def main(cfg: DictConfig) -> float:
    """Returns a sweep's objective, higher is better: mean PSNR to the original, to the observed photo without one."""
    from sweeps.execute.point import Point

    point = Point.composed(cfg, HydraConfig.get())
    run([point])
    return score(point)


def run(points: Sequence[Point]) -> None:
    """Restore every photo of these points that is not finished yet. They are alike: see sweeps/execute/batches.py."""
    from inversion.batching import restore_all
    from inversion.console import ProgressBar
    from inversion.record.ending import explain
    from inversion.record.open_record import open_store
    from inversion.runtime.heap import enable_gc, keep_heap
    from sweeps.execute.ledger import Ledger
    from sweeps.execute.networks import networks

    # A kill keeps what was reached, like Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    keep_heap()
    try:
        shared = points[0].settings
        model, loss = networks(shared)
        ledger = Ledger(open_store(shared["tracking"], PROJECT))
        ledger.reap()
        enable_gc()
        owners: dict[Path, Point] = {}
        restore_all(
            model,
            loss,
            open_tasks(points, model, ledger, owners),
            shared["launcher"]["batch_size"],
            shared["tracking"]["image_every"],
            shared["tracking"]["animation_frames"],
            bar=partial(ProgressBar, visible=shared["launcher"]["bars"]),
            ended=lambda task, ending: owners[task.folder].end(task.photo.name, ending, task.folder),
        )
    except Exception as error:
        for point in points:
            point.fail(explain(error))
        if not isinstance(error, (ValueError, OSError)):
            raise


def open_tasks(
    points: Sequence[Point], model: Model, ledger: Ledger, owners: dict[Path, Point]
) -> Iterator[Task]:
    """Skip what is finished and open a record, when its turn comes, for everything else."""
    from inversion.record.ending import Ending, explain
    from inversion.record.latents_file import load_start
    from inversion.record.open_record import git_commit, open_record
    from inversion.restore import Task
    from inversion.search.hyperparameters import Hyperparameters
    from sweeps.execute.ledger import job_tags
    from sweeps.execute.networks import photos

    for point in points:
        settings = point.settings
        try:
            hyperparameters = Hyperparameters.of(settings)
            degradation = instantiate(settings["degradation"])
            inputs = photos(settings)
            start = settings["start"] and load_start(settings["start"], model.generator.architecture)
        except (ValueError, OSError) as error:
            point.fail(explain(error))
            continue
        point.expect([photo.name for photo in inputs.photos])
        for path, reason in inputs.refused.items():
            point.end(path.name, Ending("FAILED", reason, {}))
        for photo in inputs.photos:
            alone = len(inputs.photos) + len(inputs.refused) == 1
            place = point.folder if alone else point.folder / photo.name
            tags = job_tags(settings, photo, model.sha256)
            tags |= {"degradation": point.degradation, "git_commit": git_commit(PROJECT)}
            tags |= {"dtype": str(model.dtype).removeprefix("torch.")}  # what precision=auto chose
            with ledger.one_at_a_time():
                earlier = ledger.ending(tags, settings["rerun"])
                if earlier is None:
                    recorder = open_record(settings, photo, tags, place, PROJECT)
            if earlier is not None:
                point.end(photo.name, earlier, place)
                continue
            owners[place] = point
            seed, degraded, paste = settings["seed"], settings["degraded"], settings["paste"]
            yield Task(photo, degradation, degraded, hyperparameters, seed, place, recorder, paste, start)


class Refused(CompactHydraException):
    """Hydra shows it as one message, without a traceback unless HYDRA_FULL_ERROR=1."""


def score(point: Point) -> float:
    """The objective of a finished point. Raises Refused, with the reasons, for any other."""
    endings = point.endings
    failures = [
        f"{name}: {e.reason}".removeprefix(": ") for name, e in endings.items() if e.status != "FINISHED"
    ]
    if failures:
        raise Refused("; ".join(failures))
    scores = [e.figures.get("psnr", e.figures.get("fit_psnr", 0.0)) for e in endings.values()]
    return sum(scores) / len(scores)


if __name__ == "__main__":
    gc.disable()  # until everything is imported
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("Interrupted: what was reached is recorded. The same command goes on with what is missing.")
