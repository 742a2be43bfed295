"""A photo with several faces: a run per face, one photo with all of them, one sheet."""

from __future__ import annotations

from dataclasses import replace
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
from inversion.record.record import Ending
from sweeps.execute import overview, process
from sweeps.execute.job import Awaited, Job, PhotoResult
from sweeps.execute.ledger import Elsewhere
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
        composed(
            "generator=portraits64",
            "degradation=blur",
            "feature_steps=0",
            "align.face=all",
            "max_size=256",
            *overrides,
        )
    )
    values["tracking"] = values["tracking"] | {
        "uri": uri,
        "artifacts": str(folder / "artifacts"),
        "image_every": 0,
        "animation_frames": 0,
    }
    (results,) = run_until_done([Job(Config.of(values), folder, (), "blur")], run_jobs)
    return results


def runs_of(uri: str, kind: str) -> list[Any]:
    return [one for one in stored(uri) if one.data.tags["kind"] == kind]


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


def test_paste_false_leaves_the_photo_as_it_is(tmp_path: Path, group: Path) -> None:
    results = run(tmp_path, None, "steps=1", f"image={group}", "paste=false")
    assert [one.ending.status for one in results] == ["FINISHED", "FINISHED"]
    assert not list(tmp_path.rglob("photo_restored.png"))


def test_a_photo_whose_other_face_another_process_has_restored_is_put_together(
    tmp_path: Path, group: Path
) -> None:
    """Neither of two that were started at once restores both faces."""
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    mine, others = run(tmp_path / "one", uri, "steps=1", f"image={group}")
    (whole,) = runs_of(uri, "faces")
    open_client(uri).delete_run(whole.info.run_id)
    (run_id,) = (one.info.run_id for one in runs_of(uri, "job") if one.data.params["align.face"] == "1")

    def first_round(_: Any) -> list[list[PhotoResult | Awaited]]:
        parts = [
            replace(one.part, whole=tmp_path / "two" / "both")
            for one in (mine, others)
            if one.part is not None
        ]
        elsewhere = Elsewhere(run_id, "process 12 on node3")
        awaited = Awaited(others.job, others.photo, (others.fingerprint,), others.folder, elsewhere, parts[1])
        return [[replace(mine, part=parts[0]), awaited]]

    run_until_done([mine.job], first_round)
    assert (tmp_path / "two" / "both" / "photo_restored.png").is_file()
    assert [one.info.status for one in runs_of(uri, "faces")] == ["FINISHED"]

    (tmp_path / "two" / "both" / "photo_restored.png").unlink()
    run(tmp_path / "three", uri, "steps=1", f"image={group}")
    assert (tmp_path / "three" / "both" / "photo_restored.png").is_file()  # its faces are still there


def test_the_run_of_another_live_process_is_left_to_it(tmp_path: Path, group: Path) -> None:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    (result, _) = run(tmp_path / "alone", None, "steps=1", f"image={group}")
    run(tmp_path / "first", uri, "steps=1", "input=synthetic", "align.face=null")  # makes the store
    assert result.part is not None
    tags = {"kind": "faces", "fingerprint": result.part.fingerprint} | process.tags()
    tags |= {"pid": "1", "process_started": process.started(1) or ""}
    other = open_client(uri).create_run(stored(uri)[0].info.experiment_id, tags=tags).info.run_id
    run(tmp_path / "one", uri, "steps=1", f"image={group}")
    (whole,) = runs_of(uri, "faces")
    assert (whole.info.run_id, whole.info.status) == (other, "RUNNING") and whole.data.tags["pid"] == "1"
    below = [one for one in runs_of(uri, "job") if one.data.tags.get("mlflow.parentRunId") == other]
    assert len(below) == 2 and (tmp_path / "one" / "both" / "photo_restored.png").is_file()


def test_a_name_with_a_line_break_costs_no_overview(tmp_path: Path) -> None:
    job = Job(Config.of(dict(composed("generator=portraits64"))), tmp_path, (), "none")
    results = [
        PhotoResult(job, name, "", Ending("FAILED", "no face", {}), tmp_path)
        for name in ("a\nb.png", "c.png")
    ]
    overview.write(tmp_path, results)
    assert (tmp_path / "overview.png").is_file()


def test_an_overview_replaces_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither a person's file of that name nor the sheet of earlier photos."""
    (tmp_path / "overview.png").write_bytes(b"mine")
    job = Job(Config.of(dict(composed("generator=portraits64"))), tmp_path, (), "none")
    for name in ("overview_2.png", "overview_3.png"):
        overview.write(
            tmp_path, [PhotoResult(job, "a.png", "", Ending("FAILED", "no face", {}), tmp_path)] * 2
        )
        assert f"at a glance: {tmp_path / name}" in capsys.readouterr().out
    assert (tmp_path / "overview.png").read_bytes() == b"mine"
