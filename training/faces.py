"""Fit the face to expect behind a photo: `python -m training.faces PICTURES ... [--out FILE] [--check]`.

PICTURES: folders and zips of aligned faces. Mean and principal components, in closed form, in seconds:
inversion/priors/expected_face.py says what for. --check fits nine tenths of the pictures instead and says how near the
last tenth is told from 16 pixels and from what surrounds a hole, made consistent, as PSNR at 64 px, beside the photo
and the mean face; pictures that are nearly one of the tenth are left out.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from inversion.degradations.downsample import Downsample
from inversion.degradations.inpaint import Inpaint
from inversion.images import quantize
from inversion.metrics.psnr import psnr
from inversion.priors.expected_face import FILE, SIDE, ExpectedFace, halves, places
from training.colours import asked, unlike, write
from training.data import load_pictures

# chosen on the card's 254 people left out: 800 components are as near, 400 are 0.1 and 0.2 dB (16 pixels, hole) farther
COMPONENTS, REACH = 600, 20.0


def main() -> None:
    chosen = asked(__doc__, FILE)
    faces = load_pictures(chosen.pictures, SIDE).float() / 127.5 - 1
    if chosen.check:
        print(check(faces))
        return
    write(vars(fit(faces)), chosen.out)


def fit(faces: Tensor, count: int = COMPONENTS, reach: float = REACH) -> ExpectedFace:
    """Of pictures [N, 3, SIDE, SIDE] in [-1, 1] and their mirror images: the `count` largest components.

    A face's even part (what it shares with its mirror image) and its odd part vary independently over faces and mirror
    images, so that each has components of its own. reach: see `near`; math.inf: the covariance as it is.
    """
    even, odd = (halves(faces, sign).double() for sign in (1, -1))
    mean = even.mean(dim=0)
    at, pixels = places()
    believed = near(at, reach)
    found = [scaled(rows.mT @ rows / len(rows) * believed, pixels, count) for rows in (even - mean, odd)]
    least = torch.cat([lengths for lengths, _ in found]).sort(descending=True).values[:count][-1]
    even, odd = (along[lengths >= least].float() for lengths, along in found)
    return ExpectedFace(mean.float(), even, odd)


def near(at: Tensor, reach: float) -> Tensor:
    """How much of the covariance of two places is believed, exp(-d² / 2 reach²): [L, 2] -> [L, L].

    d and reach in pixels of SIDE. Few faces make places far apart look related that are not. Localization (Houtekamer &
    Mitchell 2001): a covariance times a correlation, element by element, is a covariance still (Gaspari & Cohn 1999).
    A place and its mirror image count as one: eyes go with each other.
    """
    return (torch.cdist(at, at).square() / (-2 * reach**2)).exp()


def scaled(covariance: Tensor, pixels: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Principal components, the largest first, each as long as the standard deviation along it.

    covariance: [L, L], of numbers that count as often as they stand for pixels [L]. Returns lengths over all pixels [K]
    and components [K, L].
    """
    root = pixels.sqrt()
    squares, along = torch.linalg.eigh(root[:, None] * covariance * root)
    lengths = squares.flip(0)[:count].clamp(min=0).sqrt()
    return lengths, lengths[:, None] * along.mT.flip(0)[:count] / root


def check(faces: Tensor) -> str:
    """How near faces come that were not fitted."""
    order = torch.randperm(len(faces), generator=torch.Generator().manual_seed(1))
    rest, seen = order[: len(order) // 10], order[len(order) // 10 :]
    seen = unlike(F.adaptive_avg_pool2d(faces.mean(dim=1, keepdim=True), 32), seen, rest)
    fitted, held_out = fit(faces[seen]), faces[rest]
    lines = [f"{len(rest)} pictures, fitted to {len(seen)} others; median PSNR of them at {SIDE} px, dB"]
    for name, operator in (("16 pixels", Downsample(SIDE / 16)), ("40 % of the sides missing", Inpaint())):
        known = operator.bind(held_out, degraded=False)
        photos = quantize(known(held_out))
        told = torch.cat([fitted(known, photo[None]) for photo in photos])
        answers = {
            "photo": photos,
            "mean face": fitted.pictures()[0].expand_as(held_out),
            "expected face": told,
        }
        for answer, guess in answers.items():
            nearness = psnr(known.consistent(guess.clamp(-1, 1), photos), held_out).median()
            lines.append(f"{name}, {answer}: {nearness:.2f}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
