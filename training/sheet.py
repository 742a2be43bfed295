"""A sheet of random faces, the same z every time, so that two sheets can be compared."""

from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image

from inversion.generator.stylegan2 import Generator


@torch.no_grad()
def save_sheet(
    generator: Generator,
    path: Path,
    truncation_psi: float = 0.7,
    columns: int = 8,
    rows: int = 8,
    seed: int = 1,
) -> None:
    """columns x rows samples as one PNG."""
    rng = torch.Generator().manual_seed(seed)
    z = torch.randn([columns * rows, generator.architecture.z_dim], generator=rng).to(generator.mapping.w_avg)
    images = torch.cat([generator(part, truncation_psi=truncation_psi).cpu() for part in z.split(16)])
    side = generator.architecture.img_resolution
    grid = images.reshape(rows, columns, 3, side, side).permute(0, 3, 1, 4, 2)
    pixels = ((grid.reshape(rows * side, columns * side, 3) + 1) * 127.5).round().clamp(0, 255).byte()
    Image.fromarray(pixels.numpy()).save(path)
