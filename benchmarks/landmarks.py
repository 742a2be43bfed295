"""Landmarks by MediaPipe's face mesh beside dlib's: `python -m benchmarks.landmarks PHOTOS`.

How FFHQ's square of each photo's largest face differs: its centre (share of dlib's square), size and angle.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.quality import markdown
from inversion.faces.align import ffhq_corners, square_side
from inversion.faces.landmarks import find_faces
from inversion.faces.mesh import MESH
from inversion.images import list_photos, read_photo


def differences(ours: np.ndarray, reference: np.ndarray) -> dict[str, float]:
    """Of two sets of landmarks, [68, 2] each."""
    a, b = ffhq_corners(ours), ffhq_corners(reference)
    (ax, ay), (bx, by) = a[3] - a[0], b[3] - b[0]
    turned = math.degrees(math.atan2(ay, ax) - math.atan2(by, bx))
    return {
        "centre [% of the square]": 100 * float(np.hypot(*(a.mean(0) - b.mean(0)))) / square_side(reference),
        "size [ratio]": square_side(ours) / square_side(reference),
        "angle [degrees]": abs((turned + 180) % 360 - 180),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path, nargs="+", help="folders")
    rows, missed = [], []
    for path in (path for folder in parser.parse_args().photos for path in list_photos(str(folder))):
        photo = read_photo(path)
        ours, reference = find_faces(photo, MESH), find_faces(photo)
        if ours and reference:
            rows.append(differences(ours[0], reference[0]))
        else:
            missed.append(path.name)
    table = pd.DataFrame(rows).quantile([0.05, 0.5, 0.95]).T.round(3)
    table.columns = ["5 %", "median", "95 %"]
    print(f"{len(rows)} photos; no face in {', '.join(missed) or 'none'}\n")
    print(markdown(table.reset_index(names="difference").astype(str)))


if __name__ == "__main__":
    main()
