"""Sweeps over the tiny generator, as a person starts them, and what the store says of them afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

from inversion.checkpoints.checkpoint import Checkpoint
from inversion.checkpoints.safetensors_file import save
from inversion.generator.discriminator import Discriminator
from inversion.generator.stylegan2 import Generator
from tests.databases import empty_database

PROJECT = Path(__file__).parents[2]
FAST = ["input=synthetic", "precision=fp32", "tracking.image_every=0", "tracking.animation_frames=0"]
TIMED = "hydra.sweep.dir=timed/${now:%H-%M-%S-%f}"  # as in conf/config.yaml: each time it is resolved another
IMPORTED = os.pathsep.join(filter(None, [str(PROJECT), os.environ.get("PYTHONPATH")]))
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": IMPORTED, "COLUMNS": "200"}


def write_weights(path: Path, generator: Generator, discriminator: Discriminator) -> Path:
    torch.manual_seed(0)
    checkpoint = Checkpoint(
        architecture=generator.architecture,
        generator=generator.state_dict(),
        discriminator_architecture=discriminator.architecture,
        discriminator=discriminator.state_dict(),
        w_std=1.0,
    )
    save(checkpoint, path)
    return path


class Store:
    """One folder with weights, database and everything that runs leave behind."""

    def __init__(self, folder: Path, weights: Path) -> None:
        self.folder = folder
        self.weights = weights
        self.uri = f"sqlite:///{folder}/mlflow.db"
        if not (folder / "mlflow.db").exists():
            shutil.copy(empty_database(), folder / "mlflow.db")

    def command(self, *overrides: str) -> list[str]:
        return [
            sys.executable,
            str(PROJECT / "run.py"),
            "-m",
            *FAST,
            f"hydra.sweep.dir={self.folder}/multirun",
            "generator=small_file",
            f"generator.path={self.weights}",
            f"tracking.uri={self.uri}",
            f"tracking.artifacts={self.folder}/artifacts",
            *overrides,
        ]

    def sweep(
        self, *overrides: str, timeout: float = 300, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*overrides),
            capture_output=True,
            text=True,
            timeout=timeout,
            cwd=self.folder,
            env=ENVIRONMENT | environment,
        )

    def start(self, *overrides: str) -> subprocess.Popen[bytes]:
        """In a process group of its own, so that all of it can be killed at once."""
        return subprocess.Popen(
            self.command(*overrides),
            cwd=self.folder,
            env=ENVIRONMENT,
            stdout=(self.folder / "stdout").open("ab"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def client(self) -> Any:
        from inversion.record.mlflow_store import open_client

        return open_client(self.uri)

    def runs(self, wanted: str = "tags.kind = 'job'") -> list[Any]:
        client = self.client()
        experiments = [e.experiment_id for e in client.search_experiments()]
        return list(client.search_runs(experiments, wanted, max_results=5000))

    def parents(self) -> list[Any]:
        return self.runs("tags.kind = 'sweep'")

    def finished(self) -> list[Any]:
        return [run for run in self.runs() if run.info.status == "FINISHED"]

    def steps(self, run: Any, key: str = "loss") -> list[int]:
        return [metric.step for metric in self.client().get_metric_history(run.info.run_id, key)]


def assert_every_history_is_complete(store: Store, runs: list[Any]) -> None:
    """Each step of each term once, and one final figure."""
    for run in runs:
        expected = list(range(int(run.data.params["steps"])))
        for key in ("loss", "latent", "learning_rate"):  # of every loss
            assert store.steps(run, key) == expected, (run.info.run_id, key)
        assert store.steps(run, "psnr") == [0]
