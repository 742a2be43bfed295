"""What can have happened to a photo. Every class has a file of its own here and settings in conf/degradation."""

from __future__ import annotations

from inversion.degradations.auto import Auto
from inversion.degradations.blur import GaussianBlur
from inversion.degradations.compose import Compose
from inversion.degradations.degradation import Degradation
from inversion.degradations.downsample import Downsample
from inversion.degradations.grayscale import Grayscale
from inversion.degradations.inpaint import Inpaint
from inversion.degradations.jpeg import JPEG
from inversion.degradations.motion_blur import MotionBlur
from inversion.degradations.none import NoDegradation
from inversion.degradations.scratches import Scratches
from inversion.degradations.sensor_noise import SensorNoise

__all__ = [
    "JPEG",
    "Auto",
    "Compose",
    "Degradation",
    "Downsample",
    "GaussianBlur",
    "Grayscale",
    "Inpaint",
    "MotionBlur",
    "NoDegradation",
    "Scratches",
    "SensorNoise",
]
