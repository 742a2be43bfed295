"""Every figure that a run records: its name, title, unit, digits and direction. All readers ask here."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

Better = Literal["higher", "lower", "zero"]


@dataclass(frozen=True)
class Metric:
    """One recorded figure."""

    name: str  # in MLflow and summary.json
    title: str
    unit: str = ""  # "dB"; "" for a pure number
    digits: int | None = None  # after the decimal point; None: four significant ones
    better: Better | None = "higher"  # None: neither end is better
    short: str = ""  # for captions; "" = the title
    meaning: str = ""  # one sentence for a reader who meets it first
    has_history: bool = False  # recorded per step; else once, at the end
    variant: str = ""  # of which picture or part: a title from VARIANTS

    @property
    def heading(self) -> str:
        """PSNR [dB], or PSNR, consistent [dB]."""
        words = f"{self.title}, {self.variant}" if self.variant else self.title
        return f"{words} [{self.unit}]" if self.unit else words

    def number(self, value: float) -> str:
        """24.1; – for NaN."""
        if math.isnan(value):
            return "–"
        return f"{value:.4g}" if self.digits is None else f"{value:.{self.digits}f}"

    def text(self, value: float) -> str:
        """24.1 dB."""
        return f"{self.number(value)} {self.unit}".rstrip()

    def caption(self, value: float) -> str:
        """PSNR 24.1 dB, for one line of several figures."""
        return f"{self.short or self.title} {self.text(value)}"


# In the order in which they are shown.
_KNOWN = (
    Metric(
        "quality", "quality", "dB", 1, meaning="what the cells are ranked by; its formula stands beside it"
    ),
    Metric("psnr", "PSNR", "dB", 1, meaning="likeness to the original, pixel by pixel"),
    Metric("ssim", "SSIM", "", 3, meaning="likeness of structure to the original, 1 for the same picture"),
    Metric(
        "identity_distance",
        "identity distance",
        digits=2,
        better="lower",
        short="identity",
        meaning="between dlib's face descriptors of restoration and original; below 0.6 dlib takes two faces "
        "for one person",
    ),
    Metric(
        "colour_error",
        "colour error",
        "ΔE",
        1,
        "lower",
        meaning="mean CIELAB distance to the original's colours; about 2.3 can just be seen",
    ),
    Metric(
        "fit_psnr",
        "fit",
        "dB",
        1,
        meaning="PSNR between the restored face, degraded again, and the photo as given",
    ),
    Metric(
        "fit_sharpness",
        "sharpness beside the photo",
        "dB",
        1,
        "zero",
        short="sharpness off by",
        meaning="by how much the finest details of the restored face, degraded again, are stronger (above 0) or "
        "weaker (below 0) than the photo's",
    ),
    Metric(
        "blur_misfit",
        "misfit of the blur",
        "χ²",
        1,
        "lower",
        meaning="by how much less well than the best window of Gaussians this blur explains which spatial frequencies "
        "the photo lacks, beside faces of the generator; nothing of the search enters",
    ),
    Metric(
        "w_distance",
        "distance to the true w",
        "w_std",
        2,
        "lower",
        short="w distance",
        meaning="root mean squared distance to the codes that a synthetic face was made of",
    ),
    Metric(
        "loss", "total loss", better="lower", has_history=True, meaning="the sum that the search minimizes"
    ),
    Metric(
        "converged_step",
        "converged at step",
        digits=0,
        better="lower",
        meaning="from here on the loss stays within 5 % of its last value",
    ),
    Metric("seconds", "time", "s", 1, "lower", meaning="of the search, tuning included"),
    Metric("steps_per_second", "steps per second", "1/s", 1, meaning="of the search alone"),
    Metric("found_kernel_size", "kernel found", "px", 1, None, meaning="size of the blur found in the photo"),
    Metric("found_sigma", "sigma of the kernel found", "px", 2, None),
    Metric(
        "found_grey", "found black-and-white", "", 0, None, meaning="1 where the photo has no colours, else 0"
    ),
    Metric(
        "found_blur", "blur found", "px", 1, None, meaning="its size in the photo's pixels; 0 for a sharp one"
    ),
    Metric(
        "found_motion",
        "motion blur found",
        "px",
        1,
        None,
        meaning="its length in the photo's pixels; 0 where none is sure",
    ),
    Metric(
        "found_enlarged", "enlargement found", "times", 2, None, meaning="of the sides; 0 where none is sure"
    ),
    Metric("found_noise", "noise found", "", 3, None, meaning="standard deviation per channel, white = 1"),
    Metric("found_scratched", "scratches found", "%", 2, None, meaning="share of the whole photo"),
    Metric("found_dust", "dust found", "spots", 0, None),
    Metric("found_creased", "creases found", "%", 2, None, meaning="share of the whole photo"),
    Metric("found_torn", "torn or blanked", "%", 2, None, meaning="share of the whole photo"),
    Metric(
        "found_unexplained",
        "left over by the search",
        "%",
        2,
        None,
        meaning="share of the face's square that no face explains and the search has filled in: dust, strokes",
    ),
    Metric("found_quality", "JPEG quality found", "", 0, None),
    Metric("samples_spread", "spread of the samples", digits=3, better=None),
    Metric("tuning_steps_taken", "steps of tuning", digits=0, better=None),
)
METRICS = {metric.name: metric for metric in _KNOWN}
# By these pictures are compared: in heatmaps, tables and the lists of a cell, of the restoration and of consistent.png.
COMPARED = (
    "psnr",
    "ssim",
    "identity_distance",
    "colour_error",
    "hole_psnr",
    "fit_psnr",
    "fit_sharpness",
    "blur_misfit",
    "w_distance",
)
# A prefix says of which picture, or which part of it, a figure of METRICS speaks; the picture has the same name.
VARIANTS = {
    "full_": "full size",
    "consistent_": "consistent",
    "untuned_": "before tuning",
    "samples_mean_": "mean of the samples",
    "hole_": "inside the hole",
}
AFTERWARDS = ("untuned_", "hole_")  # PSNR inside the hole, but consistent PSNR
# Recorded per step, but no result: the schedule, and terms that do not look at the picture.
NO_RESULTS = frozenset({"learning_rate"})
PENALTIES = frozenset({"latent", "noise"})
_PHASE, _TUNING = "phase_", "tuning_"


def metric(name: str) -> Metric:
    """What is known of a figure by its name; an unknown one is a term of the loss.

    consistent_psnr is psnr of consistent.png; consistent_hole_psnr the same inside the hole.
    """
    if name in METRICS:
        return METRICS[name]
    for prefix, words in VARIANTS.items():
        base = name.removeprefix(prefix)
        if base != name and (known := metric(base)) and not known.has_history:
            variant = f"{words}, {known.variant}" if known.variant else words
            name_of_it = known.short or known.title
            short = f"{name_of_it} {words}" if prefix in AFTERWARDS else f"{words} {name_of_it}"
            return replace(known, name=name, variant=variant, short=short)
    if name.startswith(_PHASE):  # phase_1_steps
        return Metric(name, name.replace("_", " "), digits=0, better=None)
    title = name.replace("_", " ")
    return Metric(name, title, better="lower", has_history=True, meaning="a term of the loss")


def in_order(names: Iterable[str]) -> tuple[str, ...]:
    """As they are shown: each known figure followed by its variants, then the terms of the loss by name."""
    rank = {name: i for i, name in enumerate(METRICS)}

    def place(name: str) -> tuple[int, int, str]:
        base, depth = name, 0
        for prefix in VARIANTS:
            if base.startswith(prefix):
                base, depth = base.removeprefix(prefix), depth + 1
        return rank.get(base, len(rank)), depth, name

    return tuple(sorted(names, key=place))


def terms(names: Iterable[str]) -> list[str]:
    """The terms of the loss that tell how unlike the pictures are, then the sum of all."""
    names = list(names)
    pictures = [
        name
        for name in names
        if metric(name).has_history
        and not name.startswith(_TUNING)
        and name not in PENALTIES | NO_RESULTS | {"loss"}
    ]
    return [*pictures, *(["loss"] if "loss" in names else [])]


def as_json(name: str) -> dict[str, Any]:
    """What a page needs to show a figure."""
    known = metric(name)
    return {
        "name": name,
        "title": known.heading,
        "short": known.short or known.title,
        "unit": known.unit,
        "digits": known.digits,
        "better": known.better,
        "meaning": known.meaning,
        "term": known.has_history,
    }
