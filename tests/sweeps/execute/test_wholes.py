"""A photo with several faces: a run per face, one photo with all of them, one sheet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
from PIL import Image

from inversion.faces.sample import sample_photo
from inversion.images import read_photo
from inversion.presets import composed
from inversion.record.mlflow_store import open_client
from sweeps.execute import overview
from sweeps.execute.job import Job, PhotoResult
from sweeps.execute.rounds import run_until_done
from sweeps.execute.run_jobs import run_jobs
from sweeps.plan.config import Config

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own, under current SQLAlchemy


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory) -> Path:
    left, right = read_photo(sample_photo()), Image.fromarray(skimage.data.astronaut())
    both = Image.new("RGB", (left.width + right.width, left.height), "grey")
    both.paste(left, (0, 0))
    both.paste(right, (left.width, 0))
    path = tmp_path_factory.mktemp("photos") / "both.png"
    both.save(path)
    return path


def run(folder: Path, uri: str | None, *overrides: str) -> list[PhotoResult]:
    values: dict[str, Any] = dict(
        composed("generator=portraits64", "degradation=blur", "align.face=all", "max_size=256", *overrides)
    )
    values["tracking"] = values["tracking"] | {
        "uri": uri,
        "artifacts": str(folder / "artifacts"),
        "image_every": 0,
        "animation_frames": 0,
    }
    (results,) = run_until_done([Job(Config.of(values), folder, (), "blur")], run_jobs)
    return results


def stored(uri: str) -> list[Any]:
    client = open_client(uri)
    return list(client.search_runs([e.experiment_id for e in client.search_experiments()]))


def test_faces_are_runs_below_one_parent_and_are_not_done_twice(
    tmp_path: Path, group: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    uri, asked = f"sqlite:///{tmp_path}/mlflow.db", ("steps=2", f"image={group}")
    results = run(tmp_path / "one", uri, *asked)
    assert [(r.photo, r.ending.status) for r in results] == [
        ("both.png, face 0", "FINISHED"),
        ("both.png, face 1", "FINISHED"),
    ]
    parent, *faces = sorted(stored(uri), key=lambda one: str(one.data.tags["kind"]))
    assert parent.data.tags["kind"] == "faces" and parent.info.status == "FINISHED"
    assert {one.data.tags["mlflow.parentRunId"] for one in faces} == {parent.info.run_id}
    assert {one.data.params["align.face"] for one in faces} == {"0", "1"}
    assert [file.path for file in open_client(uri).list_artifacts(parent.info.run_id)] == [
        "photo_restored.png"
    ]

    pasted, whole = (np.asarray(Image.open(p)) for p in (tmp_path / "one/both/photo_restored.png", group))
    changed = (pasted != whole).any(axis=2)
    assert changed[:, :400].any() and changed[:, 600:].any()  # both of them
    overview.write(tmp_path / "one", results)
    assert (tmp_path / "one" / "overview.png").is_file()
    assert not (tmp_path / "one" / "both-face0" / "photo_restored.png").exists()

    capsys.readouterr()
    run(tmp_path / "two", uri, *asked)
    assert "put together before, " + str(tmp_path / "one/both/photo_restored.png") in capsys.readouterr().out
    run(tmp_path / "three", uri, "steps=2", f"image={group}", "align.face=1")  # the same run as a face of all
    assert len(stored(uri)) == 3


def test_without_a_store_the_photo_is_put_together_all_the_same(tmp_path: Path, group: Path) -> None:
    run(tmp_path, None, "steps=1", f"image={group}")
    assert (tmp_path / "both" / "photo_restored.png").is_file()


def test_another_ones_file_is_in_the_way_before_any_search(tmp_path: Path, group: Path) -> None:
    (tmp_path / "overview.png").write_bytes(b"mine")
    (result,) = run(tmp_path, None, "steps=1", f"image={group}")
    assert result.ending.status == "FAILED" and "overview.png is in the way" in result.ending.reason
    assert (tmp_path / "overview.png").read_bytes() == b"mine"
