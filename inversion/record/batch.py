"""What is to be written of one run of MLflow's."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path

from inversion.record.params import utf8
from inversion.restoration import Status

MAX_NAME, MAX_DIGEST = 500, 36  # characters of a data set's (mlflow.utils.validation)
SHOWN = {"mlflow.loggedImages": "True"}  # MLflow's charts look for pictures in runs that have this tag
USE = ("mlflow.data.context", "restoration")  # tag of the photo among a run's inputs


@dataclass(frozen=True)
class PhotoSource:
    """Where a problem's photo came from, for MLflow's dataset column.

    sha256: of its content. MLflow's own digest hashes only the first 10,000 elements, so that two blurs of
            one photo look alike. The column holds 36 digits (MLflow's limit), the profile all of them.
    """

    uri: str  # the file's path, or what made it ("synthetic:seed=7")
    sha256: str
    width: int  # pixels
    height: int

    def columns(self) -> dict[str, str]:
        """What MLflow keeps of a data set."""
        return {
            "name": utf8(Path(self.uri).name)[:MAX_NAME],
            "digest": self.sha256[:MAX_DIGEST],
            "source_type": "local",
            "source": json.dumps({"uri": self.uri}),
            "profile": json.dumps({"sha256": self.sha256, "width": self.width, "height": self.height}),
        }


def now() -> int:
    """As MLflow has it: milliseconds since 1970."""
    return int(time.time() * 1000)


Value = tuple[str, float, int, int]  # a metric's key, its value (NaN, but no infinity), time in ms, step


@dataclass
class Batch:
    """What is to be written of a run at once. Writing it again changes nothing."""

    params: dict[str, str] = field(default_factory=dict)  # those that the run has keep their values
    metrics: list[Value] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    photo: PhotoSource | None = None
    status: Status | None = None  # with which the run ends; None: it goes on

    def __bool__(self) -> bool:
        return bool(self.params or self.metrics or self.tags or self.photo or self.status)
