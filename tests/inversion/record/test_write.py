"""What a restoration leaves in its folder."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from inversion.checkpoints.sources import file
from inversion.degradations.blur import GaussianBlur
from inversion.errors import ConfigError
from inversion.faces.found import Found
from inversion.latents.latents_file import load_latents, load_start
from inversion.losses.perceptual_loss import PerceptualLoss
from inversion.metrics.psnr import psnr
from inversion.model import Model, build
from inversion.passes import restore
from inversion.photo import Photo, Restored, with_faces
from inversion.photos import Synthetic
from inversion.record import open as opening
from inversion.record.mlflow_store import Store
from inversion.record.open import open_record
from inversion.record.own_folder import MANIFEST, read_manifest
from inversion.record.sync import behind
from inversion.record.write import FILES, PICTURES
from inversion.restoration import Problem, Restoration
from inversion.search.hyperparameters import Hyperparameters

SEARCH = Hyperparameters(steps=5, space="w+")
TUNED = replace(SEARCH, tuning_steps=12, tuning_rate=3e-3)
PIXELS = torch.rand([3, 8, 8], generator=torch.Generator().manual_seed(0)).repeat_interleave(4, 1)
PHOTO = Photo("face", PIXELS.repeat_interleave(4, 2) * 2 - 1, "ab" * 32)
CONFIG = {"seed": 0, "paste": False, "tracking": {"image_every": 0, "animation_frames": 0}}
STORE = Store("sqlite:////nowhere/mlflow.db", "faces", "1")
OF_SAMPLES = {"samples.png", "samples_mean.png", "samples_spread.png"}


def run(
    model: Model, loss: PerceptualLoss, folder: Path, problem: Problem, **tracking: Any
) -> tuple[Restoration, dict[str, float]]:
    """Restore and record; the restoration and the recorded metrics."""
    config = CONFIG | {"tracking": CONFIG["tracking"] | tracking}  # type: ignore[operator]
    record = open_record(problem, config, "a run", {"kind": "job"}, folder, None)
    (found,) = restore(model, loss, [problem], [record])
    ending = record.finish(found)
    assert isinstance(found, Restoration) and (ending.status, ending.reason) == ("FINISHED", "")
    return found, json.loads((folder / "result.json").read_text())["summary"]


def blurred(settings: Hyperparameters) -> Problem:
    return Problem(PHOTO, GaussianBlur(3), settings)


def picture(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).copy(), float)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_every_file_is_listed_as_the_records_own_and_as_an_artifact(
    model: Model, loss: PerceptualLoss, tmp_path: Path
) -> None:
    run(model, loss, tmp_path, blurred(SEARCH), animation_frames=3)
    manifest = read_manifest(tmp_path)
    assert set(manifest["files"]) | {MANIFEST} == names(tmp_path)
    assert set(manifest["artifacts"]) == (names(tmp_path) & {*FILES}) | {"config.yaml"}
    assert {"panel.png", "original.png", "degraded.png", "restored.png", "progress.webp"} <= names(tmp_path)


def test_samples_have_pictures_of_their_own(model: Model, loss: PerceptualLoss, tmp_path: Path) -> None:
    for count in (1, 3):
        run(model, loss, tmp_path / str(count), blurred(replace(SEARCH, samples=count)))
    assert not names(tmp_path / "1") & OF_SAMPLES
    each = {"sample_1.png", "sample_2.png", "sample_3.png"}
    assert names(tmp_path / "3") >= OF_SAMPLES | each and not names(tmp_path / "1") & each


def test_the_best_sample_is_the_picture_to_take_home(
    model: Model, loss: PerceptualLoss, tmp_path: Path
) -> None:
    found, _ = run(model, loss, tmp_path, blurred(replace(SEARCH, samples=3)))
    best = 1 + max(range(3), key=found.fits.__getitem__)
    assert (picture(tmp_path / f"sample_{best}.png") == np.asarray(found.image)).all()
    assert len({(tmp_path / f"sample_{n}.png").read_bytes() for n in (1, 2, 3)}) == 3


def test_somebody_elses_picture_of_a_samples_name_stops_the_run_before_the_search(
    model: Model, loss: PerceptualLoss, tmp_path: Path
) -> None:
    (tmp_path / "sample_2.png").write_bytes(b"mine")
    with pytest.raises(ConfigError, match="sample_2.png is in the way"):
        run(model, loss, tmp_path, blurred(replace(SEARCH, samples=2)))


def test_the_record_is_of_the_tuned_generator_and_says_what_was_before(
    model: Model, loss: PerceptualLoss, tmp_path: Path
) -> None:
    _, plain = run(model, loss, tmp_path / "plain", blurred(SEARCH))
    _, tuned = run(model, loss, tmp_path / "tuned", blurred(TUNED))
    own = {"untuned.png", "tuned.safetensors", "tuning.png"}
    assert not names(tmp_path / "plain") & own and names(tmp_path / "tuned") >= own
    untuned = picture(tmp_path / "tuned" / "untuned.png")
    assert (untuned == picture(tmp_path / "plain" / "restored.png")).all()
    shown = torch.from_numpy(picture(tmp_path / "tuned" / "restored.png")).permute(2, 0, 1)[None] / 127.5 - 1
    assert psnr(shown, PHOTO.image[None]).item() == pytest.approx(tuned["psnr"], abs=0.05)
    assert tuned["untuned_psnr"] == pytest.approx(plain["psnr"], rel=1e-5)


def test_losses_of_tuning_follow_the_searchs_in_columns_of_their_own(
    model: Model, loss: PerceptualLoss, tmp_path: Path
) -> None:
    run(model, loss, tmp_path, blurred(TUNED))
    header, *rows = csv.reader((tmp_path / "losses.csv").read_text().splitlines())
    assert [int(row[0]) for row in rows] == list(range(5 + 12))
    assert header[-3:] == ["tuning_loss", "tuning_discriminator", "tuning_locality"]
    assert rows[4][-2:] == ["", ""] and rows[5][1] == ""
    assert json.loads((tmp_path / "result.json").read_text())["last_step"] == 16


def test_the_kept_checkpoint_and_latents_draw_the_restoration_again(
    model: Model, loss: PerceptualLoss, tmp_path: Path
) -> None:
    run(model, loss, tmp_path / "0", blurred(TUNED))
    kept = file(str(tmp_path / "0" / "tuned.safetensors"))
    assert kept.license == "the base's own" and kept.w_std == 1.0
    start = load_start(str(tmp_path / "0" / "latents.npz"), model.generator.architecture)
    again = replace(blurred(replace(SEARCH, steps=1)), start=start)
    run(build(kept, torch.device("cpu")), loss, tmp_path / "again", again)
    restored = [picture(tmp_path / name / "restored.png") for name in ("0", "again")]
    assert np.abs(restored[0] - restored[1]).max() <= 1
    assert np.abs(restored[0] - picture(tmp_path / "0" / "untuned.png")).max() > 5


def test_the_kept_latents_are_the_found_ones(model: Model, loss: PerceptualLoss, tmp_path: Path) -> None:
    found, _ = run(model, loss, tmp_path, blurred(SEARCH))
    latents = load_latents(tmp_path / "latents.npz")
    assert torch.equal(latents.ws[0], found.ws) and latents.seed == found.seed
    assert all(torch.equal(a, b) for a, b in zip(latents.noises, found.noises, strict=True))


def test_the_kernel_that_was_found_is_recorded(model: Model, loss: PerceptualLoss, tmp_path: Path) -> None:
    (photo,) = Synthetic().load(model.generator).photos
    problem = Problem(photo, GaussianBlur("auto"), SEARCH, degraded=True)
    _, summary = run(model, loss, tmp_path, problem)
    assert f'"found_kernel_size": {summary["found_kernel_size"]}' in (tmp_path / "summary.json").read_text()
    assert "original.png" not in names(tmp_path)


def test_what_was_there_before_the_search_is_kept(model: Model, loss: PerceptualLoss, tmp_path: Path) -> None:
    """A synthetic face has its generator's mean face and the first picture, a photo that was aligned its landmarks."""
    (photo,) = Synthetic().load(model.generator).photos
    run(model, loss, tmp_path / "face", Problem(photo, hyperparameters=replace(SEARCH, jitter=0.0)))
    assert names(tmp_path / "face") & {"first.png", "mean_face.png", "alignment.png"} == {
        "first.png",
        "mean_face.png",
    }
    w_avg = model.generator.mapping.w_avg.expand(1, model.generator.architecture.num_ws, -1)
    rng = torch.Generator().manual_seed(0)
    # Of the face itself, before its noise.
    torch.randn([1, model.generator.architecture.z_dim], generator=rng)
    noises = [torch.randn([1, 1, r, r], generator=rng) for r in model.generator.synthesis.noise_resolutions]
    expected = model.generator.synthesis(w_avg, noises)[0].clamp(-1, 1)
    drawn = picture(tmp_path / "face" / "mean_face.png") / 127.5 - 1
    np.testing.assert_allclose(drawn, expected.permute(1, 2, 0).numpy(), atol=1.01 / 127.5)
    found = Found(Image.new("RGB", (40, 30)), np.full((68, 2), 15.0), np.eye(4, 2) * 20)
    run(model, loss, tmp_path / "photo", Problem(replace(PHOTO, found=found), hyperparameters=SEARCH))
    assert names(tmp_path / "photo") & {"first.png", "mean_face.png", "alignment.png"} == {"alignment.png"}


