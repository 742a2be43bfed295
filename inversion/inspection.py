"""A photo as it arrives: its whole file looked at, and the operator that follows from it for an aligned face."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from inversion.damage.compression import tables_of
from inversion.damage.damage import PROBABLE, Damage, find_damage
from inversion.damage.dust import Dust
from inversion.damage.noise import IN_LUMA
from inversion.damage.scratches import Scratches
from inversion.damage.table import answers
from inversion.damage.torn import Torn
from inversion.degradations.auto import AUTO, Auto, is_none
from inversion.degradations.blur import GaussianBlur
from inversion.degradations.compose import Compose
from inversion.degradations.degradation import Degradation
from inversion.degradations.downsample import LARGEST, Downsample
from inversion.degradations.grayscale import Grayscale
from inversion.degradations.inpaint import Inpaint
from inversion.degradations.jpeg import JPEG
from inversion.degradations.motion_blur import MotionBlur
from inversion.degradations.sensor_noise import SensorNoise
from inversion.errors import ConfigError
from inversion.fullsize.resampling import noise_gain
from inversion.images import read_photo
from inversion.photo import Photo, Restored
from inversion.reading.printable import printable

log = logging.getLogger(__name__)

LEAST = 400  # px, shorter side: in smaller photos collars and lapels look like scratches


def inspect(path: Path, photo: Image.Image) -> Damage:
    """What can be seen to have happened to a photo, and say it. photo: of the file, as `read_photo` gives it."""
    damage = find_damage(np.array(photo), tables_of(path))
    sought, notes = min(photo.size) >= LEAST, []
    if not sought:
        nowhere = np.zeros_like(damage.scratches.mask)
        none = Scratches(nowhere, 0.0, 0.0)
        damage = replace(
            damage, scratches=none, dust=Dust(nowhere, 0, 0.0), creases=none, torn=Torn(nowhere, 0.0, 0.0)
        )
        notes.append(
            f"What hides a photo is not looked for under {LEAST} px, where outlines look like scratches."
        )
    if (damage.hidden & ~damage.surely_hidden).any():
        notes.append(
            "What may be damage is too unsure to be filled in: damage.png shows it. If it is right, "
            f"python -m inversion.damage {shlex.quote(str(path))} --mask mask.png and degradation.mask=mask.png."
        )
    if damage.is_noisy and damage.noise.confidence < PROBABLE:
        notes.append("Noise that is only a guess stays. If it is right, name it: degradation.noise=0.05.")
    if damage.is_none:
        notes.append("Nothing was found that would have to be mended: the photo stays as it is.")
    table = "\n".join([answers(damage, sought), *notes])
    log.info("%s, as it arrives:\n%s", printable(path.name), table)
    return damage


def fills_in(damage: Damage) -> bool:
    """Whether some of it is sure; of 22 undamaged photos of 526 px and more, 5 have unsure scratches in the face."""
    return bool(damage.surely_hidden.any())


def is_looked_at(degradation: Degradation, degraded: bool) -> bool:
    """Whether the photo is asked for its damage. Raises ConfigError where it has none."""
    if not isinstance(degradation, Auto):
        return False
    if not degraded:
        raise ConfigError(
            "degradation=auto finds what has happened to a photo that arrives damaged. Got degraded=false; "
            "degraded=true would work, or a degradation that is applied to a whole photo, such as degradation=blur."
        )
    return True


def inspected(photo: Photo) -> Photo:
    """The same, with its damage. Raises ConfigError for a synthetic face."""
    if photo.damage is not None:
        return photo
    if photo.path is None:
        raise ConfigError(
            f"degradation=auto looks at a photo's file. Got {photo.name}, which the generator made; "
            "input=photo would work."
        )
    return replace(photo, damage=inspect(photo.path, read_photo(photo.path)))


def resolve(auto: Auto, photo: Photo) -> Compose:
    """The operator of an inspected, aligned face: steps in the order of `chain.to_degradation`, to be bound at R.

    No step where nothing is to be mended. A found blur counts from one pixel of the search on: a finer one, as of many
    large photos, the generator cannot tell, and to sharpen it would bring up the noise. A found JPEG counts only where
    the file's pixels are those of the aligned photo: turned and resampled, nothing is left of its blocks.
    Raises ConfigError.
    """
    damage, resolution = photo.damage, photo.image.shape[-1]
    assert damage is not None
    full = resolution if photo.full is None else photo.full.image.width
    steps: list[Degradation] = []
    fewer = fewer_pixels(auto, photo)
    if auto.blur != AUTO:
        steps += [] if is_none(auto.blur) else [GaussianBlur(auto.blur)]
    elif fewer <= 1:  # else it is the enlargement that looks like a blur
        steps += found_blur(damage, photo)
    if is_grey(auto, damage):
        steps.append(Grayscale())
    if fewer > 1:
        steps.append(Downsample(fewer))
    sure = damage.is_noisy and damage.noise.confidence >= PROBABLE
    found_noise = damage.noise.sigma / IN_LUMA if sure else 0.0
    if noise := found_noise if auto.noise == AUTO else given(auto.noise, "noise", "0.05"):
        steps.append(SensorNoise(round(noise * noise_gain(max(1.0, photo.side / full)), 5)))
    own_pixels = photo.transform is None and photo.width == full
    quality = damage.compression.quality if damage.is_compressed and own_pixels else None
    if jpeg := quality if auto.jpeg == AUTO else round(given(auto.jpeg, "jpeg", "30")):
        steps.append(JPEG(jpeg))
    if photo.mask is not None:
        steps.append(Inpaint(fraction=None))
    return Compose(tuple(steps))


def found_blur(damage: Damage, photo: Photo) -> list[Degradation]:
    """The step that blurs as the photo is blurred, in the generator's pixels; none where it is finer than these."""
    scale = photo.image.shape[-1] / photo.side  # pixels of the search per pixel of the photo
    if damage.is_moved and round(damage.motion.length * scale, 3) > 1:
        angle = (damage.motion.angle + photo.turn) % 180
        return [MotionBlur(round(damage.motion.length * scale, 3), round(angle, 1))]
    if damage.is_blurred and round(damage.blur.kernel_size * scale, 3) > 1:
        size, sigma = (round(length * scale, 3) for length in (damage.blur.kernel_size, damage.blur.sigma))
        return [GaussianBlur(size, sigma)]
    if damage.is_moved or damage.is_blurred:
        log.info("%s: its blur is finer than a pixel of the generator and stays.", printable(photo.file))
    return []


