"""What does not knowing the damage cost? `python -m benchmarks.damage_outcome PHOTOS [--severity 2] [--limit 10]`.

Whole photos of a folder (never tuned on) are corrupted as in benchmarks/damage.py. The face of each is restored twice,
by the operator that degradation=auto finds and by the one that was applied, and both are compared with the photo
before, at its own size. Prints each photo, and the median of what is lost: goal at most 1 dB and 0.03 of identity.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from hydra.utils import instantiate
from PIL import Image

from benchmarks.damaged import SEVERITIES, Damaged, damaged
from inversion.damage.blur import Blur
from inversion.damage.motion import Motion
from inversion.damage.noise import IN_LUMA
from inversion.degradations.auto import NONE, Auto
from inversion.degradations.degradation import Degradation
from inversion.images import list_photos, read_photo, to_tensor
from inversion.inspection import resolve
from inversion.metrics import identity_distance, psnr
from inversion.passes import restore
from inversion.photo import Photo
from inversion.photos import Photos
from inversion.presets import composed
from inversion.restoration import Problem, Restoration
from inversion.runtime.heap import keep_heap
from sweeps.execute.networks import networks
from sweeps.plan.config import Config


@dataclass(frozen=True)
class Outcome:
    """One face, restored by an operator."""

    psnr: float  # dB, to the photo before it was damaged
    identity: float  # distance to it


def known(done: Damaged, photo: Photo) -> Degradation:
    """The operator that was applied, composed as degradation=auto composes what it finds."""
    assert photo.damage is not None
    sharp, still = Blur(1.0, 1.0), Motion(1.0, 0.0, 0.0)
    damage = replace(
        photo.damage,
        blur=sharp if done.kernel_size is None else Blur(done.kernel_size, 1.0),
        motion=still if done.moved is None else Motion(*done.moved, 1.0),
    )
    told = Auto(
        grayscale=NONE if done.colour == "colour" else True,
        noise=NONE if done.sigma is None else done.sigma / IN_LUMA,
        jpeg=NONE,
        unexplained=False,
    )
    return resolve(told, replace(photo, damage=damage))


def both(path: Path, original: Image.Image, done: Damaged, resolution: int) -> tuple[Photo, Photo, Photo]:
    """The face as auto has it, the same with the mask that is right, and before: by one set of landmarks."""
    source = Photos(degraded=True, mask="auto", max_size=1024)
    (found,) = source.load_file(path, resolution)
    photo = read_photo(path)
    faces = source.find_faces(photo, path, resolution)
    assert faces is not None
    (points,) = faces.values()
    hidden = [one for one in (done.scratched, done.dusty) if one is not None]
    mask = None
    if hidden:
        mask = Image.fromarray(255 * np.logical_or.reduce(hidden).astype(np.uint8)).convert("RGB")
    told = source.framed(path, found.name, photo, mask, points, resolution)
    before = source.framed(path, found.name, original, None, points, resolution)
    return found, replace(told, damage=found.damage), before


def measured(result: Restoration, before: Photo) -> Outcome:
    image = before.image if before.full is None else to_tensor(before.full.image)
    restored = to_tensor(result.image)
    return Outcome(
        psnr(restored[None], image[None]).item(), float(identity_distance(restored[None], image[None])[0])
    )


def evenly(count: int, limit: int) -> list[int]:
    """So many of 0 to count - 1, the first and the last among them; all where there are no more."""
    return [int(at) for at in np.unique(np.linspace(0, count - 1, min(limit, count)).round())]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path, help="folder of whole photos")
    parser.add_argument("--severity", type=int, default=2, choices=SEVERITIES)
    parser.add_argument(
        "--limit", type=int, default=10, help="only as many photos, evenly chosen; at least 1"
    )
    parser.add_argument("overrides", nargs="*", help="settings as for run.py")
    chosen = parser.parse_intermixed_args()
    if chosen.limit < 1:
        parser.error(f"--limit is at least 1. Got {chosen.limit}.")
    keep_heap()
    config = Config.of(composed("degradation=auto", "degraded=true", *chosen.overrides))
    model, loss = networks(config)
    auto, resolution = instantiate(config.degradation), model.generator.architecture.img_resolution
    lost = []
    with tempfile.TemporaryDirectory() as folder:
        photos = list(enumerate(list_photos(chosen.photos)))  # its number decides what happens to a photo
        for number, original in (photos[at] for at in evenly(len(photos), chosen.limit)):
            photo = read_photo(original)
            done = damaged(photo, chosen.severity, number)
            path = Path(folder) / f"{original.stem}.png"
            Image.fromarray(done.photo).save(path)
            found, told, before = both(path, photo, done, resolution)
            operators = auto, known(done, told)
            problems = [
                Problem(one, operator, config.hyperparameters, degraded=True)
                for one, operator in zip((found, told), operators, strict=True)
            ]
            first, second = restore(model, loss, problems)
            if not (isinstance(first, Restoration) and isinstance(second, Restoration)):
                print(f"{original.stem}: refused", flush=True)
                continue
            ours, best = measured(first, before), measured(second, before)
            lost.append((best.psnr - ours.psnr, ours.identity - best.identity))
            print(
                f"{original.stem}: found {ours.psnr:.2f} dB {ours.identity:.3f}, known {best.psnr:.2f} dB "
                f"{best.identity:.3f}; {first.operator} / {second.operator}; "
                f"{first.metrics['found_unexplained']:.2f} % left over",
                flush=True,
            )
    decibels, identity = np.nanmedian(np.array(lost), axis=0)
    print(f"\n{len(lost)} photos, severity {chosen.severity}: median of what is lost", end=" ")
    print(f"{decibels:.2f} dB, {identity:.3f} of identity distance")


if __name__ == "__main__":
    main()
