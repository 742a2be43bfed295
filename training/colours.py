"""Fit the colours to expect of faces: `python -m training.colours PICTURES ... [--out FILE] [--check]`.

PICTURES: folders and zips of aligned faces. Kernel ridge regression from luma to chroma in closed form, in seconds:
inversion/priors/expected_colours.py says what for. --check fits four fifths of the pictures instead and says how
near the last fifth's colours come, as PSNR at 16 px, beside the mean face's colours and no colours at all; pictures
that are nearly one of the fifth are left out.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from inversion.fullsize.luma import grey
from inversion.priors.expected_colours import (
    CHROMA_SIDE,
    FILE,
    LUMA_SIDE,
    ExpectedColours,
    kernel,
    with_green,
)
from training.data import load_pictures

# chosen by --check: more centres and components gain a quarter of a dB, for a file several times as large
CENTRES, OF_LUMA, OF_CHROMA = 1024, 64, 48
NARROW = 2.0  # exponent of the kernel at the pictures' mean squared distance from their mean
RIDGE = 0.3
SAME = 0.95  # correlation of luma above which two pictures are taken for one
FOLDS = 5  # of pictures, each of which is told by what was fitted to the others


def main() -> None:
    chosen = asked(__doc__, FILE)
    luma, chroma = examples(load_pictures(chosen.pictures, 2 * LUMA_SIDE))
    if chosen.check:
        print(check(luma, chroma))
        return
    write(vars(fit(luma, chroma)), chosen.out)


def asked(description: str | None, out: Path) -> argparse.Namespace:
    """PICTURES… [--out FILE] [--check], as of each prior that is fitted to faces. out: where its file ships."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pictures", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, default=out)
    parser.add_argument("--check", action="store_true")
    return parser.parse_args()


def write(tensors: Mapping[str, Tensor], path: Path) -> None:
    """In half precision; says how large the file is."""
    save_file({name: tensor.half().contiguous() for name, tensor in tensors.items()}, path)
    print(f"{path}: {path.stat().st_size / 2**10:.0f} KiB")


def examples(pictures: Tensor) -> tuple[Tensor, Tensor]:
    """uint8 [N, 3, R, R] -> luma [N, 1, LUMA_SIDE, LUMA_SIDE], R - Y and B - Y [N, 2, CHROMA_SIDE, CHROMA_SIDE]."""
    x = pictures.double() / 127.5 - 1
    luma = grey(x)[:, :1]
    chroma = (x - luma)[:, [0, 2]]
    return F.adaptive_avg_pool2d(luma, LUMA_SIDE), F.adaptive_avg_pool2d(chroma, CHROMA_SIDE)


def fit(luma: Tensor, chroma: Tensor) -> ExpectedColours:
    """Of pictures and their mirror images, and the variance that is left of each fold of them; float64."""
    fold = torch.arange(len(luma)) % FOLDS
    squares = torch.zeros_like(chroma[0, 0])
    for one in range(FOLDS):
        rest = (fold == one).nonzero()[:, 0]
        seen = unlike(luma, (fold != one).nonzero()[:, 0], rest)
        answer = regression(luma[seen], chroma[seen]).of_few_pixels(luma[rest])
        squares += (chroma[rest] - answer).square().sum(dim=(0, 1))
    variance = (squares + squares.flip(-1)) / (2 * len(luma))
    return replace(regression(luma, chroma), variance=variance.flatten())


def regression(luma: Tensor, chroma: Tensor) -> ExpectedColours:
    """Without the variance, which is 0."""
    x, y = (torch.cat([each, each.flip(-1)]).flatten(1) for each in (luma, chroma))
    mean_luma, mean_chroma = x.mean(dim=0), y.mean(dim=0)
    of_luma, of_chroma = components(x - mean_luma, OF_LUMA), components(y - mean_chroma, OF_CHROMA)
    spread = ((x - mean_luma) @ of_luma.mT).square().sum(dim=1).mean()
    of_luma = of_luma * (NARROW / spread).sqrt()
    at = (x - mean_luma) @ of_luma.mT
    centres = at[torch.randperm(len(at), generator=torch.Generator().manual_seed(0))[:CENTRES]]
    near = kernel(at, centres)
    normal = near.mT @ near + RIDGE * kernel(centres, centres) + 1e-6 * torch.eye(len(centres)).to(at)
    # of unit length each but for a common factor, whose square takes numbers back to where `at` came from
    back = at / of_luma[0].square().sum()
    found = torch.linalg.solve(normal, near.mT @ torch.cat([(y - mean_chroma) @ of_chroma.mT, back], dim=1))
    weights, luma_weights = found.split([len(of_chroma), len(of_luma)], dim=1)
    none = torch.zeros_like(chroma[0, 0]).flatten()
    return ExpectedColours(mean_luma, of_luma, centres, weights, of_chroma, mean_chroma, none, luma_weights)


def components(x: Tensor, count: int) -> Tensor:
    """Principal components of centred rows, the largest first: [N, D] -> [count, D]."""
    return torch.linalg.eigh(x.mT @ x).eigenvectors.flip(1)[:, :count].mT


def check(luma: Tensor, chroma: Tensor) -> str:
    """How near the colours of pictures come that were not fitted."""
    order = torch.randperm(len(luma), generator=torch.Generator().manual_seed(1))
    seen, rest = order[len(order) // 5 :], order[: len(order) // 5]
    seen = unlike(luma, seen, rest)
    fitted = fit(luma[seen], chroma[seen])
    found = {
        "no colours": torch.zeros_like(chroma[rest]),
        "the mean face's": fitted.mean_chroma.view_as(chroma[:1]).expand_as(chroma[rest]),
        "expected": fitted.of_few_pixels(luma[rest]),
    }
    found["expected, paler"] = fitted.paler(with_green(found["expected"]), 0.5)[:, [0, 2]]
    lines = [f"{len(rest)} pictures, fitted to {len(seen)} others; median and mean PSNR of colours, dB"]
    for name, guess in found.items():
        values = colour_psnr(guess, chroma[rest])
        lines.append(f"{name}: {values.median():.2f} {values.mean():.2f}")
    return "\n".join(lines)


def unlike(luma: Tensor, seen: Tensor, rest: Tensor) -> Tensor:
    """Those of `seen` that are nearly none of `rest`: luma [N, 1, H, W], and numbers of pictures [S] and [R]."""
    level = F.normalize(luma.flatten(1) - luma.flatten(1).mean(dim=1, keepdim=True))
    return seen[(level[seen] @ level[rest].mT).amax(dim=1) < SAME]


def colour_psnr(guess: Tensor, true: Tensor) -> Tensor:
    """Of pictures whose luma is equal, from R - Y and B - Y in the range [-1, 1]: [N, 2, H, W] twice -> [N], dB."""
    squares = with_green(guess - true).square().mean(dim=(1, 2, 3))
    return -10 * (squares / 4).log10()


if __name__ == "__main__":
    main()
