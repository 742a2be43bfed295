"""Latent spaces, optimizers and priors by the names that hyperparameters have for them.

Each is built in (a line below) or anybody's own, named by its dotted path; docs/extending.md has an example of each.
Hyperparameters hold the names, which are plain text, so that a run's fingerprint does not depend on code.
"""

from __future__ import annotations

from functools import lru_cache
from typing import cast

from inversion.errors import ConfigError
from inversion.latents.space import LatentSpace
from inversion.optimizers.optimizer import MakeOptimizer
from inversion.priors.prior import MakePrior
from inversion.runtime.dotted_path import import_named

SPACES = {
    "w": "inversion.latents.spaces.W",
    "w+": "inversion.latents.spaces.WPlus",
    "w++": "inversion.latents.spaces.WPlusPlus",
}
OPTIMIZERS = {
    "adam": "inversion.optimizers.adam.Adam",
    "torch_adam": "inversion.optimizers.torch_adam.TorchAdam",
    "ngd": "inversion.optimizers.normalized_gradient.NormalizedGradient",
}
PRIORS = {
    "distance": "inversion.priors.latent_distance.distance_to_mean",
    "gaussianized": "inversion.priors.gaussianized_distance.gaussianized_distance",
}


@lru_cache(maxsize=64)
def latent_space(name: str) -> LatentSpace:
    """The space of that name, the same object every time. Raises ConfigError."""
    space = import_named("space", name, SPACES)
    if not (isinstance(space, type) and issubclass(space, LatentSpace)):
        raise ConfigError(
            f"space must name a subclass of inversion.latents.space.LatentSpace. Got space={name}, which is {space!r}."
        )
    return space()


def optimizer(name: str) -> MakeOptimizer:
    """What makes an optimizer of that name from its variables. Raises ConfigError."""
    found = import_named("optimizer", name, OPTIMIZERS)
    missing = [
        method for method in ("step", "select", "restart") if not callable(getattr(found, method, None))
    ]
    if missing:
        raise ConfigError(
            "optimizer must name a class with the methods of inversion.optimizers.optimizer.Optimizer. "
            f"Got optimizer={name} without {', '.join(missing)}."
        )
    return cast(MakeOptimizer, found)


def prior(name: str) -> MakePrior:
    """What makes the prior of that name for a model. Raises ConfigError."""
    found = import_named("prior", name, PRIORS)
    if not callable(found):
        raise ConfigError(
            f"prior must name a class or function that takes a Model. Got prior={name}, which is {found!r}."
        )
    return cast(MakePrior, found)
