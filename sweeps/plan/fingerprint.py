"""What makes two runs the same run: everything that can change a pixel, and nothing else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from inversion.errors import ConfigError
from inversion.images import sha256_of

# Top-level keys that cannot change what comes out, or that a content's hash stands for.
IGNORED = {"device", "tracking", "launcher", "rerun", "image", "generator"}
# Ignored where nothing is tuned: runs from before there was any tuning stay finished.
TUNING = {"tuning_steps", "tuning_rate"}
PATHS = {"image", "vgg_path", "heads_path"}  # wherever they occur: where a known file lies
FILES = {"mask", "landmarks", "start"}  # wherever they occur: paths of which the content counts
# a face that follows from checkpoint and settings, to the last bit only on one device
SYNTHETIC = "synthetic"


def fingerprint(config: Mapping[str, Any], photo_sha256: str, checkpoint_sha256: str) -> str:
    """Hash of the composed config (without device, paths, launcher, tracking) and of both files' contents.

    photo_sha256: of the photo's file; SYNTHETIC for a face that the generator makes.
    16 hexadecimal digits, the same whatever the order of the keys. Raises ConfigError for a file that is not there.
    """
    ignored = IGNORED if config.get("tuning_steps") else IGNORED | TUNING
    relevant = _contents({key: value for key, value in config.items() if key not in ignored})
    text = json.dumps([relevant, photo_sha256, checkpoint_sha256], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _contents(value: Any) -> Any:
    """The same settings with hashes in the place of files and nothing in the place of other paths."""
    if isinstance(value, Mapping):
        return {
            key: _hash_of(key, child) if key in FILES and isinstance(child, str) else _contents(child)
            for key, child in value.items()
            if key not in PATHS
        }
    return [_contents(child) for child in value] if isinstance(value, list) else value


def _hash_of(key: str, name: str) -> str:
    path = Path(name).expanduser()
    try:
        facts = path.stat()
    except OSError as error:
        raise ConfigError(f"{key} must be a file that can be read. Got {name}.") from error
    return _hash(path, facts.st_size, facts.st_mtime_ns)


@lru_cache
def _hash(path: Path, size: int, changed: int) -> str:
    """size, changed: so that a file that was written anew is read anew."""
    return sha256_of(path)
