"""A restored face back in the photo that it came from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from inversion.errors import ConfigError
from inversion.faces.sample import sample_photo
from inversion.images import read_photo, to_pil
from inversion.photo import Photo, Restored, with_faces
from inversion.photos import Photos


def test_a_face_goes_back_where_it_was_cut_out() -> None:
    photo = Photos().load_file(sample_photo(), 256)[0]
    whole = np.asarray(read_photo(sample_photo()), dtype=float)
    same = np.asarray(with_faces([Restored(photo, to_pil(photo.image))]), dtype=float)
    assert same.shape == whole.shape
    assert np.abs(same - whole).mean() < 2.55
    white = np.asarray(with_faces([Restored(photo, Image.new("RGB", (64, 64), "white"))]), dtype=float)
    assert (white[200, 265] == 255).all() and (white[450:] == whole[450:]).all()


def test_a_photo_that_came_aligned_is_all_face(tmp_path: Path) -> None:
    Image.new("RGB", (100, 99)).save(tmp_path / "square.png")
    photo = Photos(align=False).load_file(tmp_path / "square.png", 64)[0]
    pasted = with_faces([Restored(photo, Image.new("RGB", (64, 64), "white"))])
    assert pasted.size == (100, 99) and np.asarray(pasted).min() == 255


def test_a_synthetic_face_has_no_photo_to_go_back_to() -> None:
    with pytest.raises(ConfigError, match="paste=true .* Got seed7"):
        with_faces([Restored(Photo("seed7", torch.zeros(3, 8, 8), ""), Image.new("RGB", (8, 8)))])


def test_a_photo_that_changed_its_size_meanwhile_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    read_photo(sample_photo()).save(path)
    photo = Photos().load_file(path, 64)[0]
    Image.new("RGB", (50, 50)).save(path)
    with pytest.raises(ConfigError, match="not the one that was aligned"):
        with_faces([Restored(photo, to_pil(photo.image))])
