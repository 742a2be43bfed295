"""How one photo is optimized. A batch takes one of these per problem."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from inversion.errors import ConfigError
from inversion.search import families


@dataclass(frozen=True)
class Phase:
    """A part of a search with a latent space of its own. What is None is as for the whole search.

    The next phase starts where this one ends, in a larger space or a smaller one: Poirier-Ginter & Lalonde 2023, Robust
    Unsupervised StyleGAN Image Restoration, section 3.2.
    """

    space: str
    share: float = 1.0  # of the steps, in proportion to the other phases' shares
    learning_rate: float | None = None
    optimize_noise: bool | None = None
    coarse: bool = False  # images are synthesized no larger than the loss reads them; set by `phase_schedule`


@dataclass(frozen=True)
class Hyperparameters:
    """The reference schedule of NVIDIA's projector (stylegan2-ada-pytorch, projector.py), with a latent-distance term.

    `space`, `optimizer` and `prior` are names: built in, or dotted paths (families.py).
    Raises ConfigError for values that cannot work.
    """

    steps: int = 1000
    reg: float = 0.001  # weight of the prior, in which 1.0 is a typical random face
    prior: str = "distance"  # to the mean face; gaussianized: see priors/gaussianized_distance.py
    space: str | None = "w"  # w: one code for all layers; w+: per layer; w++: per channel; None with phases
    optimizer: str = "adam"  # ngd: each code moves by the learning rate, along its gradient
    learning_rate: float = 0.1  # peak
    ramp_up: float = 0.05  # fraction of the steps over which the learning rate rises
    ramp_down: float = 0.25  # fraction over which it falls along a half cosine
    jitter: float = 0.05  # noise on the latent at step 0, in units of w_std
    jitter_until: float = 0.75  # fraction of the steps after which the jitter is zero
    noise_weight: float = 1e5  # weight of the noise-map regularizer
    optimize_noise: bool = True  # false: noise maps stay as drawn
    phases: tuple[Phase, ...] = ()  # none: one, in `space`
    coarse_until: float = 0.0  # fraction of the steps whose images are no larger than the loss reads them
    early_stop: bool = False  # a phase whose loss no longer falls ends before its steps do
    samples: int = 1  # restarts, the first from the mean face, the others from random ones
    feature_steps: int = 0  # after the search, that move feature maps towards the photo: feature_offsets.py
    colour_prior: float = 0.0  # share of expected_colours.py in the colours of a photo that has none
    face_prior: float = 0.0  # share of expected_face.py in what a photo hides of the face
    tuning_steps: int = 0  # at most, that fit the generator to the photo after the search: pivotal_tuning.py
    tuning_rate: float = 3e-4  # learning rate of the generator's weights

    def __post_init__(self) -> None:
        self._check_numbers()
        families.optimizer(self.optimizer)
        families.prior(self.prior)
        if not self.phases:
            families.latent_space(str(self.space))
        elif self.space is not None:
            raise ConfigError(
                f"space must be null where phases name theirs, or phases=[]. Got space={self.space}."
            )
        for phase in self.phases:
            families.latent_space(phase.space)

    def _check_numbers(self) -> None:
        def require(condition: bool, name: str, need: str) -> None:
            if not condition:
                raise ConfigError(f"{name} must be {need}. Got {name}={getattr(self, name)}.")

        for name in ("steps", "samples"):
            require(getattr(self, name) >= 1, name, "a whole number of at least 1")
        for name in ("reg", "jitter", "noise_weight"):
            require(0 <= getattr(self, name) < math.inf, name, "a finite number of at least 0")
        for rate in (self.learning_rate, *(phase.learning_rate for phase in self.phases)):
            require(rate is None or 0 < rate < math.inf, "learning_rate", "a finite number above 0")
        for name in ("feature_steps", "tuning_steps"):
            require(getattr(self, name) >= 0, name, "a whole number of at least 0")
        require(0 < self.tuning_rate < math.inf, "tuning_rate", "a finite number above 0")
        for name in ("colour_prior", "face_prior"):
            require(0 <= getattr(self, name) <= 1, name, "a share between 0 and 1")
        require(0 <= self.ramp_up <= 1, "ramp_up", "a fraction of the steps between 0 and 1")
        require(0 <= self.ramp_down <= 1, "ramp_down", "a fraction of the steps between 0 and 1")
        require(0 < self.jitter_until <= 1, "jitter_until", "a fraction of the steps above 0 and at most 1")
        require(0 <= self.coarse_until <= 1, "coarse_until", "a fraction of the steps between 0 and 1")
        for phase in self.phases:
            require(0 < phase.share < math.inf, "phases", "of shares that are finite numbers above 0")

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Hyperparameters:
        """Those that a run's composed configuration holds. Raises ConfigError."""
        values = {field.name: config[field.name] for field in fields(cls)}
        phases = tuple(Phase(**phase) for phase in values.pop("phases"))
        return cls(**values, phases=phases)

    @property
    def steps_of_features(self) -> int:
        """`feature_steps`, and none where the generator itself is fitted to the photo."""
        return 0 if self.tuning_steps else self.feature_steps

    @property
    def phase_schedule(self) -> tuple[tuple[int, Phase], ...]:
        """Every phase with the step at which it starts, its learning rate and optimize_noise filled in.

        A phase during which `coarse_until` ends is split in two; phases too short for a step are left out.
        """
        phases = self.phases or (Phase(str(self.space)),)
        total, shares_before, schedule = sum(phase.share for phase in phases), 0.0, []
        coarse_steps = round(self.steps * self.coarse_until)
        for phase in phases:
            start = round(self.steps * shares_before / total)
            shares_before += phase.share
            end = round(self.steps * shares_before / total)
            rate = self.learning_rate if phase.learning_rate is None else phase.learning_rate
            noise = self.optimize_noise if phase.optimize_noise is None else phase.optimize_noise
            fine = replace(phase, learning_rate=rate, optimize_noise=noise, coarse=False)
            if start < min(end, coarse_steps):
                schedule.append((start, replace(fine, coarse=True)))
            if max(start, coarse_steps) < end:
                schedule.append((max(start, coarse_steps), fine))
        return tuple(schedule)

    def any_phase_per_channel(self) -> bool:
        """Whether the network gets a code per channel in any phase."""
        return any(families.latent_space(phase.space).per_channel for _, phase in self.phase_schedule)

    def any_phase_optimizes_noise(self) -> bool:
        return any(phase.optimize_noise for _, phase in self.phase_schedule)
