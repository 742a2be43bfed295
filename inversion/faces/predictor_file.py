"""Check a landmark file of a person's own before dlib reads it into this process.

dlib believes what the file claims: it takes memory for 2^40 rows before it looks for them, and follows indices that
point anywhere, which can end the process. Its published file is known by its hash; any other is tried in a process
of its own, which may use little more than the file's size and a few seconds.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from inversion.errors import ConfigError
from inversion.images import sha256_of
from inversion.reading.printable import printable
from inversion.reading.regular_file import size_of_regular

PREDICTOR_FILE = "shape_predictor_68_face_landmarks.dat"
SHA256 = "fbdc2cb80eb9aa7a758672cbfdda32ba6300efe9b6e6c7a299ff7e736b11b92f"
MAX_SIZE = 1 << 30  # bytes; dlib's has 99,693,937
SPARE = 768 << 20  # bytes of address space beyond the file's size
SECONDS = 5
TRIAL = """
import resource, sys
import dlib, numpy
path, room, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
held = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize() if sys.platform == "linux" else 1 << 30
resource.setrlimit(resource.RLIMIT_AS, (held + room, held + room))
resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
try:
    shape = dlib.shape_predictor(path)(numpy.zeros((64, 64, 3), numpy.uint8), dlib.rectangle(0, 0, 63, 63))
except BaseException as error:
    sys.exit(f"{type(error).__name__}: {error}")
"""


def check_predictor(path: Path) -> None:
    """Raise ConfigError for what is no file, and for a file that dlib cannot read in little memory and time."""
    try:
        size = size_of_regular(path)
    except FileNotFoundError as error:
        raise ConfigError(
            f"Landmark file not found. Got {printable(path)}; dlib's {PREDICTOR_FILE} works."
        ) from error
    except OSError as error:
        raise ConfigError(
            f"Landmark file cannot be read. {printable(error)}; dlib's {PREDICTOR_FILE} works."
        ) from error
    if size > MAX_SIZE:
        raise _unreadable(path, f"{size:,} bytes, more than {MAX_SIZE:,}")
    if sha256_of(path) != SHA256:
        command = [sys.executable, "-c", TRIAL, str(path), str(size + SPARE), str(SECONDS)]
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode < 0:
            raise _unreadable(path, f"dlib crashed or took too long on it, signal {-done.returncode}")
        if done.returncode:
            raise _unreadable(path, printable(done.stderr.decode("utf-8", "replace"), 200))


def _unreadable(path: Path, reason: str) -> ConfigError:
    return ConfigError(
        f"Landmark file cannot be read. Got {printable(path)} ({reason}); dlib's {PREDICTOR_FILE} works."
    )
