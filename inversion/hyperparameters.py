"""How one photo is optimized. A batch takes one of these per problem."""

from __future__ import annotations

import math
from dataclasses import dataclass

from inversion.errors import ConfigError

SPACES = ("w", "w+")


@dataclass(frozen=True)
class Hyperparameters:
    """The reference schedule of NVIDIA's projector (stylegan2-ada-pytorch, projector.py), with a latent-distance term.

    Raises ConfigError for values that cannot work.
    """

    steps: int = 1000
    reg: float = 0.001  # weight of the latent distance, in which 1.0 is a typical random face
    space: str = "w"  # w: one code for all layers; w+: one per layer
    learning_rate: float = 0.1  # peak, of Adam
    ramp_up: float = 0.05  # fraction of the steps over which the learning rate rises
    ramp_down: float = 0.25  # fraction over which it falls along a half cosine
    jitter: float = 0.05  # noise on the latent at step 0, in units of w_std
    jitter_until: float = 0.75  # fraction of the steps after which the jitter is zero
    noise_weight: float = 1e5  # weight of the noise-map regularizer
    optimize_noise: bool = True  # false: noise maps stay as drawn
    samples: int = 1  # restarts, the first from the mean face, the others from random ones

    def __post_init__(self) -> None:
        def require(condition: bool, name: str, need: str) -> None:
            if not condition:
                raise ConfigError(f"{name} must be {need}. Got {name}={getattr(self, name)}.")

        for name in ("steps", "samples"):
            require(getattr(self, name) >= 1, name, "a whole number of at least 1")
        for name in ("reg", "jitter", "noise_weight"):
            require(0 <= getattr(self, name) < math.inf, name, "a finite number of at least 0")
        require(0 < self.learning_rate < math.inf, "learning_rate", "a finite number above 0")
        require(0 <= self.ramp_up <= 1, "ramp_up", "a fraction of the steps between 0 and 1")
        require(0 <= self.ramp_down <= 1, "ramp_down", "a fraction of the steps between 0 and 1")
        require(0 < self.jitter_until <= 1, "jitter_until", "a fraction of the steps above 0 and at most 1")
        require(self.space in SPACES, "space", f"one of {', '.join(SPACES)}")
