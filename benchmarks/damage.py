"""Is the damage of a photo found? `python -m benchmarks.damage PHOTOS [--seeds 3] [--limit N] [--each]`.

Whole photos of a folder (never tuned on) are corrupted at their own size by chains of our own operators, drawn at
random at three severities: see benchmarks/damaged.py. Prints a Markdown table of what was found against what was done.
Blur counts where it is visible: sigma of at least VISIBLE pixels.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from benchmarks.damaged import SEVERITIES, Damaged, damaged
from inversion.damage.damage import SURE, Damage, find_damage
from inversion.degradations.blur import default_sigma
from inversion.images import list_photos, read_photo

VISIBLE = 1.5  # px
NEAR_KERNEL, NEAR_SIGMA, NEAR_QUALITY = 0.15, 0.25, 5
NEAR_ANGLE = 10  # degrees


@dataclass(frozen=True)
class Case:
    """One photo: what was done, what was found, how long that took."""

    name: str
    severity: int
    done: Damaged
    found: Damage
    seconds: float  # of CPU time

    @property
    def overlap(self) -> tuple[float, float]:
        """Precision and recall of the mask; its pixels, not its widened edges."""
        truth, mask = self.done.scratched, self.found.scratches.mask
        if truth is None:
            return (float(not mask.any()), 1.0)
        hit = float((truth & mask).sum())
        return hit / max(1.0, float(mask.sum())), hit / float(truth.sum())


Measure = Callable[[Case], float | None]  # None: says nothing of this kind of damage


def colour(case: Case) -> float | None:
    """Faded is right for a photo in colour: some were pale before."""
    kind = case.found.colour.kind
    return float(kind == case.done.colour or (kind, case.done.colour) == ("faded", "colour"))


def sharp(case: Case) -> float | None:
    """Neither out of focus nor moved."""
    if case.done.kernel_size or case.done.moved:
        return None
    return float(case.found.blur.is_sharp and not case.found.is_moved)


def kernel(case: Case) -> float | None:
    size = case.done.kernel_size
    if size is None or default_sigma(size) < VISIBLE:
        return None
    return float(abs(case.found.blur.kernel_size / size - 1) <= NEAR_KERNEL)


def unmoved(case: Case) -> float | None:
    return None if case.done.moved else float(not case.found.is_moved)


def moved(case: Case) -> float | None:
    return float(case.found.is_moved) if case.done.moved else None


def line(case: Case) -> float | None:
    if not (case.done.moved and case.found.is_moved):
        return None
    (length, angle), found = case.done.moved, case.found.motion
    turned = abs((found.angle - angle + 90) % 180 - 90)
    return float(abs(found.length / length - 1) <= NEAR_KERNEL and turned <= NEAR_ANGLE)


def clean(case: Case) -> float | None:
    return None if case.done.dusty is not None else float(case.found.dust.confidence < SURE)


def dust_precision(case: Case) -> float | None:
    """Of what is sure."""
    if case.done.dusty is None or case.found.dust.confidence < SURE:
        return None
    mask = case.found.dust.mask
    near = ndimage.binary_dilation(case.done.dusty, iterations=2)  # a spot's edge is half of it
    return float((mask & near).sum() / mask.sum())


def dust_recall(case: Case) -> float | None:
    if case.done.dusty is None or not case.done.dusty.any():
        return None
    mask = case.found.dust.mask if case.found.dust.confidence >= SURE else np.zeros_like(case.done.dusty)
    return float((mask & case.done.dusty).sum() / case.done.dusty.sum())


def quality(case: Case) -> float | None:
    """Of compressed photos only: those left alone are JPEG files from the start."""
    done, found = case.done.quality, case.found.compression.quality
    return None if done is None else float(found is not None and abs(found - done) <= NEAR_QUALITY)


def noise(case: Case) -> float | None:
    sigma = case.done.sigma
    return None if sigma is None else float(abs(case.found.noise.sigma / sigma - 1) <= NEAR_SIGMA)


def precision(case: Case) -> float | None:
    return None if case.done.scratched is None else case.overlap[0]


def recall(case: Case) -> float | None:
    return None if case.done.scratched is None else case.overlap[1]


def untouched(case: Case) -> float | None:
    """Share of a photo without scratches that is taken for scratched."""
    return case.found.scratches.share if case.done.scratched is None else None


MEASURES: dict[str, tuple[Measure, str]] = {
    "grey, sepia, colour right": (colour, ">= 99 %"),
    "sharp recognised": (sharp, ">= 95 %"),
    f"kernel within {NEAR_KERNEL:.0%}": (kernel, ">= 85 %"),
    f"JPEG quality within {NEAR_QUALITY}": (quality, ">= 95 %"),
    f"noise sigma within {NEAR_SIGMA:.0%}": (noise, "-"),
    "scratches, precision": (precision, ">= 80 % at severity 2"),
    "scratches, recall": (recall, ">= 80 % at severity 2"),
    "scratched, of whole photos": (untouched, "-"),
    "motion seen, of photos that moved": (moved, "-"),
    f"its line within {NEAR_KERNEL:.0%} and {NEAR_ANGLE} degrees, of those": (line, "-"),
    "no motion seen, of the others": (unmoved, "-"),
    "dust, precision": (dust_precision, "-"),
    "dust, recall": (dust_recall, "-"),
    "no dust seen, of photos without": (clean, "-"),
}


def lines(cases: Sequence[Case]) -> list[str]:
    """The table: means by severity, the number of photos behind each, the goal."""
    head = ["", *(f"severity {severity}" for severity in SEVERITIES), "all", "photos", "goal"]
    table = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for name, (measure, goal) in MEASURES.items():
        values = [(case.severity, value) for case in cases if (value := measure(case)) is not None]
        cells = [mean([value for one, value in values if one == severity]) for severity in SEVERITIES]
        cells += [mean([value for _, value in values]), str(len(values)), goal]
        table.append("| " + " | ".join([name, *cells]) + " |")
    return table


def mean(values: Sequence[float]) -> str:
    return f"{np.mean(values):.1%}" if values else "-"


def describe(case: Case) -> str:
    """One line: done -> found."""
    done, found = case.done, case.found
    size, sigma = done.kernel_size or 1, done.sigma or 0
    return (
        f"{case.name} {done.photo.shape[1]}x{done.photo.shape[0]} severity {case.severity}: "
        f"{done.colour} -> {found.colour.kind}, kernel {size:.1f} -> {found.blur.kernel_size:.1f} "
        f"({found.blur.confidence:.2f}), sigma {sigma:.4f} -> {found.noise.sigma:.4f}, "
        f"quality {done.quality} -> {found.compression.quality} ({found.compression.origin}), "
        f"scratched {0 if done.scratched is None else done.scratched.mean():.2%} -> {found.scratches.share:.2%}, "
        f"moved {done.moved} -> {found.motion.length:.1f}, {found.motion.angle:.0f} ({found.motion.confidence:.2f}), "
        f"dust {0 if done.dusty is None else done.dusty.mean():.2%} -> {found.dust.count} spots, "
        f"precision {case.overlap[0]:.2f}, recall {case.overlap[1]:.2f}, {case.seconds:.1f} CPU s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path, help="folder of whole photos")
    parser.add_argument("--seeds", type=int, default=3, help="chains per photo and severity")
    parser.add_argument("--limit", type=int, help="only the first photos")
    parser.add_argument("--each", action="store_true", help="print every photo")
    chosen = parser.parse_args()
    cases = []
    for number, path in enumerate(list_photos(chosen.photos)[: chosen.limit]):
        photo: Image.Image = read_photo(path)
        for severity in SEVERITIES:
            for seed in range(chosen.seeds):
                done = damaged(photo, severity, 1000 * seed + number)
                began = time.process_time()
                found = find_damage(done.photo, done.tables)
                cases.append(Case(path.stem, severity, done, found, time.process_time() - began))
                if chosen.each:
                    print(describe(cases[-1]), flush=True)
    print(f"\n{number + 1} photos, {chosen.seeds} seeds, {len(cases)} cases\n\n" + "\n".join(lines(cases)))
    print(f"\n{np.median([case.seconds for case in cases]):.2f} CPU s per photo, median")


if __name__ == "__main__":
    main()
