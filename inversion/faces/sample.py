"""The photo that everyone has: used when no image is given."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from inversion.errors import ConfigError


def sample_photo() -> Path:
    """Find the portrait of Grace Hopper (512x600, U.S. Navy, public domain) in matplotlib's sample data.

    matplotlib is located, not imported. Errors: ConfigError when it, or its sample data, is not installed.
    """
    package = find_spec("matplotlib")
    if package is None or package.origin is None:
        raise ConfigError(
            "The sample photo lies in matplotlib. Got no matplotlib; install it or set image=photo.jpg."
        )
    path = Path(package.origin).parent / "mpl-data" / "sample_data" / "grace_hopper.jpg"
    if not path.is_file():
        raise ConfigError(
            f"This matplotlib came without its sample photo. Got no {path}; set image=photo.jpg."
        )
    return path
