"""One photo's observation: who may use a mask that came with it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from inversion.degradations.blur import GaussianBlur
from inversion.degradations.compose import Compose
from inversion.degradations.degradation import Degradation
from inversion.degradations.inpaint import Inpaint
from inversion.degradations.scratches import Scratches
from inversion.errors import ConfigError
from inversion.photos import Photo
from inversion.record.folder_recorder import FolderRecorder
from inversion.restore import Task, observe
from inversion.search.hyperparameters import Hyperparameters


@pytest.fixture
def masked(tmp_path: Path) -> Task:
    """The left half of its photo is to be filled in."""
    pixels = torch.rand([3, 16, 16], generator=torch.Generator().manual_seed(0)) * 2 - 1
    known = (torch.arange(16) >= 8).float().expand(1, 16, 16)
    photo = Photo("face", pixels, "", mask=known)
    return Task(photo, Inpaint(), False, Hyperparameters(), 0, tmp_path, FolderRecorder(tmp_path))


def test_inpainting_fills_in_what_the_photos_own_mask_says(masked: Task) -> None:
    observed = observe(masked, torch.device("cpu")).image[0]
    assert (observed[:, :, :8] == -1).all()
    torch.testing.assert_close(observed[:, :, 8:], masked.photo.image[:, :, 8:], rtol=0, atol=1 / 255)


@pytest.mark.parametrize(
    "other", [GaussianBlur(3), Scratches(), Compose((Inpaint(),))], ids=lambda o: type(o).__name__
)
def test_any_other_degradation_refuses_a_mask_by_name(masked: Task, other: Degradation) -> None:
    with pytest.raises(ConfigError, match=f"Got input.mask with the degradation {type(other).__name__}"):
        observe(replace(masked, degradation=other), torch.device("cpu"))


def test_a_face_without_a_photo_is_not_pasted(masked: Task) -> None:
    with pytest.raises(ConfigError, match="paste=true puts the face back into its photo"):
        observe(replace(masked, paste=True), torch.device("cpu"))
