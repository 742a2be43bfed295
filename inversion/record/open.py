"""Open the store, and in it the record of one problem: its folder always, an MLflow run where there is a store."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from inversion.errors import ConfigError
from inversion.metrics.metric import load_metrics
from inversion.record.batch import PhotoSource
from inversion.record.folder_recorder import LOSSES, RESULT, SUMMARY, TAGS, FolderRecorder
from inversion.record.mlflow_recorder import MLflowRecorder
from inversion.record.mlflow_store import Store, patiently, prepare_store, reason
from inversion.record.own_folder import OwnFolder
from inversion.record.params import flatten
from inversion.record.record import Record
from inversion.record.store_copy import StoreCopy, health_of
from inversion.record.write import FILES, sample_files
from inversion.record.writer import Background, process_writer
from inversion.restoration import Problem

CONFIG = "config.yaml"
# PyYAML may be installed without its C part, ten times slower
DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def open_store(
    uri: str | None, experiment: str, artifacts: str | None, home: Path, experiment_id: str | None = None
) -> Store | None:
    """The store and its experiment, both made where they are not there yet; None: nothing is tracked.

    home: where relative paths of `uri` and `artifacts` start. experiment_id: of an experiment that is there; the store
    is not asked then, and may be away. Raises ConfigError.
    """
    if uri is None:
        return None
    uri = absolute_uri(uri, home)
    if experiment_id is not None:
        return Store(uri, experiment, experiment_id)
    return Store(
        uri, experiment, prepare_store(uri, experiment, None if artifacts is None else home / artifacts)
    )


def absolute_uri(uri: str, home: Path) -> str:
    """sqlite:///mlflow.db -> sqlite:////<home>/mlflow.db; anything else unchanged."""
    prefix = "sqlite:///"
    return prefix + str(home / uri.removeprefix(prefix)) if uri.startswith(prefix) else uri


def open_record(
    problem: Problem,
    config: Mapping[str, Any],  # the whole composed configuration
    name: str,  # of the run, for people
    tags: Mapping[str, str],
    folder: Path,
    store: Store | None,
    parent: str | None = None,  # id of the run that this one is shown below
    run_id: str | None = None,  # of a run that `open_run` has opened for it; None: open one
) -> Record:
    """A store that fails now is behind from the start.

    Raises ConfigError and OSError for a folder that cannot be used.
    """
    own = OwnFolder(folder)
    own.check([CONFIG, LOSSES, SUMMARY, TAGS, RESULT, *FILES, *sample_files(problem.hyperparameters.samples)])
    files = Background(FolderRecorder(own), process_writer("folders"))
    files.set_tags(tags)
    own.keep(CONFIG, as_yaml(config))
    files.log_file(folder / CONFIG)
    files.flush()
    copy = None
    if store is not None:
        side = problem.photo.image.shape[-1]
        photo = PhotoSource(str(problem.photo.path or problem.photo.name), problem.photo.sha256, side, side)
        run = {"store": asdict(store), "name": name, "photo": asdict(photo), "parent": parent}
        params = flatten(config)
        recorder = None
        try:
            if not health_of(store.uri).is_away:
                recorder = patiently(
                    lambda: MLflowRecorder(
                        store.uri,
                        store.experiment_id,
                        name,
                        params,
                        tags,
                        photo,
                        parent,
                        run_id,
                        is_empty=True,
                    )
                )
        except (ConfigError, OSError) as error:
            health_of(store.uri).failed(reason(error))
        own.describe_run(run | {"id": run_id if recorder is None else recorder.run_id})
        copy = StoreCopy(recorder, health_of(store.uri), process_writer("store"))
        copy.log_file(folder / CONFIG)
    tracking, paste = config["tracking"], config.get("paste")
    if paste is None:
        # There is a photo around the face; one with several faces is put together in a place of its own.
        paste = problem.photo.transform is not None and problem.photo.face is None
    return Record(
        problem,
        own,
        files,
        copy,
        store,
        tracking["image_every"],
        tracking["animation_frames"],
        paste,
        load_metrics(config.get("metrics", ())),
    )


def as_yaml(config: Mapping[str, Any]) -> bytes:
    """In UTF-8. Only the slow dumper spells out a file's name that is none: its bytes are half surrogate pairs."""
    try:
        text = yaml.dump(dict(config), Dumper=DUMPER, sort_keys=False, allow_unicode=True)
    except UnicodeEncodeError:
        text = yaml.dump(dict(config), Dumper=yaml.SafeDumper, sort_keys=False, allow_unicode=True)
    return str(text).encode("utf-8", "backslashreplace")


@cache
def git_commit(folder: Path) -> str:
    """The commit of the checkout that a folder lies in, with + when the tree has changes; 'unknown' outside one."""
    try:
        git = ["git", "-C", str(folder)]
        commit = subprocess.run(
            [*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
        ).stdout
        changed = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True).stdout
        return commit.strip() + ("+" if changed.strip() else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
