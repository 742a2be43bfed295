"""Identity distance: how far apart dlib's face descriptors are.

King 2017, dlib_face_recognition_resnet_model_v1 (a 29-layer ResNet, 128 numbers per face; public domain).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from inversion.errors import ConfigError
from inversion.faces.landmarks import installed_model, load_detector, load_predictor
from inversion.faces.predictor_file import PREDICTOR_FILE
from inversion.features.dlib_descriptor import DESCRIPTOR_FILE, load_face_descriptor
from inversion.features.dlib_descriptor import SIZE as CHIP_SIZE
from inversion.images import to_pil, to_tensor

SIZE = 256  # px, at which the face is measured
FACE = (62, 78, 211, 228)  # left, top, right, bottom: the detector's median box in FFHQ framing at 256 px
# Lowest detector score: 208 pictures of other things reached -0.80, faces of 64 px blurred by sigma 2 -0.68.
FAINTEST = -0.7
NO_FACE = np.full(128, np.nan)
OVERLAP = 0.4  # intersection over union with FACE
CHIP_PADDING = 0.25  # around the face in what the network looks at, dlib's default


def identity_distance(a: Tensor, b: Tensor) -> Tensor:
    """Compare the persons in two batches of aligned faces: [B], float32, nan where either shows no face.

    a, b: [B, 3, H, W] in [-1, 1], FFHQ framing; b may be one face, [1, 3, H, W], for all of a. Euclidean distance
    of descriptors: 0 for the same picture, below 0.6 the same person by dlib's convention. Scale, measured on 48
    official portraits: two persons 0.82 (median; the closest two 0.52), one person at 128 and at 64 px 0.15,
    blurred by sigma 2 at 64 px 0.59.
    """
    if a.shape != b.shape and b.shape != (1, *a.shape[1:]):
        raise ConfigError(f"Faces are compared in pairs. Got {list(a.shape)} and {list(b.shape)}.")
    difference = descriptors(a) - descriptors(b)
    return torch.from_numpy(np.linalg.norm(difference, axis=1)).float().to(a.device)


def descriptors(images: Tensor) -> np.ndarray:
    """Describe each aligned face by 128 numbers: [B, 128] float64; a row of nan where there is no face.

    images: [B, 3, H, W] in [-1, 1], FFHQ framing. The face is known to fill the box FACE, so the landmarks
    are sought there, not where the detector points: as close to the descriptors of the unaligned photos
    (median 0.06), and a face too blurred to be detected is still measured. The detector only says, far below
    its usual threshold, whether there is a face at all.
    """
    if images.ndim != 4 or images.shape[1] != 3:
        raise ConfigError(f"Faces come as [B, 3, H, W]. Got {list(images.shape)}.")
    rows = [_descriptor(to_pil(image)) if image.isfinite().all() else NO_FACE for image in images]
    return np.stack(rows) if rows else np.empty((0, 128))


def _descriptor(face: Image.Image) -> np.ndarray:
    """[128], nan when the picture shows no face."""
    return _described(face.resize((SIZE, SIZE), Image.Resampling.BICUBIC).tobytes())


@lru_cache(maxsize=64)
def _described(rgb: bytes) -> np.ndarray:
    """As `_descriptor`, of SIZE x SIZE pixels. All points of a sweep are compared with the same few originals."""
    import dlib

    pixels = np.frombuffer(rgb, np.uint8).reshape(SIZE, SIZE, 3)
    if not _shows_face(pixels):
        return NO_FACE
    landmarks = load_predictor(installed_model(PREDICTOR_FILE))(pixels, dlib.rectangle(*FACE))
    chip = to_tensor(Image.fromarray(dlib.get_face_chip(pixels, landmarks, CHIP_SIZE, CHIP_PADDING)))
    network = load_face_descriptor(installed_model(DESCRIPTOR_FILE), torch.device("cpu"))
    return network(chip[None])[0].double().numpy()  # what dlib's own takes ten times as long for


def _shows_face(pixels: np.ndarray) -> bool:
    boxes, scores, _ = load_detector().run(pixels, 0, FAINTEST)
    return any(_overlap((box.left(), box.top(), box.right(), box.bottom())) > OVERLAP for box in boxes)


def _overlap(box: tuple[int, int, int, int]) -> float:
    """Intersection over union with FACE."""
    left, top = max(box[0], FACE[0]), max(box[1], FACE[1])
    right, bottom = min(box[2], FACE[2]), min(box[3], FACE[3])
    shared = max(right - left, 0) * max(bottom - top, 0)
    return shared / (_area(box) + _area(FACE) - shared)


def _area(box: tuple[int, int, int, int]) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])
