"""Mutations of valid files of every dialect, read one after the other in one process.

python -m tests.hostile.fuzz COUNT SEED [DIALECT ...]     a line of totals as JSON for each dialect
"""

from __future__ import annotations

import io
import json
import random
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import ExifTags, Image

from inversion.checkpoints.load import load
from inversion.checkpoints.safetensors_file import save
from inversion.errors import CheckpointError, ConfigError
from inversion.images import read_photo
from inversion.inspection import inspect
from inversion.latents.latents_file import load_latents
from tests.hostile.case import Case
from tests.hostile.measured import SCREEN, _memory
from tests.hostile.profiles import display_p3
from tests.inversion.checkpoints import written

WORST = (
    b"\xff\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\0\0\0\0",
    b"\0\0\0\x80",
    b"PK\x05\x06",
    b"PK\x01\x02",
    b"9" * 40,
    b"(((((",
    b"\x94h\x00",
)


def nvidia_state_dict(path: Path) -> Path:
    g = written.weights(written.reference("nvidia_skip"), "G.")
    torch.save({"G_ema": g, "D": written.weights(written.reference("nvidia_skip"), "D.")}, path)
    return path


def ours(path: Path, half: bool) -> Path:
    save(load(written.nvidia(path.with_suffix(".pkl"))), path, half)
    return path


def stylegan3_ours(path: Path) -> Path:
    save(load(written.stylegan3_file(path.with_suffix(".pkl"), "t")), path)
    return path


def latents(path: Path, write: Callable[..., None]) -> Path:
    w = np.random.default_rng(0).normal(size=(1, 8, 16)).astype(np.float32)
    write(
        path.with_suffix(".npz"), w=w, noise_0=np.zeros((1, 4, 4)), seed=7, extra=np.array('{"psnr": 24.1}')
    )
    return path.with_suffix(".npz")


def turned() -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Software] = "an editor"
    return exif


def picture(path: Path, kind: str, **options: Any) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    Image.fromarray(pixels).convert("P" if kind == "GIF" else "RGB").save(path, format=kind, **options)
    return path


def looked_at(path: Path) -> object:
    """As degradation=auto does: what has happened to a photo is found in its pixels and in its file."""
    return inspect(path, read_photo(path))


DIALECTS: dict[str, tuple[Callable[[Path], Path], Callable[[Path], object]]] = {
    "nvidia": (written.nvidia, load),
    "nvidia protocol 0": (partial(written.nvidia, protocol=0), load),
    "stylegan3": (partial(written.stylegan3_file, name="r"), load),
    "stylegan3 t": (partial(written.stylegan3_file, name="t"), load),
    "stylegan3, ours": (stylegan3_ours, load),
    "tensorflow": (written.tensorflow, load),
    "rosinality zip": (written.rosinality, load),
    "rosinality legacy": (partial(written.rosinality, legacy=True), load),
    "nvidia state dict": (nvidia_state_dict, load),
    "ours": (partial(ours, half=False), load),
    "ours half": (partial(ours, half=True), load),
    "npz": (partial(latents, write=np.savez), load_latents),
    "npz compressed": (partial(latents, write=np.savez_compressed), load_latents),
    "PNG": (partial(picture, kind="PNG", icc_profile=display_p3()), read_photo),
    "JPEG": (partial(picture, kind="JPEG", icc_profile=display_p3()), read_photo),
    "JPEG with EXIF": (partial(picture, kind="JPEG", exif=turned()), looked_at),
    "TIFF": (partial(picture, kind="TIFF", compression="tiff_lzw"), read_photo),
    "WEBP": (partial(picture, kind="WEBP", lossless=True), read_photo),
    "GIF": (partial(picture, kind="GIF"), read_photo),
    "BMP": (partial(picture, kind="BMP"), read_photo),
}


def mutated(data: bytes, rng: random.Random) -> bytes:
    """One to eight changes of one of these kinds each; the first kilobyte, with its headers, more often."""
    content = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 3, 8))):
        at = rng.randrange(min(len(content), rng.choice((64, 1024, len(content))))) if content else 0
        length = rng.choice((1, 2, 4, 16, 256))
        kind = rng.randrange(8)
        if kind == 0:
            content[at : at + 1] = bytes([rng.randrange(256)])
        elif kind == 1:
            content[at : at + 1] = bytes([content[at] ^ 1 << rng.randrange(8)]) if content else b""
        elif kind == 2:
            worst = rng.choice(WORST)
            content[at : at + len(worst)] = worst
        elif kind == 3:
            del content[at : at + length]
        elif kind == 4:
            content[at:at] = rng.randbytes(length)
        elif kind == 5:
            content[at:at] = content[at : at + length] * rng.choice((1, 2, 50))
        elif kind == 6:
            other = rng.randrange(len(content) or 1)
            content[at : at + length] = content[other : other + length]
        else:
            content = content[: rng.randrange(len(content) + 1)]
    return bytes(content)


def mutated_inside(data: bytes, rng: random.Random) -> bytes:
    """A zip archive with one of its parts changed and packed anew: sums and sizes are right, what is inside is not."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(file, "w") as out:
        parts = source.infolist()
        chosen = rng.choice(parts)
        for part in parts:
            content = source.read(part)
            out.writestr(
                part.filename, mutated(content, rng) if part is chosen else content, part.compress_type
            )
    return file.getvalue()


def fuzz(dialect: str, count: int, seed: int) -> dict[str, Any]:
    """Totals: read, refused, and the faults of each kind with the number of the first mutation that showed it."""
    make, read = DIALECTS[dialect]
    rng = random.Random(f"{dialect} {seed}")
    totals: Counter[str] = Counter()
    faults: dict[str, int] = {}
    slowest = 0.0
    with tempfile.TemporaryDirectory() as folder:
        whole = make(Path(folder) / "whole.pt").read_bytes()
        path = Path(folder) / "mutated"
        before = _memory("VmPeak")
        for number in range(count):
            inside = whole.startswith(b"PK") and rng.random() < 0.5
            path.write_bytes((mutated_inside if inside else mutated)(whole, rng))
            began = time.process_time()
            try:
                read(path)
                totals["read"] += 1
            except (CheckpointError, ConfigError) as error:
                totals["refused"] += 1
                if not str(error).isprintable() or len(str(error)) > SCREEN:
                    faults.setdefault(f"message {str(error)!r:.200}", number)
            except BaseException:
                faults.setdefault(traceback.format_exc()[-700:], number)
            slowest = max(slowest, time.process_time() - began)
        if slowest > Case.cpu:
            faults["time"] = -1
        memory = _memory("VmPeak") - before
    return {"dialect": dialect, **totals, "slowest": round(slowest, 2), "memory": memory, "faults": faults}


if __name__ == "__main__":
    warnings.simplefilter("error")
    for dialect_ in sys.argv[3:] or DIALECTS:
        sys.stdout.write(json.dumps(fuzz(dialect_, int(sys.argv[1]), int(sys.argv[2]))) + "\n")
        sys.stdout.flush()
