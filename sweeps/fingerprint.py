"""What makes two runs the same run: everything that can change a pixel, and nothing else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

# Top-level keys that cannot change what comes out, or that the content hashes stand for.
IGNORED = {"device", "batch_size", "tracking", "launcher", "image", "generator"}


def fingerprint(config: Mapping[str, Any], photo_sha256: str, checkpoint_sha256: str) -> str:
    """Hash of the composed config (without device, paths, launcher, tracking) and of both files' contents.

    16 hexadecimal digits, the same whatever the order of the keys.
    """
    relevant = {key: value for key, value in config.items() if key not in IGNORED}
    relevant["input"] = {k: v for k, v in dict(config.get("input") or {}).items() if k != "image"}
    text = json.dumps([relevant, photo_sha256, checkpoint_sha256], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
