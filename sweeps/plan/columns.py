"""Which columns of points=FILE are no settings, and which would work."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sweeps.plan.composer import Composer, key_of

MOST = 4  # settings that a message names
USUAL = "image, reg, steps, degradation, degradation.kernel_size"


def wrong_columns(composer: Composer, point: Sequence[str], columns: Sequence[str]) -> str:
    """Whole sentences about the columns that are no settings of this point; "" where all are.

    point: its words. columns: as in the table's first line. Raises what composing raises.
    """
    groups = composer.config.hydra.runtime.choices
    top = {*composer.config, *groups}
    # All but settings inside groups.
    chosen = [word for word in point if key_of(word).partition("@")[0] in top]
    settings = list(_names(composer.values(chosen)))
    inside = {column: [name for name in settings if name.startswith(f"{column}.")] for column in columns}
    wrong = [
        column
        for column in columns
        if column[0] not in "+~" and column.partition("@")[0] not in top
        if column not in settings and not inside[column]
    ]
    return " ".join(_sentence(column, settings, composer, chosen) for column in wrong)


def _sentence(column: str, settings: Sequence[str], composer: Composer, chosen: Sequence[str]) -> str:
    group, dot, _ = column.partition(".")
    if dot and group in composer.config.hydra.runtime.choices:
        own = [name for name in settings if name.startswith(f"{group}.")]
        takes = f"has {', '.join(own)}" if own else "has no settings"
        return f"{column} is no setting: {group}={composer.choice(chosen, group)} {takes}."
    like = [name for name in settings if name.rpartition(".")[2] == column]
    like += difflib.get_close_matches(column, [*settings, *composer.config.hydra.runtime.choices], MOST)
    found = ", ".join(list(dict.fromkeys(like))[:MOST])
    return f"{column} is no setting; " + (
        f"{found} would work." if found else f"columns are such as {USUAL}."
    )


def _names(values: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """degradation.kernel_size, …; without what Hydra keeps for itself."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _names(value, f"{above}{key}.")
        elif not key.startswith("_"):
            yield f"{above}{key}"
