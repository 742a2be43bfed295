"""Everything that can be seen to have happened to a photo, and the operator that does the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from inversion.damage.blur import Blur
from inversion.damage.colour import Colour, find_colour
from inversion.damage.compressed_noise import noise_before
from inversion.damage.compression import Compression, find_compression
from inversion.damage.dust import Dust, find_dust
from inversion.damage.luma import luma_of, patchwork, visible
from inversion.damage.missed import find_blur_beneath
from inversion.damage.motion import Motion, find_motion
from inversion.damage.noise import Noise, find_noise
from inversion.damage.scratches import Scratches, find_scratches

VISIBLE = 0.006  # of white: less noise in luma is no damage; every camera has as much
SURE, PROBABLE = 0.7, 0.35  # confidence from which on something is called sure, or probable; below: a guess
HARMLESS = 88  # JPEG quality from which on nothing can be seen


@dataclass(frozen=True)
class Damage:
    """What was found in one photo, at its own size; each with its own confidence, 0..1."""

    colour: Colour
    blur: Blur
    noise: Noise
    compression: Compression
    scratches: Scratches
    motion: Motion
    dust: Dust

    @property
    def hidden(self) -> np.ndarray:
        """Scratches and dust with their edges: [H, W] bool, True = does not show the photo."""
        return with_edges(self.scratches.mask | self.dust.mask)

    @property
    def surely_hidden(self) -> np.ndarray:
        """The same of what is sure."""
        scratches, dust = (
            part.mask if part.confidence >= SURE else np.zeros_like(part.mask)
            for part in (self.scratches, self.dust)
        )
        return with_edges(scratches | dust)

    @property
    def is_none(self) -> bool:
        """Whether there is nothing that a restoration would have to mend."""
        return not (
            self.colour.is_grey
            or self.is_moved
            or self.is_blurred
            or self.is_noisy
            or self.is_compressed
            or self.is_scratched
            or self.is_dusty
        )

    @property
    def is_moved(self) -> bool:
        """Only where that is sure."""
        return self.motion.confidence >= SURE

    @property
    def is_blurred(self) -> bool:
        """By the lens: not where a line explains it, or a flat or tiny photo says nothing of its blur."""
        return not self.is_moved and not self.blur.is_sharp and self.blur.confidence >= PROBABLE

    @property
    def is_noisy(self) -> bool:
        return self.noise.sigma > VISIBLE

    @property
    def is_compressed(self) -> bool:
        return self.compression.quality is not None and self.compression.quality < HARMLESS

    @property
    def is_scratched(self) -> bool:
        return bool(self.scratches.mask.any())

    @property
    def is_dusty(self) -> bool:
        return self.dust.count > 0


def find_damage(photo: np.ndarray, tables: Mapping[int, Sequence[int]] | None = None) -> Damage:
    """Look at a whole photo at its own size: [H, W, 3], uint8.

    tables: as `compression.tables_of` the file. Each estimate knows those before it: scratches are found in spite of
    the noise, and left out of what follows; the blur is seen up to where noise and compression hide it.
    """
    luma, compression = luma_of(photo), find_compression(photo, tables)
    sample = patchwork(luma)
    noise = noise_before(sample, compression) if compression.quality is not None else find_noise(sample)
    scratches = find_scratches(luma, noise.sigma)
    known = visible(scratches.mask)
    dust = find_dust(luma, noise.sigma, known)
    hidden = scratches.mask | dust.mask
    known = visible(hidden)
    return Damage(
        find_colour(photo, known),
        find_blur_beneath(luma, noise.sigma, compression, hidden),
        noise,
        compression,
        scratches,
        find_motion(luma, noise.sigma, compression, known),
        dust,
    )


def with_edges(hidden: np.ndarray) -> np.ndarray:
    """[H, W] bool, True = hidden -> the same, wider by what JPEG and blur make of an edge."""
    known = visible(hidden)
    return hidden if known is None else ~known
