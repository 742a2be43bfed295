"""One photo, aligned, and the way back into it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from inversion.damage.damage import Damage
from inversion.damage.luma import enlarged_to
from inversion.degradations.compose import changes_luma, is_colourless, shows_everything
from inversion.degradations.degradation import Degradation
from inversion.errors import ConfigError
from inversion.faces.align import Transform
from inversion.faces.found import Found
from inversion.faces.paste import Face, in_photo, paste_all
from inversion.fullsize.fill import filled
from inversion.fullsize.tint import paste_colours
from inversion.images import read_photo, to_pil


@dataclass(frozen=True)
class FullSize:
    """A photo's aligned crop at its own size S, without invented detail."""

    image: Image.Image  # S x S, RGB
    mask: Tensor | None  # [1, S, S], 1 = known, warped like the photo
    transform: Transform | None  # back into the photo; None when it came aligned


@dataclass(frozen=True)
class Photo:
    """One picture, aligned and ready to be optimized."""

    name: str  # of its run and its folder: that of the file without its ending where no other photo has it
    image: Tensor  # [3, R, R] in [-1, 1]
    sha256: str  # of the file; of the pixels for a synthetic face
    path: Path | None = None  # None for a synthetic face
    transform: Transform | None = None  # back into the photo; None when it came aligned
    mask: Tensor | None = None  # [1, R, R], 1 = known, warped like the photo
    ws: Tensor | None = None  # [num_ws, w_dim], the true codes of a synthetic face
    full: FullSize | None = None  # None: the restoration ends at the generator's resolution
    width: int | None = None  # of the file, in pixels; None for a synthetic face
    found: Found | None = None  # where in its photo the face was; None when it came aligned
    mean_face: Tensor | None = None  # [3, R, R], what a synthetic face's generator draws of w_avg
    face: int | None = None  # its number, 0 the largest, where several of the photo are restored
    damage: Damage | None = field(default=None, repr=False)  # of the whole file; None: not looked for
    # [H, W] bool of the whole file, True = does not show the photo; None: all of it does
    hidden: np.ndarray | None = field(default=None, repr=False)

    @property
    def side(self) -> float:
        """Of the face's square, in the photo's pixels; all of a photo that came aligned."""
        if self.transform is not None:
            return self.transform.side
        return float(self.width or self.image.shape[-1])

    @property
    def turn(self) -> float:
        """Degrees by which alignment has turned directions of the photo, counter-clockwise."""
        if self.transform is None:
            return 0.0
        corners = self.transform.corners
        across, down = (corners[3][axis] - corners[0][axis] for axis in (0, 1))
        return math.degrees(math.atan2(down, across))

    def inside(self, side: int) -> Tensor | None:
        """[1, side, side] of the aligned photo, 1 = shows the photo, 0 = invented beyond its edge; None: all shows it.

        What is invented counts in no loss and no figure.
        """
        if self.transform is None:
            return None
        inside = torch.from_numpy(self.transform.inside(side))
        return None if inside.all() else inside.float()[None]

    def in_photo(self, mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """A mask of the aligned face in its whole photo: [S, S] bool -> [H, W] bool. size: H, W of one without."""
        if self.transform is not None:
            return in_photo(mask, self.transform)
        return enlarged_to(mask, size)

    @property
    def label(self) -> str:
        """For people: the file, and which of its faces where there are several."""
        return self.file if self.face is None else f"{self.file}, face {self.face}"

    @property
    def file(self) -> str:
        """The full name of the file; what made a synthetic face."""
        return self.name if self.path is None else self.path.name

    @property
    def given(self) -> Image.Image:
        """The aligned face as the file has it, at the size at which its restoration ends."""
        return to_pil(self.image) if self.full is None else self.full.image

    @property
    def origin(self) -> Path:
        """The photo's file. Raises ConfigError for a synthetic face."""
        if self.path is None:
            raise ConfigError(
                f"paste=true puts the face back into its photo. Got {self.name}, which the generator made; "
                "input=photo would work."
            )
        return self.path


@dataclass(frozen=True)
class Restored:
    """A restored face of a photo.

    arrived: what had happened to a photo that arrived damaged: then only what the restoration has changed is pasted.
    filled: the search has filled in more than `arrived` says, see inversion/unexplained.py.
    """

    photo: Photo
    face: Image.Image  # square, any resolution
    arrived: Degradation | None = None
    filled: bool = False

    def placed(self, whole: bool = False) -> Face:
        """With its place in the photo. whole: also where it is what was given."""
        photo, full = self.photo, self.photo.full
        assert photo.transform is not None
        given = None if whole or self.arrived is None else photo.given
        if given is None or given.size != self.face.size:
            return Face(self.face, photo.transform)
        return Face(
            self.face, photo.transform if full is None or full.transform is None else full.transform, given
        )


def with_faces(faces: Sequence[Restored]) -> Image.Image:
    """The whole photo as it was given, with restored faces in the place of its own; one that came aligned is all face.

    faces: all of one photo. Where what had happened to it took its colours, the faces' colour runs out beyond their
    squares (fullsize/tint.py); where it took more, their luma is their own. What is hidden of a photo beyond the faces,
    as by scratches, is filled from around it (fullsize/fill.py).
    Raises ConfigError for a synthetic face, and where the file is not there any more.
    """
    first = faces[0].photo
    photo = read_photo(first.origin)
    arrived = [one.arrived for one in faces if one.arrived is not None]
    mended = [one for one in faces if one.arrived is None or not shows_everything(one.arrived)]
    if mended and first.transform is None:
        return mended[0].face.resize(photo.size, Image.Resampling.LANCZOS)
    if arrived and first.hidden is not None and first.hidden.shape == photo.size[::-1]:
        photo = filled(photo, first.hidden)
    coloured = any(is_colourless(operator) for operator in arrived)
    relit = any(changes_luma(operator) for operator in arrived) or any(one.filled for one in faces)
    if not mended:
        return photo
    if coloured and relit:
        photo = paste_all(photo, [one.placed() for one in mended])
    if coloured:
        return paste_colours(photo, [one.placed(whole=True) for one in mended])
    return paste_all(photo, [one.placed() for one in mended])
