"""Lengths as settings: in the generator's pixels, as a share of the face's square, or in pixels of the photo."""

from __future__ import annotations

import re

from inversion.errors import ConfigError

SPELLED = re.compile(r"(\d+(?:\.\d+)?|\.\d+)\s*(%|px)")
UNITS = "10% of the face's square or 100px of the photo"  # for messages


def has_unit(value: object) -> bool:
    """Whether a setting is spelled as a length with its unit: 10% or 100px, above 0."""
    found = SPELLED.fullmatch(value) if isinstance(value, str) else None
    return found is not None and float(found[1]) > 0


def is_of_photo(value: object) -> bool:
    """Whether it is spelled in the photo's pixels: 100px."""
    return isinstance(value, str) and has_unit(value) and value.endswith("px")


class Length(float):
    """A number of the generator's pixels that messages show as a person has spelled it."""

    spelled: str

    @classmethod
    def of(cls, pixels: float, spelled: str) -> Length:
        length = cls(pixels)
        length.spelled = spelled
        return length

    def __str__(self) -> str:
        return f"{self.spelled}, which is {float(self):g} px of the generator's here"


def in_generator_pixels(length: str, resolution: int, side: float) -> Length:
    """10% -> 12.8 at 128 px; 100px -> 25.6 where the face's square is 500 px wide in its photo.

    resolution: the generator's. side: of the face's square, in the photo's pixels. Raises ConfigError.
    """
    found = SPELLED.fullmatch(length)
    if found is None or not has_unit(length):
        raise ConfigError(f"A length is a number of the generator's pixels, {UNITS}. Got {length!r}.")
    whole = 100.0 if found[2] == "%" else side
    return Length.of(round(float(found[1]) / whole * resolution, 3), length)
