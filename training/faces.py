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
from inversion.priors.expected_face import FILE, SIDE, ExpectedFace, halves
from training.colours import asked, components, unlike, write
from training.data import load_pictures

COMPONENTS = 400  # of 200, 400, 800 faces told from 16 px come 0.1 dB nearer each time


def main() -> None:
    chosen = asked(__doc__, FILE)
    faces = load_pictures(chosen.pictures, SIDE).float() / 127.5 - 1
    if chosen.check:
        print(check(faces))
        return
    write(vars(fit(faces)), chosen.out)


def fit(faces: Tensor, count: int = COMPONENTS) -> ExpectedFace:
    """Of pictures [N, 3, SIDE, SIDE] in [-1, 1] and their mirror images: the `count` largest components.

    A face's even part (what it shares with its mirror image) and its odd part vary independently over faces and mirror
    images, so that each has components of its own.
    """
    even, odd = (halves(faces.double(), sign) for sign in (1, -1))
    mean = even.mean(dim=0)
    found = [scaled(even - mean, count), scaled(odd, count)]
    least = torch.cat([each.square().sum(dim=1) for each in found]).sort(descending=True).values[:count][-1]
    even, odd = (each[each.square().sum(dim=1) >= least].float() for each in found)
    return ExpectedFace(mean.float(), even, odd)


def scaled(rows: Tensor, count: int) -> Tensor:
    """Principal components of centred rows, each as long as the rows' standard deviation along it: [N, D] -> [K, D]."""
    along = components(rows, min(count, len(rows)))
    return along * (rows @ along.mT).square().mean(dim=0).sqrt()[:, None]


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
