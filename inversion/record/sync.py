"""Bring records that a store has missed into it, from their folders: no search is done again, nothing is doubled."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import yaml
from PIL import Image

from inversion.checkpoints.download import cache_folder
from inversion.errors import ConfigError
from inversion.reading.printable import printable
from inversion.record.batch import PhotoSource
from inversion.record.folder_recorder import IMAGES, LOSSES, RESULT, SUMMARY, TAGS, steps
from inversion.record.mlflow_recorder import MLflowRecorder
from inversion.record.mlflow_store import Store, clear_errors, open_client, reason
from inversion.record.own_folder import is_inside, read_manifest
from inversion.record.params import flatten
from inversion.record.store_copy import health_of
from inversion.restoration import Status
from inversion.runtime.atomic import write_file

if TYPE_CHECKING:
    from mlflow.entities import Run

log = logging.getLogger(__name__)

LOCKED = 120.0  # seconds for another process that brings runs in


def note_behind(store: Store, folder: Path) -> None:
    """Remember that a store lacks a part of a folder's record, until `sync` has brought it in."""
    write_file(_note(store.uri, folder), json.dumps({"folder": str(folder.resolve())}).encode())


def behind(store: Store) -> Iterator[tuple[Path, Path]]:
    """Notes and the folders that they name, of this experiment; a folder that is gone belongs to every one."""
    for note, folder in _noted(store.uri):
        if _experiment(folder) in (store.experiment, None):
            yield note, folder


def experiments_behind(uri: str) -> set[str]:
    """Those of a store that lack runs."""
    return {name for _, folder in _noted(uri) if (name := _experiment(folder)) is not None}


def unreadable(uri: str) -> dict[Path, str]:
    """Notes of a store that cannot be read, and what is to be done: nothing else may say what MLflow lacks."""
    return {note: folder for note, folder in _all_notes(uri) if isinstance(folder, str)}


def _noted(uri: str) -> Iterator[tuple[Path, Path]]:
    return ((note, folder) for note, folder in _all_notes(uri) if isinstance(folder, Path))


def _all_notes(uri: str) -> Iterator[tuple[Path, Path | str]]:
    """Each with its folder, or with why it cannot be read."""
    for note in sorted(_notes(uri).glob("*.json")):
        try:
            folder = Path(json.loads(note.read_text(encoding="utf-8"))["folder"])
            if not folder.is_absolute() or "\0" in str(folder):
                raise ValueError("it names no folder")
            yield note, folder
        except FileNotFoundError:  # another process has brought it in
            continue
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            yield (
                note,
                f"MLflow lacks a record whose note cannot be read ({printable(error, 100)}): {note}. It stays; "
                'write {"folder": "/where/the/record/is"} into it, or remove it.',
            )


def _experiment(folder: Path) -> str | None:
    """In which a folder's run was to be recorded; None where nothing says so any more."""
    found: Any = read_manifest(folder)
    for name in ("run", "store", "experiment"):
        found = found.get(name) if isinstance(found, dict) else None
    return None if found is None else str(found)


@dataclass
class Synced:
    """What came of the folders that a store was behind with."""

    done: list[Path] = field(default_factory=list)
    # Folders, and notes, that cannot be read, and what is to be done about each: noted as before.
    damaged: dict[Path, str] = field(default_factory=dict)


def sync(store: Store) -> Synced:
    """Bring in every folder that is noted. Raises ConfigError, OSError of the store.

    One process of this machine at a time: two that bring in the same folder would each make a run of it.
    """
    from filelock import FileLock

    synced = Synced(damaged=unreadable(store.uri))
    if not any(behind(store)):
        return synced
    with FileLock(_notes(store.uri) / ".lock", timeout=LOCKED):
        for note, folder in behind(store):
            if (why := _out_of_reach(folder)) is not None:
                synced.damaged[folder] = (
                    f"MLflow lacks {printable(folder, 200)}, which is out of reach: {why}. If it is gone for good, "
                    f"remove {note}."
                )
                continue
            if not (folder / RESULT).is_file():
                log.warning("%s has no record any more: MLflow keeps what it has of it", folder)
                note.unlink(missing_ok=True)
                continue
            try:
                found = read(folder)
            except Damaged as error:
                synced.damaged[folder] = str(error)
                continue
            with clear_errors(store.uri):
                bring(store, found)
            synced.done.append(folder)
            note.unlink(missing_ok=True)
    if synced.done:
        log.info("MLflow has got %d runs that it had missed", len(synced.done))
    return synced


def _out_of_reach(folder: Path) -> str | None:
    """Why nobody can tell what a folder holds; None: one can."""
    try:
        (folder / RESULT).is_file()
        return None if folder.parent.is_dir() else "its disk may not be there"
    except OSError as error:  # another user's folder, a name that is too long
        return str(error.strerror)


def bring_in(store: Store | None, again: bool = False) -> None:
    """As `sync`, for a run that goes on without it where the store still fails. again: though it failed just now."""
    if store is None or (health_of(store.uri).is_away and not again):
        return
    try:
        for what in sync(store).damaged.values():
            health_of(store.uri).lacks(what)
    except (ValueError, OSError) as error:
        health_of(store.uri).failed(reason(error))
        log.warning("MLflow is still behind (%s)", reason(error))


