"""What makes two runs the same run: everything that a person can set and that can change a pixel, and nothing else.

The program itself does not count, nor the models of colours and faces that it ships with: finished runs stay finished
after an update, and their records say of which version they are (git_commit).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from inversion.degradations.auto import AUTO, NONE, is_none
from inversion.errors import ConfigError
from inversion.faces.mesh import MESH
from inversion.images import sha256_of

# Top-level keys that cannot change what comes out, or that a content's hash stands for.
IGNORED = {"device", "tracking", "launcher", "rerun", "image", "generator", "metrics", "points", "seeds"}
# Ignored where the first of them is 0: it does nothing then, and runs from before there was any stay finished.
TUNING = ("tuning_steps", "tuning_rate")
FEATURES = ("feature_steps", "colour_prior", "face_prior")
# colour_prior is ignored, too, where one of our own operators lets colours through: all but these. So is face_prior
# where nothing but colours is hidden.
OURS, COLOURLESS = "inversion.degradations.", ("Grayscale", "Compose", "Auto")
PATHS = {"image", "vgg_path", "heads_path"}  # wherever they occur: where a known file lies
# Settings that are younger than 0.1.0, and the value that is what it did. Wherever they occur.
ADDED = {
    "max_size": None,
    "robust": 0,
    "colour_prior": 0,
    "face_prior": 0,
    "enlarged": AUTO,
    "unexplained": False,
}
ANY_NUMBER = {"kernel_size"}  # settings that take whole numbers and others, so that 5 and 5.0 both occur
FILES = {"mask", "landmarks", "start"}  # wherever they occur: paths of which the content counts
# Classes that have moved: runs from before they moved stay finished.
MOVED = {f"inversion.photos.{name}": f"inversion.inputs.{name}" for name in ("Photos", "Synthetic")}
# a face that follows from checkpoint and settings, to the last bit only on one device
SYNTHETIC = "synthetic"


def fingerprint(config: Mapping[str, Any], photo_sha256: str, checkpoint_sha256: str) -> str:
    """Hash of the composed config (without device, paths, launcher, tracking) and of both files' contents.

    photo_sha256: of the photo's file; SYNTHETIC for a face that the generator makes.
    16 hexadecimal digits, the same whatever the order of the keys, and for 5 and 5.0.
    Raises ConfigError for a file that is not there.
    """
    return _digest(_canonical(_relevant(config)), photo_sha256, checkpoint_sha256)


def fingerprints(config: Mapping[str, Any], photo_sha256: str, checkpoint_sha256: str) -> list[str]:
    """Under which a finished run may be recorded: today's, and that of version 0.1.0, which told 5 from 5.0."""
    relevant = _relevant(config)
    both = [_canonical(relevant), relevant]
    return list(dict.fromkeys(_digest(each, photo_sha256, checkpoint_sha256) for each in both))


def _relevant(config: Mapping[str, Any]) -> Any:
    idle = [name for names in (TUNING, FEATURES) if not config.get(names[0]) for name in names]
    idle += ["colour_prior"] * shows_colours(config) + ["face_prior"] * shows_the_face(config)
    ignored = IGNORED.union(idle)
    relevant = {key: value for key, value in config.items() if key not in ignored}
    if "paste" in relevant:  # null, true for a single run alone, asks a sweep for nothing more than false
        relevant["paste"] = bool(relevant["paste"])
    degradation = relevant["degradation"]
    # With mask=none nothing is filled in, whatever `unexplained` says.
    if "unexplained" in degradation and is_none(degradation.get("mask", AUTO)):
        relevant["degradation"] = {**degradation, "unexplained": False}
    return _contents(relevant)


def shows_colours(config: Mapping[str, Any]) -> bool:
    """Whether a photo's colours are known to come through its degradation."""
    target = str(config["degradation"]["_target_"])
    return target.startswith(OURS) and not target.endswith(COLOURLESS)


def shows_the_face(config: Mapping[str, Any]) -> bool:
    """Whether a photo is known to hide nothing but colours."""
    target = str(config["degradation"]["_target_"])
    return target.startswith(OURS) and target.endswith(("NoDegradation", "Grayscale"))


def _digest(relevant: Any, photo_sha256: str, checkpoint_sha256: str) -> str:
    text = json.dumps([relevant, photo_sha256, checkpoint_sha256], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _canonical(value: Any, key: str = "") -> Any:
    """One spelling per number. Settings of one type have one already: their hashes stay as they were."""
    if isinstance(value, Mapping):
        return {name: _canonical(child, name) for name, child in value.items()}
    if isinstance(value, list):
        return [_canonical(child, key) for child in value]
    whole = isinstance(value, float) and value.is_integer()
    return int(value) if whole and key in ANY_NUMBER else value


def _contents(value: Any) -> Any:
    """The same settings with hashes in the place of files and nothing in the place of other paths."""
    if isinstance(value, Mapping):
        return {
            key: _hash_of(key, child) if key in FILES and isinstance(child, str) else _contents(child)
            for key, child in value.items()
            if key not in PATHS and not (key in ADDED and child == ADDED[key])
        }
    if isinstance(value, list):
        return [_contents(child) for child in value]
    return MOVED.get(value, value) if isinstance(value, str) else value


def is_word(key: str, value: str) -> bool:
    """Whether a setting that takes a file has got a word with a meaning of its own: align.landmarks=mesh, mask=auto."""
    return (key == "landmarks" and value == MESH) or (key == "mask" and value in (AUTO, NONE))


def _hash_of(key: str, name: str) -> str:
    if is_word(key, name):
        return name
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
