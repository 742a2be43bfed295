"""By what the cells of a task are ranked: figures of the picture that a person takes home.

That picture is consistent.png where the photo had something to correct, else restored.png, which then is the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from inversion.metrics import catalogue
from sweeps.results.table import Table

QUALITY = "quality"
CONSISTENT = "consistent_"
IDENTITY_DB = 10.0  # quality that a unit of identity distance costs
DEGRADATION = "degradation."  # axes that say what happened to the photo, not how to search
BLURS = {"degradation.kernel_size", "degradation.sigma"}
FITTING = "feature_steps"
FITS_ALL = (
    "Feature maps fit the photo under any degradation, so its cells are not told apart by fit: feature_steps=0 leaves "
    "them as they are."
)
NO_FACE = 1.0  # identity distance of a restoration without a face


@dataclass(frozen=True)
class Criterion:
    """A task's quality: higher is better."""

    original_known: bool
    likeness: str  # counts besides identity: psnr, hole_psnr, colour_error, fit_psnr or blur_misfit
    degradation_varies: bool = False  # of a photo that arrived degraded: which degradation explains it?
    fits_all: bool = False  # feature maps were fitted to the photo, and explain it under any degradation

    @property
    def unit(self) -> str:
        return catalogue.metric(self.likeness).unit

    @property
    def shown(self) -> tuple[str, ...]:
        """The figures that a recommendation names."""
        if self.original_known:
            return (self.likeness, "identity_distance")
        if self.by_misfit:
            return ("fit_psnr", "blur_misfit")
        return ("fit_psnr", "fit_sharpness") if self.degradation_varies else ("fit_psnr",)

    @property
    def by_misfit(self) -> bool:
        """Whether blurs are told apart by what the photo lacks, not by how the search ended."""
        return self.likeness == "blur_misfit"

    @property
    def formula(self) -> str:
        """quality = PSNR − 10 · identity distance, of the consistent picture."""
        if self.by_misfit:
            return "quality = − misfit of the blur"
        if not self.original_known:
            return "quality = fit" + (" − |sharpness beside the photo|" if self.degradation_varies else "")
        known = catalogue.metric(self.likeness)
        words = f"{known.title} {known.variant}".strip()
        sign = "− " if known.better == "lower" else ""
        return f"quality = {sign}{words} − {IDENTITY_DB:g} · identity distance, of the consistent picture"

    @property
    def reason(self) -> str:
        """Why this formula, in a sentence or two."""
        if self.by_misfit:
            return (
                "The original is not known, and a fit does not know a blur: the generator draws what a narrow kernel "
                "leaves out (Levin et al. 2009), and feature maps fit the photo under any kernel. What a blur takes "
                "from the spatial frequencies of all faces is known: the misfit is by how much this blur explains the "
                "photo's own less well than the best Gaussian window does."
            )
        if not self.original_known:
            text = (
                "The original is not known: a fit tells what explains the photo, not what looks right. "
                "It is the PSNR between the restored face, degraded again, and the photo."
            )
            if self.degradation_varies:
                text += (
                    " The fit alone does not know a blur, because the generator draws what a narrow kernel leaves "
                    "out (Levin et al. 2009), so the decibels by which that picture is sharper or less sharp than "
                    "the photo are taken off."
                )
            return text
        return (
            "The consistent picture is the restoration with what the photo does say put back; where nothing was to be "
            "put back it is the restoration itself. An identity distance below 0.6 means one person to dlib; 0.1 "
            "weighs as much as 1 dB. No face found counts as distance 1."
        )

    def quality(self, rows: pd.DataFrame) -> pd.Series:
        """One value per row, NaN for problems that did not finish."""
        if self.original_known:
            likeness = final(rows, self.likeness)
            if catalogue.metric(self.likeness).better == "lower":
                likeness = -likeness
            distance = final(rows, "identity_distance")
            # A photo in which dlib sees no face in any run is judged without it.
            has_face = distance.notna().groupby([rows["photo"], rows["seed"]]).transform("any")
            quality = likeness - IDENTITY_DB * distance.fillna(NO_FACE).where(has_face, 0.0)
        elif self.by_misfit:
            quality = -_column(rows, "blur_misfit")
        else:
            quality = _column(rows, "fit_psnr")
            if self.degradation_varies:
                quality = quality - _column(rows, "fit_sharpness").abs().fillna(0.0)
        return quality.where(rows["status"] == "FINISHED")


def criterion_of(table: Table) -> Criterion:
    """Colour is judged by the colour error, a hole by what is inside it, where runs have recorded these."""

    def recorded(name: str) -> bool:
        return bool(final(table.rows, name).notna().any())

    nothing = not (table.rows["status"] == "FINISHED").any()  # then by what is to come
    if not (recorded("psnr") or (nothing and not table.task.arrives_degraded)):
        varied = {axis.key for axis in table.axes if axis.key.startswith(DEGRADATION)}
        if varied and varied <= BLURS and _all_have(table.rows, "blur_misfit"):
            return Criterion(False, "blur_misfit", True)
        return Criterion(False, "fit_psnr", bool(varied), bool(varied) and _is_fitted(table))
    own = {"grayscale": "colour_error", "inpaint": "hole_psnr"}.get(table.task.degradation, "psnr")
    return Criterion(True, own if recorded(own) or nothing else "psnr")


def _all_have(rows: pd.DataFrame, name: str) -> bool:
    finished = rows[rows["status"] == "FINISHED"]
    return bool(len(finished)) and bool(_column(finished, name).notna().all())


def _is_fitted(table: Table) -> bool:
    """Whether any run has moved feature maps."""
    steps = set(table.rows[FITTING]) if FITTING in table.keys else {table.constants.get(FITTING, "0")}
    return any(str(count) not in ("0", "null", "nan") for count in steps)


def final(rows: pd.DataFrame, name: str) -> pd.Series:
    """A figure of the picture that a person takes home."""
    return _column(rows, f"{CONSISTENT}{name}").fillna(_column(rows, name))


def final_name(cell: pd.Series, name: str) -> str | None:
    """Under which name a cell holds a figure of the picture that a person takes home; None: under none."""
    for known in (f"{CONSISTENT}{name}", name):
        if known in cell and pd.notna(cell[known]):
            return known
    return None


def _column(rows: pd.DataFrame, name: str) -> pd.Series:
    return rows[name] if name in rows else pd.Series(np.nan, index=rows.index)
