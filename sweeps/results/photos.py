"""Which photo a run restored: told by the file's content, shown by its full name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from mlflow.entities import Run

DIGITS = 6  # of a content's hash, where two contents share a name


def name_of(run: Run) -> str:
    """me.jpg; seed7 for a synthetic face; as MLflow's column of data sets shows it."""
    datasets = run.inputs.dataset_inputs if run.inputs else []
    return datasets[0].dataset.name if datasets else (run.info.run_name or "").split(" ")[0]


def sha256_of(run: Run) -> str:
    """Of the photo's file; "" for a synthetic face, whose pixels may differ in the last bit between devices."""
    if any(key.startswith("input.seed") for key in run.data.params):
        return ""
    return str(run.data.tags.get("photo_sha256", ""))


def labels(names: Sequence[str], hashes: Sequence[str]) -> list[str]:
    """One label per content, each used for that content alone.

    names, hashes: of each run's photo. me.jpg and me.png stay apart; two contents named me.jpg become
    "me.jpg (1a2b3c)" and "me.jpg (4d5e6f)"; one content under two names has the name that came first. Without a
    hash the name stands for the content.
    """
    first: dict[str, str] = {}
    for name, digest in zip(names, hashes, strict=True):
        first.setdefault(digest or name, name)
    found = dict(first)
    for digits in (DIGITS, 64):  # of a hash, until no two contents share a label
        shared = pd.Series(list(found.values())).duplicated(keep=False).tolist()
        twofold = [key for key, is_shared in zip(found, shared, strict=True) if is_shared]
        found |= {key: f"{first[key]} ({key[:digits]})" for key in twofold}
    return [found[digest or name] for name, digest in zip(names, hashes, strict=True)]
