from __future__ import annotations

from pathlib import Path

import pytest

from inversion.errors import CheckpointError
from inversion.faces.landmarks import installed_model
from inversion.faces.predictor_file import PREDICTOR_FILE
from inversion.features.dlib_descriptor import DESCRIPTOR_FILE
from inversion.features.dlib_file import Stream, read_layers


@pytest.fixture(scope="module")
def whole() -> bytes:
    return installed_model(DESCRIPTOR_FILE).read_bytes()


def stream(data: bytes) -> Stream:
    return Stream(data, Path("some.dat"))


def integer(value: int) -> bytes:
    """As dlib/serialize.h describes it."""
    size = max(1, (abs(value).bit_length() + 7) // 8)
    return bytes([size | (0x80 if value < 0 else 0)]) + abs(value).to_bytes(size, "little")


@pytest.mark.parametrize("value", [0, 1, -1, 255, 256, -70_000, 2**62])
def test_integers_have_a_sign_and_as_many_bytes_as_they_need(value: int) -> None:
    assert stream(integer(value)).integer() == value


@pytest.mark.parametrize(
    ("mantissa", "exponent", "value"), [(0, 0, 0.0), (1, 0, 1.0), (-3, -1, -1.5), (5, 3, 40.0)]
)
def test_real_numbers_are_mantissa_and_exponent(mantissa: int, exponent: int, value: float) -> None:
    assert stream(integer(mantissa) + integer(exponent)).real() == value


def test_the_descriptor_is_read_from_its_input_to_its_loss() -> None:
    layers = read_layers(installed_model(DESCRIPTOR_FILE))
    kinds = [layer.kind for layer in layers]
    assert kinds[0] == "input_rgb_image_sized" and kinds[-2:] == ["fc_2", "loss_metric_2"]
    assert layers[0].numbers == pytest.approx([122.782, 117.001, 104.298, 150, 150])
    assert kinds.count("con_4") + kinds.count("fc_2") == 29 + 1  # the README counts 29 convolutions
    assert layers[-1].numbers == pytest.approx([0.04, 0.6])
    assert all(layer.params.isfinite().all() for layer in layers)


@pytest.mark.parametrize("kept", [0, 1, 3, 20, 0x120, 0x140, 5000, 1_000_000, -1])
def test_a_truncated_file_is_refused_with_the_place(tmp_path: Path, whole: bytes, kept: int) -> None:
    path = tmp_path / "cut.dat"
    path.write_bytes(whole[:kept])
    with pytest.raises(CheckpointError, match=r"Got .*cut\.dat, \d+ bytes, without .* at byte \d+"):
        read_layers(path)


def test_a_longer_file_is_refused(tmp_path: Path, whole: bytes) -> None:
    (tmp_path / "long.dat").write_bytes(whole + b"\0")
    with pytest.raises(CheckpointError, match="the end of the file"):
        read_layers(tmp_path / "long.dat")


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.dat").write_text("not a network")
    for path in (tmp_path / "text.dat", installed_model(PREDICTOR_FILE)):
        with pytest.raises(CheckpointError, match="Not a face descriptor"):
            read_layers(path)
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_layers(tmp_path / "missing.dat")


def test_an_unknown_layer_is_refused_by_name(tmp_path: Path, whole: bytes) -> None:
    (tmp_path / "odd.dat").write_bytes(whole.replace(b"affine_", b"afinne_"))
    with pytest.raises(CheckpointError, match="its name is 'afinne_'"):
        read_layers(tmp_path / "odd.dat")


def test_a_shape_that_no_file_can_hold_is_refused_before_anything_is_taken() -> None:
    shape = b"".join(integer(n) for n in (2, 1 << 20, 1 << 20, 1, 1))
    with pytest.raises(CheckpointError, match="the shape of a tensor"):
        stream(shape).tensor()
