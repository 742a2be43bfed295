"""Aligned face pictures from folders and zips, held in memory."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp"}


def load_pictures(sources: Iterable[str | Path], resolution: int) -> Tensor:
    """All pictures that are large enough as one uint8 tensor [N, 3, resolution, resolution].

    In the order of the sources, then of the names. Larger pictures are shrunk by area averaging, smaller ones left
    out: portraits of 128 px take no part at 256 px. Raises ValueError for a picture that is not square, and when
    nothing is left.
    """
    pictures = []
    for source in map(Path, sources):
        for name, data in sorted(_files(source)):
            image = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
            if image.shape[0] != image.shape[1]:
                raise ValueError(f"training pictures must be square. Got {image.shape} in {source}, {name}")
            if len(image) >= resolution:
                picture = torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float()
                pictures.append(F.interpolate(picture, size=resolution, mode="area").round().byte())
    if not pictures:
        raise ValueError(
            f"no pictures of {resolution} px or more in {[str(source) for source in sources]}; "
            f"folders or zips of aligned {sorted(SUFFIXES)} files would work"
        )
    return torch.cat(pictures)


def _files(source: Path) -> list[tuple[str, bytes]]:
    if zipfile.is_zipfile(source):
        with zipfile.ZipFile(source) as archive:
            return [
                (name, archive.read(name)) for name in archive.namelist() if Path(name).suffix in SUFFIXES
            ]
    return [(path.name, path.read_bytes()) for path in source.glob("*") if path.suffix in SUFFIXES]


def sample_batch(pictures: Tensor, batch_size: int, rng: torch.Generator) -> Tensor:
    """Random pictures, each mirrored with probability 1/2: [B, 3, R, R] in [-1, 1]."""
    device = pictures.device
    chosen = torch.randint(len(pictures), [batch_size], generator=rng, device=device)
    batch = pictures[chosen].float() / 127.5 - 1
    mirrored = torch.rand([batch_size], generator=rng, device=device) < 0.5
    return torch.where(mirrored[:, None, None, None], batch.flip(3), batch)
