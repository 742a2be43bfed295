"""What a store has missed is brought in from the folder: everything, and nothing twice."""

from __future__ import annotations

import json
import math
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
import yaml
from mlflow import MlflowClient
from mlflow.entities import Run
from PIL import Image

from inversion.errors import ConfigError
from inversion.record import mlflow_recorder
from inversion.record import sync as syncing
from inversion.record.batch import PhotoSource
from inversion.record.folder_recorder import FolderRecorder, steps
from inversion.record.mlflow_recorder import MLflowRecorder
from inversion.record.mlflow_store import Store, open_client
from inversion.record.own_folder import OwnFolder
from inversion.record.params import flatten
from inversion.record.recorder import Recorder
from inversion.record.run_writer import run_writer
from inversion.record.sync import Synced, behind, bring, bring_in, note_behind, read, sync
from tests.inversion.record.conftest import inputs_of

CONFIG: dict[str, Any] = {
    "steps": 4,
    "loss": {"weight": 1e-5, "name": "1e-3"},
    "phases": [{"share": 0.5, "space": None}],
    "image": "ü.jpg",
    "tracking": {"uri": None},
}
TAGS = {"kind": "job", "photo": "ü.jpg"}
PHOTO = PhotoSource("/photos/ü.jpg", "ab" * 32, 32, 32)
SUMMARY = {"psnr": 21.5, "ssim": math.nan, "fit_psnr": math.inf}


def tell(recorder: Recorder, files: list[Path], until: int = 9) -> None:
    """The calls of a whole record, or the first of them."""
    calls = [
        *(lambda step=step: recorder.log_metrics({"loss": 1 / (1 + step)}, step) for step in range(2)),
        lambda: recorder.log_image("progress", Image.new("RGB", (4, 4)), 0),
        *(lambda step=step: recorder.log_metrics({"loss": 1.0, "late": 2.0}, step) for step in (2, 3)),
        lambda: recorder.log_image("progress", Image.new("RGB", (4, 4)), 3),
        *(lambda path=path: recorder.log_file(path) for path in files),
        lambda: recorder.log_summary(SUMMARY),
    ]
    for call in calls[:until]:
        call()
    recorder.flush()


def recorded(
    folder: Path, store: Store, copied: int | None = None, killed: bool = False, claimed: str | None = None
) -> str | None:
    """A record in a folder, and in the store as many of its calls, or no run at all; the run's id.

    claimed: of a run that the store has already.
    """
    own = OwnFolder(folder)
    files = FolderRecorder(own)
    files.set_tags(TAGS)
    own.keep("config.yaml", yaml.safe_dump(CONFIG, sort_keys=False, allow_unicode=True).encode())
    names = ["config.yaml", "restored.png"]
    Image.new("RGB", (4, 4)).save(own.claim("restored.png"))
    paths = [folder / name for name in names]
    tell(files, paths)
    run_id = claimed
    if copied is not None:
        recorder = open_run(store)
        run_id = recorder.run_id
        tell(recorder, paths, copied)
    run = {"store": asdict(store), "name": "a run", "photo": asdict(PHOTO), "parent": None, "id": run_id}
    own.describe_run(run)
    if not killed:
        files.finish("FINISHED")
    return run_id


def open_run(store: Store) -> MLflowRecorder:
    return MLflowRecorder(store.uri, store.experiment_id, "a run", flatten(CONFIG), TAGS, PHOTO)


