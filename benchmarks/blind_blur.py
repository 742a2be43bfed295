"""Is the blur of a photo found? `python -m benchmarks.blind_blur PHOTOS [--seed 0] [key=value …]`.

Every photo of a folder (aligned already) is blurred with a kernel of its own, its size drawn evenly between 5 and 12 %
of the side and not a whole number, sigma by OpenCV's rule, and rounded to 8 bits. Prints a Markdown table. Its last
column, the true kernel's misfit, is what a report allows for between two kernels (sweeps/results/noise.py).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.quality import configuration, read_aligned
from inversion.degradations.blur import GaussianBlur
from inversion.images import quantize
from inversion.model import Model
from inversion.search.blind_blur import blur_misfit, face_spectrum, find_kernel_size
from sweeps.execute.networks import networks

SMALLEST, LARGEST = 0.05, 0.12  # of the side
NEAR = 0.15  # of the true size


def blurred(photos: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """What the cameras saw [B, 3, R, R], and the kernel sizes in pixels [B]."""
    rng = torch.Generator().manual_seed(seed)
    shares = SMALLEST + (LARGEST - SMALLEST) * torch.rand(len(photos), generator=rng, dtype=torch.float64)
    sizes = shares * photos.shape[-1]
    cameras = [GaussianBlur(size).bind(photos, False) for size in sizes.tolist()]
    observed = [camera(photo[None]) for camera, photo in zip(cameras, photos, strict=True)]
    return quantize(torch.cat(observed)), sizes


def misfits(observed: Tensor, sizes: Tensor, model: Model) -> Tensor:
    """Of each photo's true kernel: [B], χ² above the best."""
    cameras = [GaussianBlur(size).bind(observed, True) for size in sizes.tolist()]
    found = [blur_misfit(camera, one[None], model) for camera, one in zip(cameras, observed, strict=True)]
    return torch.tensor([one for one in found if one is not None], dtype=torch.float64)


def row(name: str, found: Tensor, sizes: Tensor, apart: Tensor) -> str:
    errors = found / sizes - 1
    share, middle, bias = (errors.abs() <= NEAR).double().mean(), errors.abs().median(), errors.median()
    most = f"{apart.quantile(0.95):.1f}" if len(apart) else "–"
    return f"| {name} | {len(errors)} | {share:.1%} | {middle:.1%} | {bias:+.1%} | {most} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path, help="folder of aligned photos")
    parser.add_argument("--seed", type=int, default=0, help="of the sizes")
    parser.add_argument("--limit", type=int, help="only the first photos")
    parser.add_argument("overrides", nargs="*", help="settings as for run.py")
    chosen = parser.parse_intermixed_args()
    model, _ = networks(configuration("blur", chosen.overrides))
    side = model.generator.architecture.img_resolution
    photos = read_aligned(chosen.photos, side, chosen.limit)
    observed, sizes = blurred(photos, chosen.seed)
    found = find_kernel_size(observed, face_spectrum(model.generator))
    apart = misfits(observed, sizes, model)
    print(
        f"| kernel | photos | within {NEAR:.0%} | median error | median deviation | χ² of the true one, 95 % below |\n"
        "| --- | --- | --- | --- | --- | --- |"
    )
    middle = side * (SMALLEST + LARGEST) / 2
    for name, part in (("smaller half", sizes < middle), ("larger half", sizes >= middle)):
        print(row(name, found[part], sizes[part], apart[part]))
    print(row(f"{SMALLEST:.0%} to {LARGEST:.0%} of the side", found, sizes, apart))


if __name__ == "__main__":
    main()
