"""Restore face photos by searching StyleGAN2's latent space.

    import inversion

    model = inversion.load_model("portraits")
    photo = inversion.load_photo("me.jpg", model)
    face = inversion.restore(model, photo, inversion.degradations.GaussianBlur(kernel_size=7))
    face.image.save("restored.png")

Everything is imported when it is first used: `import inversion` alone loads no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from inversion.runtime.threads import wait_briefly

if TYPE_CHECKING:
    from inversion import degradations, losses, metrics
    from inversion.api import load_model, load_photo, restore
    from inversion.errors import AlignmentError, CheckpointError, ConfigError
    from inversion.model import Model
    from inversion.photo import Photo
    from inversion.presets import preset
    from inversion.restoration import Problem, Restoration
    from inversion.search.hyperparameters import Hyperparameters

wait_briefly()  # before anything imports torch

__version__ = "0.2.0"
__all__ = [
    "AlignmentError",
    "CheckpointError",
    "ConfigError",
    "Hyperparameters",
    "Model",
    "Photo",
    "Problem",
    "Restoration",
    "degradations",
    "load_model",
    "load_photo",
    "losses",
    "metrics",
    "preset",
    "restore",
]

_HOMES = {
    "AlignmentError": "errors",
    "CheckpointError": "errors",
    "ConfigError": "errors",
    "Hyperparameters": "search.hyperparameters",
    "Model": "model",
    "Photo": "photo",
    "Problem": "restoration",
    "Restoration": "restoration",
    "load_model": "api",
    "load_photo": "api",
    "preset": "presets",
    "restore": "api",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"inversion.{_HOMES[name]}"), name)
    if name in __all__:
        return import_module(f"inversion.{name}")
    raise AttributeError(f"module 'inversion' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