def check_complete(store: Store) -> Run:
    """The store has one run, which is equal to the folder's record, with everything once."""
    client = open_client(store.uri)
    (run,) = client.search_runs([store.experiment_id])
    run_id = run.info.run_id
    assert (run.info.status, run.info.run_name) == ("FINISHED", "a run")
    assert run.data.params == flatten(CONFIG)
    assert TAGS.items() <= run.data.tags.items()
    assert [d.dataset.name for d in inputs_of(run)] == ["ü.jpg"]
    assert steps_of(client, run_id, "loss") == [0, 1, 2, 3] and steps_of(client, run_id, "late") == [2, 3]
    assert [m.value for m in client.get_metric_history(run_id, "loss")] == [1.0, 0.5, 1.0, 1.0]
    assert {name: steps_of(client, run_id, name) for name in SUMMARY} == {name: [0] for name in SUMMARY}
    assert run.data.metrics["psnr"] == 21.5 and math.isnan(run.data.metrics["ssim"])
    files = [file.path for file in client.list_artifacts(run_id) if not file.is_dir]
    assert sorted(files) == ["config.yaml", "restored.png"]
    # progress at two steps and the restored face, each with its thumbnail
    assert images(client, run_id) == {("progress", "0"): 2, ("progress", "3"): 2, ("restored", "0"): 2}
    return run


def steps_of(client: MlflowClient, run_id: str, name: str) -> list[int]:
    return [metric.step for metric in client.get_metric_history(run_id, name)]


def images(client: MlflowClient, run_id: str) -> Counter[tuple[str, str]]:
    found = [Path(image.path).name.split("+") for image in client.list_artifacts(run_id, "images")]
    return Counter((name[0], name[2]) for name in found)


def test_a_run_that_the_store_has_missed_is_made_from_its_folder(store: Store, tmp_path: Path) -> None:
    recorded(tmp_path / "run", store)
    run_id = bring(store, read(tmp_path / "run"))
    assert check_complete(store).info.run_id == run_id


@pytest.mark.parametrize("copied", range(9))
def test_a_run_that_the_store_has_half_is_completed_and_nothing_is_doubled(
    store: Store, tmp_path: Path, copied: int
) -> None:
    run_id = recorded(tmp_path / "run", store, copied)
    assert bring(store, read(tmp_path / "run")) == run_id
    check_complete(store)


@pytest.mark.parametrize("copied", [None, 0, 4])
def test_what_another_machine_has_finished_meanwhile_is_not_doubled(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, copied: int | None
) -> None:
    monkeypatch.setitem(TAGS, "fingerprint", "f1")
    recorded(tmp_path / "run", store, copied)
    client = open_client(store.uri)
    twin = client.create_run(store.experiment_id, tags={"fingerprint": "f1"}).info.run_id
    client.set_terminated(twin, "FINISHED")
    assert bring(store, read(tmp_path / "run")) == twin
    (left,) = client.search_runs([store.experiment_id])
    assert left.info.run_id == twin and TAGS.items() <= left.data.tags.items()


def test_a_folder_brought_in_again_changes_nothing(store: Store, tmp_path: Path) -> None:
    recorded(tmp_path / "run", store, 4)
    for _ in range(2):
        bring(store, read(tmp_path / "run"))
    check_complete(store)


def test_what_is_noted_is_brought_in_once(store: Store, tmp_path: Path, cache: Path) -> None:
    recorded(tmp_path / "run", store)
    for _ in range(2):  # noted twice
        note_behind(store, tmp_path / "run")
    assert [folder for _, folder in behind(store)] == [tmp_path / "run"]
    assert sync(store).done == [tmp_path / "run"]
    assert sync(store).done == [] and list(behind(store)) == []
    check_complete(store)


