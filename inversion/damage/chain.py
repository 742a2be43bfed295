"""The operator that does to a picture what was found in a photo."""

from __future__ import annotations

import torch

from inversion.damage.damage import Damage
from inversion.damage.noise import IN_LUMA
from inversion.degradations.blur import GaussianBlur
from inversion.degradations.compose import Compose
from inversion.degradations.degradation import Degradation
from inversion.degradations.downsample import Downsample
from inversion.degradations.grayscale import Grayscale
from inversion.degradations.inpaint import Inpaint
from inversion.degradations.jpeg import JPEG
from inversion.degradations.motion_blur import MotionBlur
from inversion.degradations.none import NoDegradation
from inversion.degradations.sensor_noise import SensorNoise


def to_degradation(damage: Damage) -> Compose:
    """Bound operators for pictures of the photo's own size, in the order in which camera, print and scanner work.

    The lens blurs, or its motion, the film or the print takes the colours, the photo is enlarged, which looks like a
    blur, the scanner adds noise, the file is compressed; what is hidden comes last, since only a last
    step's pixels are left out of the comparison. Faded colours are left as they are: no operator says what was lost.
    `reduced`: the operator of a smaller picture.
    """
    steps: list[Degradation] = []
    if damage.is_moved:
        steps.append(MotionBlur(round(damage.motion.length, 3), round(damage.motion.angle, 1)))
    if damage.is_blurred and not damage.is_enlarged:
        steps.append(GaussianBlur(round(damage.blur.kernel_size, 3), round(damage.blur.sigma, 4)))
    if damage.colour.is_grey:
        steps.append(Grayscale())
    if damage.is_enlarged:
        steps.append(Downsample(round(damage.enlargement.factor, 3)))
    if damage.is_noisy:
        steps.append(SensorNoise(sigma=round(damage.noise.sigma / IN_LUMA, 5)))
    if damage.is_compressed and damage.compression.quality is not None:
        steps.append(JPEG(damage.compression.quality))
    hidden = damage.hidden
    if hidden.any():
        known = torch.from_numpy(~hidden).float()[None, None]
        steps.append(Inpaint(fraction=None, known=known))
    return Compose(tuple(steps))


def reduced(operator: Compose, factor: float) -> Compose:
    """The same at 1/factor of the side, without the steps that nothing is left of."""
    steps = operator.reduced(factor).steps
    return Compose(tuple(step for step in steps if not isinstance(step, NoDegradation)))
