"""Which photo a run restored, or was to restore: told by the file's content, shown by its full name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

if TYPE_CHECKING:
    from mlflow.entities import Run

DIGITS = 6  # of a content's hash, where two contents share a name


class Photo(NamedTuple):
    """A photo, as a run has recorded it or a sweep has planned it."""

    name: str  # me.jpg; seed7 for a synthetic face
    sha256: str  # of its file; "" where nobody has noted it


def photo_of(run: Run) -> Photo:
    return Photo(name_of(run), sha256_of(run))


def name_of(run: Run) -> str:
    """me.jpg; seed7 for a synthetic face; as MLflow's column of data sets shows it."""
    datasets = run.inputs.dataset_inputs if run.inputs else []
    return datasets[0].dataset.name if datasets else (run.info.run_name or "").split(" ")[0]


def sha256_of(run: Run) -> str:
    """Of the photo's file; "" for a synthetic face, whose pixels may differ in the last bit between devices."""
    if any(key.startswith("input.seed") for key in run.data.params):
        return ""
    return str(run.data.tags.get("photo_sha256", ""))


def labels(recorded: Sequence[Photo], planned: Sequence[Photo] = ()) -> dict[Photo, str]:
    """One label per content, each used for that content alone.

    me.jpg and me.png stay apart; two contents named me.jpg become "me.jpg (1a2b3c)" and "me.jpg (4d5e6f)"; one content
    under two names has the name that came first. Without a hash the name stands for the content, also that of a photo
    which only runs, or only plans, know the hash of.
    """
    keys = {photo: photo.sha256 or photo.name for photo in recorded}
    by_name = {photo.name: key for photo, key in keys.items()}
    known = set(keys.values())
    for photo in planned:
        name, content = photo
        if not content:
            keys[photo] = by_name.get(name, name)
        else:
            keys[photo] = name if name in known and content not in known else content
    first: dict[str, str] = {}
    for photo, key in keys.items():
        first.setdefault(key, photo.name)
    found = dict(first)
    for digits in (DIGITS, 64):  # of a hash, until no two contents share a label
        shared = pd.Series(list(found.values())).duplicated(keep=False).tolist()
        twofold = [key for key, is_shared in zip(found, shared, strict=True) if is_shared]
        found |= {key: f"{first[key]} ({key[:digits]})" for key in twofold}
    return {photo: found[key] for photo, key in keys.items()}
