"""How one photo is optimized. A batch takes one of these per problem."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from inversion.errors import ConfigError

SPACES = ("w", "w+", "w++")
OPTIMIZERS = ("adam", "torch_adam", "ngd")
PRIORS = ("distance", "gaussianized")


@dataclass(frozen=True)
class Phase:
    """A stretch of a search. What is None is as for the whole search.

    The next phase begins where this one ends, with more freedom or less: Poirier-Ginter & Lalonde 2023, Robust
    Unsupervised StyleGAN Image Restoration, section 3.2.
    """

    space: str
    share: float = 1.0  # of the steps, in proportion to the other phases' shares
    learning_rate: float | None = None
    optimize_noise: bool | None = None
    coarse: bool = False  # images are drawn no larger than the loss looks at them; `course` says when


@dataclass(frozen=True)
class Hyperparameters:
    """The reference schedule of NVIDIA's projector (stylegan2-ada-pytorch, projector.py), with a latent-distance term.

    Raises ConfigError for values that cannot work.
    """

    steps: int = 1000
    reg: float = 0.001  # weight of the prior, in which 1.0 is a typical random face
    prior: str = "distance"  # to the mean face; gaussianized: see losses/gaussianized_distance.py
    space: str | None = "w"  # w: one code for all layers; w+: per layer; w++: per channel; None with phases
    optimizer: str = (
        "adam"  # torch_adam: see optimizers/; ngd: each code moves by the rate along its gradient
    )
    learning_rate: float = 0.1  # peak
    ramp_up: float = 0.05  # fraction of the steps over which the learning rate rises
    ramp_down: float = 0.25  # fraction over which it falls along a half cosine
    jitter: float = 0.05  # noise on the latent at step 0, in units of w_std
    jitter_until: float = 0.75  # fraction of the steps after which the jitter is zero
    noise_weight: float = 1e5  # weight of the noise-map regularizer
    optimize_noise: bool = True  # false: noise maps stay as drawn
    phases: tuple[Phase, ...] = ()  # none: one, in `space`
    coarse_until: float = 0.0  # fraction of the steps whose images are no larger than the loss looks at
    early_stop: bool = False  # a phase whose loss no longer falls ends before its steps do
    samples: int = 1  # restarts, the first from the mean face, the others from random ones
    tuning_steps: int = 0  # at most, that fit the generator to the photo after the search: pivotal_tuning.py
    tuning_rate: float = 3e-4  # learning rate of its weights

    def __post_init__(self) -> None:
        def require(condition: bool, name: str, need: str) -> None:
            if not condition:
                raise ConfigError(f"{name} must be {need}. Got {name}={getattr(self, name)}.")

        for name in ("steps", "samples"):
            require(getattr(self, name) >= 1, name, "a whole number of at least 1")
        for name in ("reg", "jitter", "noise_weight"):
            require(0 <= getattr(self, name) < math.inf, name, "a finite number of at least 0")
        for rate in (self.learning_rate, *(phase.learning_rate for phase in self.phases)):
            require(rate is None or 0 < rate < math.inf, "learning_rate", "a finite number above 0")
        require(self.tuning_steps >= 0, "tuning_steps", "a whole number of at least 0")
        require(0 < self.tuning_rate < math.inf, "tuning_rate", "a finite number above 0")
        require(0 <= self.ramp_up <= 1, "ramp_up", "a fraction of the steps between 0 and 1")
        require(0 <= self.ramp_down <= 1, "ramp_down", "a fraction of the steps between 0 and 1")
        require(0 < self.jitter_until <= 1, "jitter_until", "a fraction of the steps above 0 and at most 1")
        require(0 <= self.coarse_until <= 1, "coarse_until", "a fraction of the steps between 0 and 1")
        require(self.optimizer in OPTIMIZERS, "optimizer", f"one of {', '.join(OPTIMIZERS)}")
        require(self.prior in PRIORS, "prior", f"one of {', '.join(PRIORS)}")
        if not self.phases:
            require(self.space in SPACES, "space", f"one of {', '.join(SPACES)}")
        else:
            require(self.space is None, "space", "null where phases name theirs, or phases=[]")
        for phase in self.phases:
            require(phase.space in SPACES, "phases", f"in spaces out of {', '.join(SPACES)}")
            require(0 < phase.share < math.inf, "phases", "of shares that are finite numbers above 0")

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Hyperparameters:
        """Those among a run's settings. Raises ConfigError."""
        values = {field.name: settings[field.name] for field in fields(cls)}
        phases = tuple(Phase(**phase) for phase in values.pop("phases"))
        return cls(**values, phases=phases)

    @property
    def course(self) -> tuple[tuple[int, Phase], ...]:
        """Every phase with the step at which it begins, and nothing left open.

        A phase during which `coarse_until` passes is two; phases too short for a step are gone.
        """
        phases = self.phases or (Phase(str(self.space)),)
        total, passed, course = sum(phase.share for phase in phases), 0.0, []
        fine = round(self.steps * self.coarse_until)
        for phase in phases:
            begin = round(self.steps * passed / total)
            passed += phase.share
            end = round(self.steps * passed / total)
            rate = self.learning_rate if phase.learning_rate is None else phase.learning_rate
            noise = self.optimize_noise if phase.optimize_noise is None else phase.optimize_noise
            whole = replace(phase, learning_rate=rate, optimize_noise=noise, coarse=False)
            if begin < min(end, fine):
                course.append((begin, replace(whole, coarse=True)))
            if max(begin, fine) < end:
                course.append((max(begin, fine), whole))
        return tuple(course)

    def uses(self, space: str) -> bool:
        """Whether any phase searches in a space."""
        return any(phase.space == space for _, phase in self.course)

    def moves_noise(self) -> bool:
        """Whether any phase searches the noise maps, too."""
        return any(phase.optimize_noise for _, phase in self.course)
