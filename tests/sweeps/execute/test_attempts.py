"""What a job is going to run, and into which folder: whatever an earlier run has recorded stays."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from PIL import Image

from inversion.faces.sample import sample_photo
from inversion.images import read_photo
from inversion.metrics import face_identity
from inversion.presets import composed
from inversion.record.own_folder import OwnFolder
from sweeps.execute import process
from sweeps.execute.attempts import plan
from sweeps.execute.folders import in_place, room
from sweeps.execute.job import Job, PhotoResult
from sweeps.execute.networks import networks
from sweeps.execute.rounds import run_until_done
from sweeps.execute.run_jobs import run_jobs
from sweeps.plan.config import Config
from tests.conftest import live_tensors
from tests.sweeps.execute.test_wholes import stored

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own, under current SQLAlchemy


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two faces of one pixel size, a file that is no photo."""
    folder = tmp_path_factory.mktemp("photos")
    face = read_photo(sample_photo()).resize((64, 64))
    face.save(folder / "a.png")
    face.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(folder / "b.png")
    (folder / "c.png").write_bytes(b"no photo")
    return folder


def job(folder: Path, photo: Path, *overrides: str, uri: str | None = None) -> Job:
    words = (
        "generator=portraits64",
        "degradation=blur",
        "align=false",
        "steps=1",
        "feature_steps=0",
        f"image={photo}",
        *overrides,
    )
    values: dict[str, Any] = dict(composed(*words))
    quiet = {"image_every": 0, "animation_frames": 0, "artifacts": str(folder / "artifacts")}
    values["tracking"] = values["tracking"] | quiet | {"uri": uri}
    return Job(Config.of(values), folder, (), "blur")


def run(*of: Job) -> list[PhotoResult]:
    return [result for results in run_until_done(of, run_jobs) for result in results]


def test_a_second_round_plans_only_what_it_is_asked_for(tmp_path: Path, photos: Path) -> None:
    whole = job(tmp_path, photos)
    model, _ = networks(whole.config)
    first, a, b = plan(whole, model)
    assert isinstance(first, PhotoResult) and first.photo == "c.png"
    assert not isinstance(a, PhotoResult) and not isinstance(b, PhotoResult)
    (again,) = plan(replace(whole, only=frozenset([b.fingerprint])), model)
    assert not isinstance(again, PhotoResult)
    # not the folder of a job of one photo
    assert (again.fingerprint, again.folder) == (b.fingerprint, b.folder)


