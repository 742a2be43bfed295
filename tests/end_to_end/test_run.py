"""`run.py` as a person starts it, on a tiny generator: what it records, how it refuses, what Ctrl-C leaves."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from inversion.generator.stylegan2 import Generator
from inversion.presets import composed
from sweeps.execute.job import Job
from sweeps.execute.rounds import run_until_done
from sweeps.execute.run_jobs import run_jobs
from sweeps.plan.config import Config
from tests.conftest import make_tiny_discriminator, make_tiny_generator
from tests.databases import empty_database
from tests.end_to_end.sweeping import write_weights

PROJECT = Path(__file__).parents[2]
PATIENCE = 600  # seconds, on a machine with much else to do
SYNTHETIC = ("input=synthetic", "input.seed=7", "steps=4", "tracking=none")
ARTIFACTS = {
    "original.png",
    "degraded.png",
    "restored.png",
    "panel.png",
    "loss.png",
    "progress.webp",
    "latents.npz",
    "config.yaml",
}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_weights(
        tmp_path_factory.mktemp("weights") / "tiny.safetensors",
        make_tiny_generator(),
        make_tiny_discriminator(),
    )


@pytest.fixture(scope="module")
def blurred(tmp_path_factory: pytest.TempPathFactory, weights: Path) -> Path:
    """The folder of a run that several tests look at."""
    folder = tmp_path_factory.mktemp("blurred")
    done = start(folder, weights, "degradation=blur", "reg=0.5", "steps=12", "tracking.image_every=5")
    assert done.returncode == 0, done.stderr
    assert "FINISHED" in done.stdout and "panel.png" in done.stdout
    return folder


@pytest.fixture(scope="module")
def synthetic(tmp_path_factory: pytest.TempPathFactory, weights: Path) -> Path:
    folder = tmp_path_factory.mktemp("synthetic")
    done = start(folder, weights, *SYNTHETIC)
    assert done.returncode == 0, done.stderr
    return folder


def command(tmp_path: Path, weights: Path, *overrides: str) -> list[str]:
    store = [f"tracking.uri=sqlite:///{tmp_path}/mlflow.db", f"tracking.artifacts={tmp_path}/artifacts"]
    return [
        sys.executable,
        str(PROJECT / "run.py"),
        "generator=small_file",
        f"generator.path={weights}",
        *([] if "tracking=none" in overrides else store),  # a setting wins over the group that holds it
        f"hydra.run.dir={tmp_path}/out",
        f"hydra.sweep.dir={tmp_path}/multirun",
        *overrides,
    ]


def with_store(tmp_path: Path) -> Path:
    """An empty one, which `blurred` makes for itself as a first command does."""
    shutil.copy(empty_database(), tmp_path / "mlflow.db")
    return tmp_path


def start(tmp_path: Path, weights: Path, *overrides: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(tmp_path, weights, *overrides), capture_output=True, text=True, timeout=PATIENCE, cwd=tmp_path
    )


def runs(tmp_path: Path, kind: str = "job") -> list:  # type: ignore[type-arg]
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    experiments = [e.experiment_id for e in client.search_experiments()]
    return list(client.search_runs(experiments, filter_string=f"tags.kind = '{kind}'"))


@pytest.mark.filterwarnings("ignore")  # MLflow's own, under current SQLAlchemy
def test_a_blurred_photo_is_restored_and_everything_is_recorded(blurred: Path) -> None:
    from mlflow import MlflowClient

    (run,) = runs(blurred)
    assert run.info.status == "FINISHED"
    assert run.data.params["reg"] == "0.5"
    assert run.data.params["degradation._target_"].endswith("GaussianBlur")
    assert {"psnr", "ssim", "identity_distance", "fit_psnr", "seconds"} <= run.data.metrics.keys()
    assert {"git_commit", "photo_sha256", "checkpoint_sha256", "fingerprint"} <= run.data.tags.keys()
    client = MlflowClient(f"sqlite:///{blurred}/mlflow.db")
    history = client.get_metric_history(run.info.run_id, "loss")
    assert [metric.step for metric in history] == list(range(12))
    terms = [client.get_metric_history(run.info.run_id, n) for n in ("discriminator", "latent")]
    assert history[-1].value == pytest.approx(sum(term[-1].value for term in terms), rel=1e-5)
    assert {artifact.path for artifact in client.list_artifacts(run.info.run_id)} >= ARTIFACTS
    assert run.inputs.dataset_inputs

    assert {path.name for path in (blurred / "out").iterdir()} >= ARTIFACTS | {"result.json", "losses.csv"}
    assert json.loads((blurred / "out" / "result.json").read_text())["status"] == "FINISHED"
    with np.load(blurred / "out" / "latents.npz") as latents:
        assert latents["w"].shape == (1, 8, 16)
    sizes = {Image.open(blurred / "out" / f"{n}.png").size for n in ("original", "degraded", "restored")}
    assert sizes == {(32, 32)}


def test_the_saved_latents_give_the_saved_picture(blurred: Path, weights: Path) -> None:
    from inversion.checkpoints import load
    from inversion.images import to_pil
    from inversion.latents.latents_file import load_latents

    latents = load_latents(blurred / "out" / "latents.npz")
    generator = Generator(load(weights).architecture)
    generator.load_state_dict(load(weights).generator)
    with torch.no_grad():
        again = to_pil(generator.synthesis(latents.ws, latents.noises, offsets=latents.offsets)[0])
    saved = Image.open(blurred / "out" / "restored.png")
    assert np.abs(np.asarray(again, float) - np.asarray(saved, float)).max() <= 1


@pytest.mark.slow
def test_a_search_goes_on_from_an_earlier_ones_latents(tmp_path: Path, weights: Path) -> None:
    """With steps too small to be seen the same picture comes out."""
    assert start(tmp_path, weights, "steps=3", "feature_steps=0", "tracking=none").returncode == 0
    before = np.asarray(Image.open(tmp_path / "out" / "restored.png"), float)
    latents = tmp_path / "latents.npz"
    (tmp_path / "out" / "latents.npz").rename(latents)
    still = ("steps=1", "feature_steps=0", "jitter=0", "learning_rate=1e-6", "seed=1", "tracking=none")
    done = start(tmp_path, weights, f"start={latents}", *still)
    assert done.returncode == 0, done.stderr
    after = np.asarray(Image.open(tmp_path / "out" / "run_2" / "restored.png"), float)  # the first one stays
    assert np.abs(after - before).max() <= 2
    np.savez(latents, w=np.zeros([1, 18, 512], np.float32))
    done = start(tmp_path, weights, f"start={latents}", *still)
    assert done.returncode == 1 and "start must be latents of this generator" in done.stderr


def test_the_same_settings_give_the_same_bits_whatever_ran_before(
    synthetic: Path, tmp_path: Path, weights: Path
) -> None:
    """A command of its own, and the same job in this process after many others."""
    run_here(tmp_path, weights, *SYNTHETIC)
    pictures = [(folder / "out" / "restored.png").read_bytes() for folder in (synthetic, tmp_path)]
    assert pictures[0] == pictures[1]


def test_a_synthetic_face_reports_its_distance_to_the_true_codes(synthetic: Path) -> None:
    assert json.loads((synthetic / "out" / "summary.json").read_text())["w_distance"] > 0


@pytest.mark.filterwarnings("ignore")
def test_a_folder_gives_one_run_per_photo_and_a_bad_photo_fails_alone(tmp_path: Path, weights: Path) -> None:
    from mlflow import MlflowClient

    from inversion.faces.sample import sample_photo

    folder = tmp_path / "photos"
    folder.mkdir()
    photo = Image.open(sample_photo()).convert("RGB")
    photo.save(folder / "a.png")
    photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(folder / "b.jpg")
    (folder / "broken.png").write_bytes(b"not a picture")
    done = start(with_store(tmp_path), weights, f"image={folder}", "steps=2", "paste=true")
    assert done.returncode == 1
    assert "broken.png" in done.stderr + done.stdout
    finished = [run for run in runs(tmp_path) if run.info.status == "FINISHED"]
    assert sorted(run.info.run_name.split()[0] for run in finished) == ["a", "b"]
    assert {path.parent.name for path in (tmp_path / "out").glob("*/restored.png")} == {"a", "b"}
    client = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    for run in finished:
        assert "photo_restored.png" in {artifact.path for artifact in client.list_artifacts(run.info.run_id)}
    pasted = list((tmp_path / "out").glob("*/photo_restored.png"))
    assert [Image.open(path).size for path in pasted] == [photo.size] * 2


def run_here(folder: Path, weights: Path, *overrides: str) -> None:
    """The job of `run.py`, recorded in folder/out by this process, whose imports are made."""
    words = ("generator=small_file", f"generator.path={weights}", "tracking=none", *overrides)
    (results,) = run_until_done([Job(Config.of(composed(*words)), folder / "out", (), "")], run_jobs)
    assert [result.ending.status for result in results] == ["FINISHED"]


def test_a_photo_that_arrives_grey_has_no_original(tmp_path: Path, weights: Path) -> None:
    run_here(tmp_path, weights, "degradation=grayscale", "degraded=true", "steps=2")
    assert not (tmp_path / "out" / "original.png").exists()
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert "psnr" not in summary and "fit_psnr" in summary


def test_inpainting_takes_a_mask_and_finds_what_is_blanked(tmp_path: Path, weights: Path) -> None:
    from inversion.faces.sample import sample_photo

    photo = Image.open(sample_photo()).convert("RGB")
    mask = Image.new("L", photo.size)
    mask.paste(255, (200, 60, 330, 120))
    mask.save(tmp_path / "mask.png")
    masked = f"degradation.mask={tmp_path}/mask.png"
    run_here(tmp_path / "given", weights, "degradation=inpaint", masked, "steps=2")
    blanked = np.asarray(Image.open(tmp_path / "given" / "out" / "degraded.png"))
    assert 10 < (blanked.max(axis=2) == 0).sum() < 400

    photo = photo.crop((90, 40, 410, 360)).resize((32, 32))
    photo.paste(0, (8, 18, 24, 26))
    photo.save(tmp_path / "masked.png")
    arrives = ["degradation=inpaint", "degraded=true", "align=false", f"image={tmp_path}/masked.png"]
    run_here(tmp_path / "found", weights, *arrives, "steps=2")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["image=nowhere.jpg"], "nowhere.jpg"),
        # each of a kind of its own, which tests without a process hold as well
        *[
            pytest.param(overrides, message, marks=pytest.mark.slow)
            for overrides, message in [
                (["regg=1"], "regg"),
                (["steps=0"], "steps must be"),
                (["reg=-1"], "reg must be"),
                (["degradation=blur", "degradation.kernel_size=99"], "kernel_size"),
                (["generator.path=nowhere.pkl"], "nowhere.pkl"),
                (["degradation=blurr"], "blurr"),
                (["device=cuda:99"], "device"),
            ]
        ],
    ],
)
def test_bad_input_ends_with_one_clear_message(
    tmp_path: Path, weights: Path, overrides: list[str], message: str
) -> None:
    done = start(tmp_path, weights, *overrides, "tracking=none")
    assert done.returncode != 0
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    for result in tmp_path.glob("out/result.json"):
        assert json.loads(result.read_text())["status"] == "FAILED"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_an_interrupted_run_is_marked_killed_and_keeps_what_it_reached(
    tmp_path: Path, weights: Path, kind: signal.Signals
) -> None:
    process = subprocess.Popen(
        command(with_store(tmp_path), weights, "steps=100000", "tracking.image_every=0"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        # a shell's background job ignores it
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        losses = tmp_path / "out" / "losses.csv"
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and (not losses.exists() or losses.stat().st_size < 2000):
            time.sleep(0.1)
        process.send_signal(kind)
        _, errors = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    assert process.returncode != 0
    (run,) = runs(tmp_path)
    assert run.info.status == "KILLED", errors.decode()
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names >= {"restored.png", "latents.npz", "losses.csv", "loss.png", "result.json"}
    assert json.loads((tmp_path / "out" / "result.json").read_text())["status"] == "KILLED"