def test_two_processes_that_bring_in_the_same_folder_make_one_run(
    store: Store, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The workers of a sweep whose server is back: each of them looks for what is missing."""
    recorded(tmp_path / "run", store)
    note_behind(store, tmp_path / "run")
    started, make = Barrier(2), syncing.bring

    def slow(*of: Any) -> str:
        time.sleep(0.5)  # the other one has looked by now
        return make(*of)

    def bring(_: int) -> list[Path]:
        started.wait()
        return sync(store).done

    monkeypatch.setattr(syncing, "bring", slow)
    with ThreadPoolExecutor(2) as pool:
        assert sorted(map(len, pool.map(bring, range(2)))) == [0, 1]
    check_complete(store)


def test_each_store_has_notes_of_its_own(store: Store, tmp_path: Path) -> None:
    note_behind(store, tmp_path / "run")
    other = replace(store, uri=f"{store.uri}.other")
    assert list(behind(other)) == [] and len(list(behind(store))) == 1


def test_a_run_that_was_opened_but_not_described_is_not_doubled(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store went away between the run and its params."""
    with monkeypatch.context() as patch:
        patch.setattr(run_writer(store.uri), "write", _away)
        with pytest.raises(OSError, match="away"):
            open_run(store)
    recorded(tmp_path / "run", store)
    bring(store, read(tmp_path / "run"))
    finished = open_client(store.uri).search_runs([store.experiment_id], "attributes.status = 'FINISHED'")
    assert len(finished) == 1 and finished[0].data.params == flatten(CONFIG)


def test_a_run_whose_params_had_not_been_sent_is_completed_and_nothing_is_doubled(
    store: Store, tmp_path: Path
) -> None:
    """The store went away before the first losses; a picture was there, and another process gave the run up."""
    client = open_client(store.uri)
    claimed = mlflow_recorder.open_run(
        store.uri, store.experiment_id, "a run", {"kind": "job", "reason": "killed"}
    )
    client.log_image(claimed, Image.new("RGB", (4, 4)), key="progress", step=0)
    client.set_terminated(claimed, "KILLED")
    recorded(tmp_path / "run", store, claimed=claimed)
    assert bring(store, read(tmp_path / "run")) == claimed
    assert "reason" not in check_complete(store).data.tags


def _away(*_: object, **__: object) -> None:
    raise OSError("away")


def test_half_a_row_that_a_kill_left_is_passed_over(store: Store, tmp_path: Path) -> None:
    recorded(tmp_path / "run", store)
    with (tmp_path / "run" / "losses.csv").open("a") as file:
        file.write("4,0.")
    assert [step for step, _ in steps(tmp_path / "run" / "losses.csv")] == [0, 1, 2, 3]
    bring(store, read(tmp_path / "run"))
    check_complete(store)
    assert list(steps(tmp_path / "nothing.csv")) == []


def test_a_foreign_picture_in_the_folder_is_not_sent(store: Store, tmp_path: Path) -> None:
    recorded(tmp_path / "run", store)
    for name in ("images/me_7.png", "images/progress_0007.png", "me.png"):
        Image.new("RGB", (4, 4)).save(tmp_path / "run" / name)
    bring(store, read(tmp_path / "run"))
    check_complete(store)


def test_a_folder_without_a_result_is_told_of_and_forgotten(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recorded(tmp_path / "run", store, killed=True)
    note_behind(store, tmp_path / "run")
    note_behind(store, tmp_path / "gone")
    assert sync(store).done == [] and list(behind(store)) == []
    assert "has no record any more" in caplog.text
    assert open_client(store.uri).search_runs([store.experiment_id]) == []


BAD_NOTES = (
    b"half of a no",
    b"[]",
    b'{"folder": 1}',
    b'{"folder": "a"}',
    b"\xff",
    b"[" * 100_000,
    b"9" * 5000,
)


@pytest.mark.parametrize("content", BAD_NOTES, ids=range(len(BAD_NOTES)))
def test_a_note_that_cannot_be_read_stays_and_holds_up_no_other(
    content: bytes, store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    note_behind(store, tmp_path / "a lost one")
    ((note, _),) = behind(store)
    note.write_bytes(content)
    recorded(tmp_path / "run", store)
    note_behind(store, tmp_path / "run")
    for brought in ([tmp_path / "run"], []):
        synced = sync(store)
        assert (synced.done, list(synced.damaged)) == (brought, [note])
    assert note.read_bytes() == content and list(behind(store)) == []
    bring_in(store)
    (told,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert told == synced.damaged[note] and str(note) in told and len(told.splitlines()) == 1
    note.write_text(json.dumps({"folder": str(tmp_path / "run")}))  # as it says
    assert sync(store) == Synced([tmp_path / "run"])


@pytest.mark.parametrize("name", ["/" + "a" * 5000, "/" + "b/" * 3000])
def test_a_folder_that_cannot_be_looked_at_stays_noted_and_holds_up_no_other(
    name: str, store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    note_behind(store, tmp_path / "a far one")
    ((note, _),) = behind(store)
    note.write_text(json.dumps({"folder": name}))
    recorded(tmp_path / "run", store)
    note_behind(store, tmp_path / "run")
    synced = sync(store)
    assert synced.done == [tmp_path / "run"] and note.exists()
    (said,) = synced.damaged.values()
    bring_in(store)
    bring_in(store, again=True)
    assert caplog.messages.count(said) == 1
    assert "out of reach: File name too long" in said and str(note) in said and len(said) < 600


def test_a_record_on_a_disk_that_is_not_there_is_not_forgotten(store: Store, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    recorded(disk / "run", store)
    note_behind(store, disk / "run")
    disk.rename(tmp_path / "elsewhere")
    assert list(sync(store).damaged) == [disk / "run"] and len(list(behind(store))) == 1
    (tmp_path / "elsewhere").rename(disk)
    assert sync(store) == Synced([disk / "run"])


def test_a_run_goes_on_without_a_store_that_still_fails(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    recorded(tmp_path / "run", store)
    note_behind(store, tmp_path / "run")
    with monkeypatch.context() as patch:
        patch.setattr(syncing, "MLflowRecorder", _refuse)
        bring_in(store)
    assert "still behind" in caplog.text and "away" in caplog.text and len(list(behind(store))) == 1
    syncing.health_of.cache_clear()
    bring_in(None)
    syncing.health_of(store.uri).failed("away")
    bring_in(store)  # during the pause
    assert len(list(behind(store))) == 1
    syncing.health_of.cache_clear()
    bring_in(store)
    assert list(behind(store)) == []
    check_complete(store)


def _refuse(*_: object, **__: object) -> None:
    raise ConfigError("away")


def test_a_run_that_a_person_has_deleted_holds_up_no_other(store: Store, tmp_path: Path) -> None:
    deleted = recorded(tmp_path / "a deleted one", store, 2)
    recorded(tmp_path / "run", store)
    for name in ("a deleted one", "run"):
        note_behind(store, tmp_path / name)
    open_client(store.uri).delete_run(deleted)  # type: ignore[arg-type]
    sync(store)
    assert list(behind(store)) == []
    check_complete(store)


DAMAGES = (
    ("config.yaml", None),
    ("config.yaml", b""),
    ("tags.json", b"{"),
    ("summary.json", b'{"psnr": "high"}'),
    ("losses.csv", b"step,loss\n0,low\n"),
    ("losses.csv", b"step,loss\n\n"),
    ("restored.png", b"\x89PNG\r\n\x1a\n"),
    ("result.json", b"{}"),
    ("result.json", b'{"status": "DONE", "reason": ""}'),
    ("record.json", b'{"files": [], "run": []}'),
    ("record.json", b'{"files": [], "run": {"photo": {"path": "a.jpg"}}}'),
)


@pytest.mark.parametrize(("name", "content"), DAMAGES)
def test_a_damaged_folder_is_named_and_holds_up_no_other(
    name: str, content: bytes | None, store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for folder in ("a damaged one", "run"):
        recorded(tmp_path / folder, store)
        note_behind(store, tmp_path / folder)
    damaged = tmp_path / "a damaged one"
    whole = {path: path.read_bytes() for path in damaged.iterdir() if path.is_file()}
    (damaged / name).unlink()
    if content is not None:
        (damaged / name).write_bytes(content)
    for brought in ([tmp_path / "run"], []):
        synced = sync(store)
        assert (synced.done, list(synced.damaged)) == (brought, [damaged])
    assert str(damaged) in synced.damaged[damaged]
    bring_in(store)
    assert synced.damaged[damaged] in caplog.text
    check_complete(store)  # the other one, and nothing beside it
    for path, was in whole.items():
        path.write_bytes(was)
    assert sync(store).done == [damaged] and list(behind(store)) == []