def test_a_finished_record_stays_when_its_folder_is_used_again(
    tmp_path: Path, photos: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """hydra.run.dir=out: other settings, another photo, the same once more, a folder of photos."""
    out, asked = tmp_path / "out", photos / "a.png"
    (first,) = run(job(out, asked))
    content = (out / "result.png").read_bytes()
    (second,) = run(job(out, asked, "reg=0.1"))
    (third,) = run(job(out, photos / "b.png"))
    (fourth,) = run(job(out, asked))
    assert [one.folder for one in (first, second, third, fourth)] == [
        out,
        *(out / f"run_{number}" for number in (2, 3, 4)),
    ]
    assert f"{out} holds the record of a.png, FINISHED, which stays" in caplog.text
    several = run(job(out, photos))
    assert [one.ending.status for one in several] == ["FAILED", "FINISHED", "FINISHED"]
    assert (out / "result.png").read_bytes() == content
    for one in (first, second, third, fourth):
        assert (one.folder / "result.png").is_file() and (one.folder / "result.json").is_file()


def test_the_store_knows_where_a_record_lies_that_had_to_give_way(tmp_path: Path, photos: Path) -> None:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    out = tmp_path / "out"
    run(job(out, photos / "a.png", uri=uri))
    (second,) = run(job(out, photos / "a.png", "reg=0.1", uri=uri))
    latest, _ = stored(uri)
    assert latest.data.tags["folder"] == str(out / "run_2") == str(second.folder)
    assert json.loads((out / "run_2" / "tags.json").read_text())["folder"] == str(out / "run_2")
    (again,) = run(job(tmp_path / "other", photos / "a.png", "reg=0.1", uri=uri))
    assert again.folder == out / "run_2"


def test_a_process_holds_no_more_tensors_the_more_points_it_runs(tmp_path: Path, photos: Path) -> None:
    """Each call is one group of points that a batched sweep composes together."""
    uri = f"sqlite:///{tmp_path}/mlflow.db"

    def held_after(*numbers: int) -> int:
        varied = {
            n: (f"reg=0.{n}", f"learning_rate=0.{n}", f"seed={n}", f"degradation.sigma={n}") for n in numbers
        }
        results = run(
            *(job(tmp_path / str(n), photos / "a.png", *words, uri=uri) for n, words in varied.items())
        )
        assert [result.ending.status for result in results] == ["FINISHED"] * len(numbers)
        face_identity._described.cache_clear()  # of the last 64 faces
        return live_tensors()

    assert held_after(1, 2) == held_after(3, 4)


def recorded(folder: Path, tags: Mapping[str, str], status: str | None) -> None:
    own = OwnFolder(folder)
    own.keep("tags.json", json.dumps({"photo": "me.jpg", "fingerprint": "f1", **tags}).encode())
    if status is not None:
        own.keep("result.json", json.dumps({"status": status}).encode())


GONE = {**process.tags(), "process_started": "long ago"}
OTHERS = {**process.tags(), "pid": "1", "process_started": process.started(1) or ""}
FAR = {**process.tags(), "host": "node3"}


@pytest.mark.parametrize(
    ("tags", "status", "fingerprint", "is_claimed", "stays"),
    [
        (GONE, "FINISHED", "f1", True, "me.jpg, FINISHED"),
        (GONE, "KILLED", "f1", False, None),
        (GONE, "KILLED", "f2", False, "me.jpg, KILLED"),
        (GONE, None, "f1", False, None),
        (GONE, None, "f2", False, "me.jpg, not ended"),
        (OTHERS, None, "f1", False, "me.jpg, which process 1 on"),
        (FAR, None, "f1", False, "on node3 is restoring"),
        (FAR, None, "f1", True, None),  # the store knows that nobody is
        (process.tags(), None, "f1", False, None),
    ],
)
def test_only_an_ended_attempt_at_the_same_problem_is_replaced(
    tmp_path: Path,
    tags: Mapping[str, str],
    status: str | None,
    fingerprint: str,
    is_claimed: bool,
    stays: str | None,
) -> None:
    recorded(tmp_path, tags, status)
    kept = in_place(tmp_path, fingerprint, is_claimed)
    assert kept is None if stays is None else kept is not None and stays in kept
    with room(tmp_path, fingerprint, is_claimed) as folder:
        assert folder == (tmp_path if stays is None else tmp_path / "run_2")


def test_a_record_without_tags_stays_as_long_as_its_files_are_there(tmp_path: Path) -> None:
    OwnFolder(tmp_path).keep("overview.png", b"of an earlier version")
    assert in_place(tmp_path, "f1", is_claimed=False) == "an earlier run"
    (tmp_path / "overview.png").unlink()
    assert in_place(tmp_path, "f1", is_claimed=False) is None


def test_of_two_commands_with_one_folder_only_one_gets_it(tmp_path: Path) -> None:
    """The second one waits until the first one has said whose folder it is."""
    started = Barrier(2)

    def take() -> Path:
        started.wait()
        with room(tmp_path, "f1", is_claimed=False) as folder:
            time.sleep(0.1)
            recorded(folder, OTHERS, None)  # as another process would
            return folder

    with ThreadPoolExecutor(2) as pool:
        taken = [pool.submit(take) for _ in range(2)]
    assert sorted(one.result() for one in taken) == [tmp_path, tmp_path / "run_2"]
