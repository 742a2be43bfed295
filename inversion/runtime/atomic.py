"""Files that are whole or absent: written under a temporary name, then renamed.

A reader never sees half a file, a killed run leaves the previous version in place, and a full disk is one
clear OSError with no litter left behind.
"""

from __future__ import annotations

import io
import os
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

from PIL import Image


def write_file(path: Path, content: bytes) -> None:
    """Make `path` hold exactly `content`; its folder is created when missing.

    Raises OSError naming the file and the cause (disk full, quota, no permission); what stood there before
    is then still there.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        try:
            temporary.write_bytes(content)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(content)
        os.replace(temporary, path)
    except BaseException as error:
        with suppress(OSError):  # the litter of a failure
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise cannot_write(path, error) from error
        raise


def png(image: Image.Image, **kept: Any) -> bytes:
    """As a PNG file: lossless, the same bytes for the same pixels; kept: what Pillow writes beside them, as dpi=."""
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", compress_level=1, **kept)  # a panel in 20 ms, not 80, and a fifth larger
    return buffer.getvalue()


def cannot_write(path: Path, error: OSError) -> OSError:
    """The one message for a file that could not be written; keeps `errno`."""
    cause = os.strerror(error.errno) if error.errno else str(error)
    hint = "Free some space, or choose another output folder (hydra.run.dir=…)."
    return OSError(error.errno or 0, f"Could not write {path}: {cause}. {hint}")