def test_a_face_without_a_photo_is_not_pasted(model: Model) -> None:
    with pytest.raises(ConfigError, match="paste=true puts the face back into its photo"):
        with_faces([Restored(PHOTO, Image.new("RGB", (4, 4)))])


@pytest.mark.parametrize("name", ["config.yaml", *PICTURES, "latents.npz", "result.json", "record.json"])
def test_a_photo_in_the_runs_own_folder_is_refused_by_name_and_survives(tmp_path: Path, name: str) -> None:
    """hydra.run.dir=. with a photo that is named like a file of the record."""
    (tmp_path / name).write_bytes(b"the only picture of her")
    with pytest.raises(ConfigError, match=rf"{name} is in the way.*hydra\.run\.dir=FOLDER"):
        open_record(blurred(SEARCH), CONFIG, "a run", {}, tmp_path, None)
    assert names(tmp_path) == {name}
    assert (tmp_path / name).read_bytes() == b"the only picture of her"


def test_a_second_run_in_the_same_folder_replaces_the_first_ones_files(
    model: Model, loss: PerceptualLoss, tmp_path: Path
) -> None:
    (tmp_path / "me.jpg").write_bytes(b"mine")
    run(model, loss, tmp_path, blurred(replace(TUNED, samples=2)), animation_frames=3)
    assert names(tmp_path) >= OF_SAMPLES
    run(model, loss, tmp_path, blurred(SEARCH))
    assert not names(tmp_path) & {*OF_SAMPLES, "untuned.png", "tuned.safetensors", "progress.webp"}
    assert (tmp_path / "me.jpg").read_bytes() == b"mine"


def test_a_store_that_is_away_when_a_record_is_opened_is_behind_from_the_start(
    model: Model, loss: PerceptualLoss, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise ConfigError("MLflow cannot be reached")

    monkeypatch.setattr(opening, "MLflowRecorder", away)
    folder = tmp_path / "run"
    record = open_record(blurred(SEARCH), CONFIG, "ü", {}, folder, STORE, "the sweep's id")
    assert record.is_behind
    (found,) = restore(model, loss, [record.problem], [record])
    assert record.finish(found).status == "FINISHED"
    assert json.loads((folder / "result.json").read_text())["status"] == "FINISHED"
    assert [noted for _, noted in behind(STORE)] == [folder]
    assert read_manifest(folder)["run"] == {
        "store": {"uri": STORE.uri, "experiment": "faces", "experiment_id": "1"},
        "name": "ü",
        "photo": {"uri": "face", "sha256": "ab" * 32, "width": 32, "height": 32},
        "parent": "the sweep's id",
        "id": None,
    }