class Damaged(ConfigError):
    """A folder whose record cannot be read."""


@dataclass(frozen=True)
class Recorded:
    """A folder's record."""

    folder: Path
    config: Mapping[str, Any]
    tags: Mapping[str, str]
    summary: Mapping[str, float]
    steps: Sequence[tuple[int, Mapping[str, float]]]  # step, values
    pictures: Sequence[tuple[str, int, Path]]  # name and step of those on the slider
    files: Sequence[Path]
    run: Mapping[str, Any]  # what record.json says of it
    photo: PhotoSource | None
    status: Status
    reason: str


def read(folder: Path) -> Recorded:
    """Raises Damaged where a part of it is missing or is not what it should be."""
    try:
        manifest, result = read_manifest(folder), _json(folder / RESULT)
        run, files = manifest.get("run", {}), manifest.get("files", ())
        if not (isinstance(run, dict) and isinstance(files, (list, tuple))):
            raise TypeError("record.json is damaged")
        if result["status"] not in get_args(Status):
            raise ValueError(f"result.json has the status {result['status']!r}")
        pictures = [
            (key, int(step), image)
            for image in sorted((folder / IMAGES).glob("*_*.png"))
            for key, _, step in [image.stem.rpartition("_")]
            if step.isdigit() and f"{IMAGES}/{image.name}" in files
        ]
        if (folder / "restored.png").is_file():
            pictures.append(("restored", 0, folder / "restored.png"))
        for _, _, path in pictures:
            with Image.open(path) as picture:
                picture.verify()
        return Recorded(
            folder,
            dict(yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))),
            _json(folder / TAGS),
            {name: float(value) for name, value in _json(folder / SUMMARY).items()},
            list(steps(folder / LOSSES)),
            pictures,
            [
                folder / n
                for n in manifest.get("artifacts", ())
                if is_inside(folder, n) and (folder / n).is_file()
            ],
            run,
            PhotoSource(**run["photo"]) if "photo" in run else None,
            result["status"],
            str(result["reason"]),
        )
    except Exception as error:  # of csv, Pillow, YAML and whatever else reads a damaged file
        said = f"{type(error).__name__}: {error}".splitlines()[0]
        raise Damaged(
            f"MLflow lacks {folder}, whose record cannot be read ({said}). Mend it, or remove the folder."
        ) from error


def bring(store: Store, record: Recorded) -> str:
    """Make a store's run equal to a folder's record; returns the run's id. Raises ConfigError, OSError."""
    run, tags = record.run, record.tags
    known = _known(store, run.get("id"))
    if known is not None and known.info.lifecycle_stage == "deleted":
        log.info("MLflow's run of %s was deleted there and stays so", record.folder)
        return str(known.info.run_id)
    if record.status == "FINISHED" and not record.config.get("rerun"):
        twin = _finished_by_another(store, tags, known)
        if twin is not None:
            log.info("%s was finished by another machine, too: MLflow keeps that run", record.folder)
            return twin
    recorder = MLflowRecorder(
        store.uri,
        store.experiment_id,
        run.get("name", record.folder.name),
        flatten(record.config),
        tags,
        record.photo,
        run.get("parent"),
        None if known is None else str(known.info.run_id),
    )
    for step, values in record.steps:
        recorder.log_metrics(values, step)
    for key, step, path in record.pictures:
        with Image.open(path) as picture:
            recorder.log_image(key, picture, step)
    for path in record.files:
        recorder.log_file(path)
    recorder.log_summary(record.summary)
    recorder.finish(record.status, record.reason)
    return recorder.run_id


def _known(store: Store, run_id: str | None) -> Run | None:
    """The run, where the store has it: one that was away when it was to be made has not."""
    from mlflow.exceptions import MlflowException

    try:
        return None if run_id is None else open_client(store.uri).get_run(run_id)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return None


def _finished_by_another(store: Store, tags: Mapping[str, str], known: Run | None) -> str | None:
    """The id of another finished run of the same problem, which then stands for this one, in its sweeps as well.

    Whoever could not ask the store may have done what somebody else did. known: this one's, as the store has it.
    """
    if "fingerprint" not in tags or (known is not None and known.info.status == "FINISHED"):
        return None
    client = open_client(store.uri)
    wanted = f"tags.fingerprint = '{tags['fingerprint']}' and attributes.status = 'FINISHED'"
    twin = next(iter(client.search_runs([store.experiment_id], wanted, max_results=1)), None)
    if twin is None:
        return None
    for name in tags.keys() - twin.data.tags.keys():
        client.set_tag(twin.info.run_id, name, tags[name])
    if known is not None:
        client.set_terminated(known.info.run_id, "KILLED")
        client.delete_run(known.info.run_id)
    return str(twin.info.run_id)


def _notes(uri: str) -> Path:
    """One folder per store, in the cache of whoever runs."""
    return cache_folder() / "behind" / hashlib.sha256(uri.encode()).hexdigest()[:16]


def _note(uri: str, folder: Path) -> Path:
    digest = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:16]
    return _notes(uri) / f"{digest}.json"


def _json(path: Path) -> Mapping[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}
