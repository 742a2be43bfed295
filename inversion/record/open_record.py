"""Open the record of one photo: its folder always, an MLflow run where the settings name a store."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from inversion.photos import Photo
from inversion.record.atomic import write_file
from inversion.record.folder_recorder import FolderRecorder
from inversion.record.mlflow_recorder import MLflowRecorder, PhotoSource
from inversion.record.mlflow_store import prepare_store
from inversion.record.once import Once
from inversion.record.params import flatten
from inversion.record.recorder import Background, Recorder, Tee


def open_record(
    settings: Mapping[str, Any],  # the whole composed config
    photo: Photo,
    tags: Mapping[str, str],
    folder: Path,
    project: Path,  # a store's relative paths start here
) -> Recorder:
    """Raises ConfigError when the store cannot be used."""
    recorders: list[Recorder] = [FolderRecorder(folder)]
    recorders[0].set_tags(tags)  # an MLflow run is opened with them
    config = yaml.safe_dump(dict(settings), sort_keys=False, allow_unicode=True)
    write_file(folder / "config.yaml", config.encode())
    store = open_store(settings["tracking"], project)
    if store is not None:
        side = photo.image.shape[-1]
        source = PhotoSource(str(photo.path or photo.name), photo.sha256, side, side)
        name, params = run_name(settings, photo, tags), flatten(settings)
        parent = settings["tracking"]["parent"]
        recorders.append(MLflowRecorder(*store, name, params, tags, source, parent))
    recorder = Once(Background(Tee(*recorders)))
    recorder.log_file(folder / "config.yaml")
    return recorder


def open_store(tracking: Mapping[str, Any], project: Path) -> tuple[str, str] | None:
    """The store's address and the experiment's id, both made when they are not there yet; None: nothing is tracked."""
    if tracking["uri"] is None:
        return None
    uri = absolute_uri(tracking["uri"], project)
    artifacts = None if tracking["artifacts"] is None else project / tracking["artifacts"]
    return uri, prepare_store(uri, tracking["experiment"], artifacts)


def absolute_uri(uri: str, project: Path) -> str:
    """sqlite:///mlflow.db -> sqlite:////<project>/mlflow.db; anything else unchanged."""
    prefix = "sqlite:///"
    return prefix + str(project / uri.removeprefix(prefix)) if uri.startswith(prefix) else uri


def run_name(settings: Mapping[str, Any], photo: Photo, tags: Mapping[str, str]) -> str:
    """What a person reads in the list of runs: grace_hopper blur reg 0.5 steps 1000.

    tags: `degradation` is the config that was chosen; without it the class's file stands for it.
    """
    operator = tags.get("degradation") or settings["degradation"]["_target_"].rsplit(".", 2)[-2]
    return f"{photo.name} {operator} reg {settings['reg']:g} steps {settings['steps']}"


@cache
def git_commit(project: Path) -> str:
    """The project's commit, with + when the tree has changes; 'unknown' outside a checkout."""
    try:
        git = ["git", "-C", str(project)]
        commit = subprocess.run(
            [*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
        ).stdout
        changed = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True).stdout
        return commit.strip() + ("+" if changed.strip() else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
