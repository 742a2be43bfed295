"""What can go wrong because of a user's file, photo or setting.

ValueError
├── ConfigError        a setting or an input file cannot be used
├── AlignmentError     no usable face in the photo
└── CheckpointError    a weights file is not what it should be

Each message says what was wrong, what came and what would work.
"""


class ConfigError(ValueError):
    """A setting or an input file cannot be used."""


class AlignmentError(ValueError):
    """No usable face in the photo."""


class CheckpointError(ValueError):
    """A weights file is not what it should be."""


def explain(error: BaseException) -> str:
    """The kind of an error and its message: ConfigError: steps must be …"""
    text = str(error).strip()
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
