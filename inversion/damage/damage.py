"""Everything that can be seen to have happened to a photo, and the operator that does the same."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from inversion.damage.blur import Blur, unreduced
from inversion.damage.colour import Colour, find_colour
from inversion.damage.compressed_noise import noise_before
from inversion.damage.compression import Compression, find_compression
from inversion.damage.creases import find_creases
from inversion.damage.dust import Dust, find_dust, with_missed
from inversion.damage.enlargement import Enlargement, find_enlargement
from inversion.damage.luma import enlarged, luma_of, patchwork, reduced, visible
from inversion.damage.missed import find_blur_beneath
from inversion.damage.motion import Motion, find_motion
from inversion.damage.noise import Noise, find_noise
from inversion.damage.scratches import Scratches, find_scratches
from inversion.damage.torn import Torn, find_torn

VISIBLE = 0.006  # of white: less noise in luma is no damage; every camera has as much
SURE, PROBABLE = 0.7, 0.35  # confidence from which on something is called sure, or probable; below: a guess
HARMLESS = 88  # JPEG quality from which on nothing can be seen
MOST = 33_000_000  # pixels that are looked at; all of a larger photo would take gigabytes, and half a minute


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
    enlargement: Enlargement
    creases: Scratches
    torn: Torn

    @property
    def hiding(self) -> tuple[Scratches | Dust | Torn, ...]:
        """Everything of which nothing is known but where it is."""
        return self.scratches, self.dust, self.creases, self.torn

    @cached_property
    def hidden(self) -> np.ndarray:
        """All of that with its edges: [H, W] bool, True = does not show the photo."""
        return with_edges(functools.reduce(np.logical_or, [one.mask for one in self.hiding]))

    @cached_property
    def surely_hidden(self) -> np.ndarray:
        """The same of what is sure."""
        sure = [one.mask for one in self.hiding if one.confidence >= SURE]
        return (
            with_edges(functools.reduce(np.logical_or, sure)) if sure else np.zeros_like(self.scratches.mask)
        )

    @property
    def is_none(self) -> bool:
        """Whether there is nothing that a restoration would have to mend."""
        return not (
            self.colour.is_grey
            or self.is_moved
            or self.is_blurred
            or self.is_enlarged
            or self.is_noisy
            or self.is_compressed
            or self.is_scratched
            or self.is_dusty
            or self.is_creased
            or self.is_torn
        )

    @property
    def is_moved(self) -> bool:
        """Only where that is sure."""
        return self.motion.confidence >= SURE and not self.is_enlarged

    @property
    def is_blurred(self) -> bool:
        """By the lens: not where a line explains it, or a flat or tiny photo says nothing of its blur."""
        return not self.is_moved and not self.blur.is_sharp and self.blur.confidence >= PROBABLE

    @property
    def is_enlarged(self) -> bool:
        """From fewer pixels: only where that is sure."""
        return self.enlargement.confidence >= SURE

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

    @property
    def is_creased(self) -> bool:
        return bool(self.creases.mask.any())

    @property
    def is_torn(self) -> bool:
        return bool(self.torn.mask.any())


def find_damage(photo: np.ndarray, tables: Mapping[int, Sequence[int]] | None = None) -> Damage:
    """Look at a whole photo at its own size: [H, W, 3], uint8.

    tables: as `compression.tables_of` the file. Each estimate knows those before it: scratches are found in spite of
    the noise, and left out of what follows; the blur is seen up to where noise and compression hide it, and spots that
    are sharper than the blur are dust.
    """
    compression = find_compression(photo, tables)
    if photo.shape[0] * photo.shape[1] > MOST:
        return in_smaller(photo, compression)
    luma = luma_of(photo)
    return in_all(photo, luma, noise_of(patchwork(luma), compression), compression)


def in_all(photo: np.ndarray, luma: np.ndarray, noise: Noise, compression: Compression) -> Damage:
    """As `find_damage`, of a photo that is so noisy, and was so compressed. luma: [H, W] in 0..1."""
    scratches = find_scratches(luma, noise.sigma)
    known = visible(scratches.mask)
    dust = find_dust(luma, noise.sigma, known)
    creases, torn = find_creases(luma, noise.sigma), find_torn(photo)
    hidden = scratches.mask | dust.mask | creases.mask | torn.mask
    known = visible(hidden)
    blur, missed = find_blur_beneath(luma, noise.sigma, compression, hidden)
    return Damage(
        find_colour(photo, known),
        blur,
        noise,
        compression,
        scratches,
        find_motion(luma, noise.sigma, compression, known),
        with_missed(dust, missed, scratches.mask) if missed.any() else dust,
        find_enlargement(luma, blur, compression.quality is not None, noise.sigma),
        creases,
        torn,
    )


def in_smaller(photo: np.ndarray, compression: Compression) -> Damage:
    """The same of a photo of more than MOST pixels: by factors smaller, but for noise and compression.

    Those are in its pixels, and seen in a part of them; what the smaller photo keeps of them bounds what is seen there.
    What is sharp in the smaller photo is called sharp.
    """
    shape = photo.shape[:2]
    factor = min(math.ceil(math.sqrt(shape[0] * shape[1] / MOST)), *shape)
    noise = noise_of(luma_of(patchwork(photo)), compression)
    small = np.rint(reduced(photo, factor)).astype(np.uint8)
    rest = replace(noise, sigma=noise.sigma / factor)
    found = in_all(small, luma_of(small), rest, compression.reduced(factor))
    blur, motion, enlargement = found.blur, found.motion, found.enlargement
    return replace(
        found,
        noise=noise,
        compression=compression,
        blur=blur if blur.is_sharp else replace(blur, kernel_size=unreduced(blur.kernel_size, factor)),
        motion=replace(motion, length=motion.length * factor) if motion.length > 1 else motion,
        enlargement=replace(enlargement, factor=enlargement.factor * factor)
        if found.is_enlarged
        else enlargement,
        scratches=replace(found.scratches, mask=enlarged(found.scratches.mask, factor, shape)),
        dust=replace(found.dust, mask=enlarged(found.dust.mask, factor, shape)),
        creases=replace(found.creases, mask=enlarged(found.creases.mask, factor, shape)),
        torn=replace(found.torn, mask=enlarged(found.torn.mask, factor, shape)),
    )


def noise_of(sample: np.ndarray, compression: Compression) -> Noise:
    """sample: [H, W] in 0..1, as `patchwork` gives it of a photo that was so compressed."""
    return noise_before(sample, compression) if compression.quality is not None else find_noise(sample)


def with_edges(hidden: np.ndarray) -> np.ndarray:
    """[H, W] bool, True = hidden -> the same, wider by what JPEG and blur make of an edge."""
    known = visible(hidden)
    return hidden if known is None else ~known
