"""Import the class or function that a setting names by its dotted path."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from inversion.errors import ConfigError


def import_named(setting: str, name: str, built_in: Mapping[str, str]) -> Any:
    """The object behind a built-in name, or behind a dotted path such as my_package.my_module.MyClass.

    setting: its name on the command line, for the message. built_in: name -> dotted path.
    Raises ConfigError for a name that is neither, for a module that cannot be imported and for one without the object.
    """
    choices = "".join(f"{choice}, " for choice in built_in)
    need = f"{setting} must be {choices}or the dotted path of your own (my_package.my_module.MyName)."
    path = built_in.get(name, name)
    module, dot, attribute = path.rpartition(".")
    if not (dot and all(part.isidentifier() for part in path.split("."))):
        raise ConfigError(f"{need} Got {setting}={name}.")
    try:
        found = importlib.import_module(module)
    except ImportError as error:
        folder = module.split(".")[0]
        raise ConfigError(
            f"{need} Got {setting}={name}, and importing {module} failed: {error}. PYTHONPATH must contain the "
            f"folder in which {folder} lies."
        ) from error
    if not hasattr(found, attribute):
        raise ConfigError(f"{need} Got {setting}={name}, but {module} ({found.__file__}) has no {attribute}.")
    return getattr(found, attribute)
