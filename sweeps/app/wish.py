"""What a person asks of the page, as settings of the command line."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from conf.file_names import quote
from inversion.errors import ConfigError
from inversion.presets import composed
from inversion.reading.printable import printable
from sweeps.app.searches import MOST_SAMPLES
from sweeps.app.uploads import Upload

# What may be wrong with a photo → what says so.
DAMAGES = {
    "auto": ["degradation=auto", "degraded=true"],
    "nothing": ["degradation=none"],
    "blur": ["degradation=blur", "degraded=true"],
    "grey": ["degradation=grayscale", "degraded=true"],
    "missing": ["degradation=inpaint", "degraded=true"],
    "small": ["degradation=downsample", "degraded=true"],
}
SPAN = 10.0  # the knob's ends are this many times less, and more, than the preset's reg
LEAST_FACTOR, MOST_FACTOR = 2, 32  # of Downsample
COLOURS = {"found": "auto", "grey": "true", "colour": "none"}  # of a photo that was looked at
ALL = "all"  # faces
PICTURES = 16  # that the page sees of a forming face
_hydra = threading.Lock()  # composes for one thread at a time


@dataclass(frozen=True)
class Wish:
    """One restoration."""

    face: int | None  # 0 = the largest; None: all of them
    damage: str  # of DAMAGES
    blur: float | None  # width of the kernel in per cent of the face's square, 0: sharp; None: as found
    colour: str  # of COLOURS, for auto
    enlarged: float | None  # times, 1: not, for auto; None: as found
    noise: float | None  # standard deviation in per cent of white, for auto; None: as found
    fill: bool  # what was found to hide the photo, for auto
    pixels: float  # across the face's square that a small photo has
    likeness: float  # 0 = like the photo, 1 = like a face
    alternatives: int

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Wish:
        """From what the page sends. Raises ConfigError for what no page of ours would send."""
        damage = said.get("damage")
        if not isinstance(damage, str) or damage not in DAMAGES:
            raise ConfigError(f"damage must be one of {', '.join(DAMAGES)}. Got {shown(damage)}.")
        colour = said.get("colour", "found")
        if not isinstance(colour, str) or colour not in COLOURS:
            raise ConfigError(f"colour must be one of {', '.join(COLOURS)}. Got {shown(colour)}.")
        least = 0 if damage == "auto" else 1
        return cls(
            face=None if said.get("face") == ALL else int(_number(said, "face", 0, 1000)),
            damage=damage,
            blur=None if said.get("blur") is None else _number(said, "blur", least, 50),
            colour=colour,
            enlarged=None if said.get("enlarged") is None else _number(said, "enlarged", 1, MOST_FACTOR),
            noise=None if said.get("noise") is None else _number(said, "noise", 0, 50),
            fill=said.get("fill") is not False,
            pixels=_number(said, "pixels", 1, 1024),
            likeness=_number(said, "likeness", 0, 1),
            alternatives=int(_number(said, "alternatives", 1, MOST_SAMPLES)),
        )

    def words(self, upload: Upload, settings: Sequence[str], resolution: int) -> tuple[list[str], int]:
        """The command line that does it, after the page's own settings, and the steps it takes. Raises ConfigError.

        resolution: of the generator, in px.
        """
        chosen = [*settings, *DAMAGES[self.damage], *self._details(upload, resolution)]
        with _hydra:
            usual = composed(*chosen)
        steps = sum(int(usual[name]) for name in ("steps", "feature_steps", "tuning_steps"))
        face = ALL if self.face is None else self.face
        align = ["align=false"] if upload.is_aligned else [f"align.face={face}"]
        if self.face is None:  # so that the photo with all of them lies in this search's own folder
            align.append("rerun=true")
        reg = f"reg={reg_for(self.likeness, usual['reg']):.3g}"
        samples, watched = f"samples={self.alternatives}", f"tracking.image_every={max(1, steps // PICTURES)}"
        return [f"image={quote(str(upload.path))}", *align, *chosen, reg, samples, watched], steps

    def _details(self, upload: Upload, resolution: int) -> list[str]:
        if self.damage == "auto":
            return self._corrections(upload)
        if self.damage == "blur":
            return [f"degradation.kernel_size={'auto' if self.blur is None else f'{self.blur:g}%'}"]
        if self.damage == "small":
            factor = min(max(resolution / self.pixels, LEAST_FACTOR), MOST_FACTOR)
            return [f"degradation.factor={factor:.4g}"]
        if self.damage == "missing" and (mask := upload.kept_mask()) is not None:
            return [f"degradation.mask={quote(str(mask))}"]
        return []

    def _corrections(self, upload: Upload) -> list[str]:
        """Of what was found in the photo: its blur is equally wide in all faces."""
        words = []
        if self.blur is not None:
            pixels = self.blur / 100 * upload.sides[min(self.face or 0, len(upload.sides) - 1)]
            words.append(f"degradation.blur={f'{pixels:.4g}px' if pixels else 'none'}")
        if self.colour != "found":
            words.append(f"degradation.grayscale={COLOURS[self.colour]}")
        if self.enlarged is not None:
            words.append(f"degradation.enlarged={f'{self.enlarged:g}' if self.enlarged > 1 else 'none'}")
        if self.noise is not None:
            words.append(f"degradation.noise={self.noise / 100 if self.noise else 'none'}")
        if (mask := upload.kept_mask(with_found=self.fill)) is not None:
            words.append(f"degradation.mask={quote(str(mask))}")
        elif not self.fill:
            words.append("degradation.mask=none")
        return words


def reg_for(likeness: float, usual: float) -> float:
    """The weight of the prior that a knob from 0 (like the photo) to 1 (like a face) stands for.

    reg = usual · 10^(2 · likeness − 1): the middle is the preset's own, the ends are a tenth and ten times of it. reg
    works by its order of magnitude, hence the exponent. usual: reg of the preset that the damage has.
    """
    return float(usual * SPAN ** (2 * likeness - 1))


def _number(said: Mapping[str, Any], name: str, least: float, most: float) -> float:
    value = said.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
        raise ConfigError(f"{name} must be a number from {least:g} to {most:g}. Got {shown(value)}.")
    return float(value)


def shown(value: object) -> str:
    """What was sent instead of what was asked for, which may be a tree without end."""
    if value is None or isinstance(value, (str, int, float)):
        return printable(value, 80)
    return f"a {type(value).__name__}"
