"""Which numbers make sense: what --help says of a setting is what it is checked by."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass

from inversion.length import UNITS, has_unit


@dataclass(frozen=True)
class Range:
    """Finite numbers between two ends."""

    least: float = -math.inf
    most: float = math.inf
    above: bool = False  # `least` itself does not belong to it
    below: bool = False  # `most` itself does not
    whole: bool = False
    words: tuple[object, ...] = ()  # values beside the numbers, such as auto
    units: bool = False  # lengths with a unit, too: 10% of the face's square, 100px of the photo

    def __contains__(self, value: object) -> bool:
        if value in self.words and not isinstance(value, bool):
            return True
        if self.units and has_unit(value):
            return True
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return False
        # Neither nan nor inf, nor a whole number of 400 digits.
        if not -sys.float_info.max <= value <= sys.float_info.max:
            return False
        if self.whole and value != int(value):
            return False
        return (value > self.least if self.above else value >= self.least) and (
            value < self.most if self.below else value <= self.most
        )

    def __str__(self) -> str:
        """A whole number of at least 1; a number above 0 and below 1."""
        bounds = []
        if math.isfinite(self.least) and not self.above and math.isfinite(self.most) and not self.below:
            bounds = [f"from {_text(self.least)} to {_text(self.most)}"]
        else:
            if math.isfinite(self.least):
                bounds += [f"above {_text(self.least)}" if self.above else f"of at least {_text(self.least)}"]
            if math.isfinite(self.most):
                bounds += [f"below {_text(self.most)}" if self.below else f"of at most {_text(self.most)}"]
        number = "a whole number" if self.whole else "a finite number"
        words = (f", {UNITS}" if self.units else "") + "".join(f", or {word}" for word in self.words)
        return " ".join(filter(None, (number, " and ".join(bounds)))) + words

    @property
    def short(self) -> str:
        """≥ 1, for a table; "" where every number will do."""
        low = f"{'>' if self.above else '≥'} {_text(self.least)}" if math.isfinite(self.least) else ""
        high = f"{'<' if self.below else '≤'} {_text(self.most)}" if math.isfinite(self.most) else ""
        both = math.isfinite(self.least) and math.isfinite(self.most) and not (self.above or self.below)
        numbers = (
            f"{_text(self.least)} … {_text(self.most)}" if both else ", ".join(filter(None, (low, high)))
        )
        units = ["10%", "100px"] if self.units else []
        return " or ".join([numbers or "any number", *units, *map(str, self.words)])

    @property
    def example(self) -> str:
        """One that would work."""
        return next(_text(value) for value in (1, 0.5, self.least) if value in self)


def _text(number: float) -> str:
    return str(int(number)) if number == int(number) else f"{number:g}"


SEED = Range(0, 2**53, whole=True)  # larger numbers are rounded by whoever reads records as JSON
COUNT = Range(1, whole=True)
COUNT_OR_NONE = Range(0, whole=True)
WEIGHT = Range(0)
POSITIVE = Range(0, above=True)
LENGTH = Range(0, above=True, units=True)
FRACTION = Range(0, 1)
PART = Range(0, 1, above=True, below=True)

# By their place in the configuration; arguments of a class or function by its name. The constructors refuse what
# depends on the photo or the net, too: a blur wider than the image.
RANGES = {
    "samples": Range(1, 1000, whole=True),  # each takes memory, and is a picture of the record
    "max_size": COUNT,
    "Photos.max_size": COUNT,
    "seed": SEED,
    "seeds": Range(1, 10_000, whole=True),
    "align.face": Range(0, whole=True, words=("all",)),
    "steps": COUNT,
    "reg": WEIGHT,
    "learning_rate": POSITIVE,
    "ramp_up": FRACTION,
    "ramp_down": FRACTION,
    "jitter": WEIGHT,
    "jitter_until": Range(0, 1, above=True),
    "noise_weight": WEIGHT,
    "coarse_until": FRACTION,
    "feature_steps": COUNT_OR_NONE,
    "colour_prior": FRACTION,
    "face_prior": FRACTION,
    "tuning_steps": COUNT_OR_NONE,
    "tuning_rate": POSITIVE,
    "tracking.image_every": COUNT_OR_NONE,
    "tracking.animation_frames": COUNT_OR_NONE,
    "tracking.lease": Range(1),
    "launcher.batch_size": COUNT,
    "launcher.points_per_job": COUNT,
    "launcher.jobs": Range(1, whole=True, words=(-1,)),
    "launcher.cpus": WEIGHT,
    "launcher.gpus": WEIGHT,
    "Phase.share": POSITIVE,
    "Phase.learning_rate": POSITIVE,
    "Auto.blur": Range(1, words=("auto", "none"), units=True),
    "Auto.noise": Range(0, 10, below=True, words=("auto", "none")),
    "Auto.enlarged": Range(1, 32, words=("auto", "none")),
    "Auto.jpeg": Range(1, 95, whole=True, words=("auto", "none")),
    "GaussianBlur.kernel_size": Range(1, words=("auto",), units=True),
    "GaussianBlur.sigma": LENGTH,
    "MotionBlur.length": LENGTH,
    "MotionBlur.angle": Range(),
    "Downsample.factor": Range(2, 32),
    "SensorNoise.sigma": Range(0, 10, below=True),
    "SensorNoise.photons": POSITIVE,
    "SensorNoise.dead": Range(0, 1, below=True),
    "JPEG.quality": Range(1, 95, whole=True),
    "Scratches.strokes": COUNT,
    "Scratches.width": PART,
    "Scratches.seed": SEED,
    "Inpaint.fraction": PART,
    "Inpaint.box": FRACTION,
    "Synthetic.seed": SEED,
    "Synthetic.truncation_psi": Range(),
    "DiscriminatorLoss.weight": POSITIVE,
    "DiscriminatorLoss.identity": WEIGHT,
    "DiscriminatorLoss.l1": WEIGHT,
    "DiscriminatorLoss.robust": WEIGHT,
    "PixelLoss.weight": POSITIVE,
    "PixelLoss.identity": WEIGHT,
    "PixelLoss.l1": WEIGHT,
    "PixelLoss.robust": WEIGHT,
    "LPIPS.weight": POSITIVE,
    "LPIPS.identity": WEIGHT,
    "LPIPS.l1": WEIGHT,
    "LPIPS.robust": WEIGHT,
    "LPIPS.levels": COUNT,
    "download.size": COUNT,
}