def fewer_pixels(auto: Auto, photo: Photo) -> float:
    """How many times fewer pixels across the face the enlarged photo has than the search; 0 where it is not enlarged.

    Up to 1 the generator draws no more than the photo shows. A person's 1 says that it is not enlarged, as none does,
    however few pixels it has. Raises ConfigError.
    """
    assert photo.damage is not None
    found = photo.damage.enlargement.factor if photo.damage.is_enlarged else 0.0
    factor = found if auto.enlarged == AUTO else given(auto.enlarged, "enlarged", "4")
    if factor <= 1:
        return 0.0
    return round(min(factor * photo.image.shape[-1] / photo.side, float(LARGEST)), 3)


def resolved(degradation: Degradation, photo: Photo) -> Degradation:
    """`Auto` as what it has found in the photo; any other as it is. Raises ConfigError."""
    return resolve(degradation, inspected(photo)) if isinstance(degradation, Auto) else degradation


def recorded(
    photo: Photo, face: Image.Image, degradation: Degradation, degraded: bool, metrics: Mapping[str, float]
) -> Restored:
    """A restored face as its record has it: its picture, settings and metrics. Raises ConfigError."""
    if not degraded:
        return Restored(photo, face)
    return Restored(photo, face, resolved(degradation, photo), metrics.get("found_unexplained", 0.0) > 0)


def is_grey(auto: Auto, damage: Damage) -> bool:
    """Whether colour is to be found. Raises ConfigError."""
    if auto.grayscale == AUTO:
        return damage.colour.is_grey
    if auto.grayscale is True or is_none(auto.grayscale):
        return auto.grayscale is True
    raise ConfigError(
        f"degradation.grayscale must be auto, true or none. Got {auto.grayscale}; true would work."
    )


def given(value: object, name: str, example: str) -> float:
    """A person's number; 0 for none. Raises ConfigError."""
    if is_none(value):
        return 0.0
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ConfigError(
            f"degradation.{name} must be auto, none or a number. Got {value}; {example} would work."
        )
    return float(value)


def found_damage(degradation: Degradation, photo: Photo) -> dict[str, float]:
    """found_…, for the record: what was seen in the whole photo, lengths in its pixels; nothing but for `Auto`."""
    damage = photo.damage
    if damage is None or not isinstance(degradation, Auto):
        return {}
    quality = damage.compression.quality
    return {
        "found_grey": float(damage.colour.is_grey),
        "found_blur": damage.blur.kernel_size if damage.is_blurred else 0.0,
        "found_motion": damage.motion.length if damage.is_moved else 0.0,
        "found_enlarged": damage.enlargement.factor if damage.is_enlarged else 0.0,
        "found_noise": damage.noise.sigma / IN_LUMA,
        "found_scratched": 100 * damage.scratches.share,
        "found_dust": float(damage.dust.count),
        "found_creased": 100 * damage.creases.share,
        "found_torn": 100 * damage.torn.share,
        **({} if quality is None else {"found_quality": float(quality)}),
    }
