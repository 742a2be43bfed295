"""What has happened to a picture is found once, however many tests look at it: that takes a second or two."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from inversion.damage.damage import Damage, find_damage

KNOWN: dict[str, Damage] = {}


@contextmanager
def looked_at_once(module: str) -> Iterator[None]:
    """For what that module looks at."""

    def find(photo: np.ndarray, tables: Any) -> Damage:
        key = f"{photo.shape} {tables} {hashlib.sha256(photo.tobytes()).hexdigest()}"
        return KNOWN.get(key) or KNOWN.setdefault(key, find_damage(photo, tables))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(f"{module}.find_damage", find)
        yield
