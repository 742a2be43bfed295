"""What is to be restored: photos from disk, or a synthetic face whose latent is known."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from inversion.degradations.inpaint import known_pixels, read_mask
from inversion.errors import AlignmentError, ConfigError
from inversion.faces.align import Transform, align, full_side
from inversion.faces.found import Found
from inversion.faces.landmarks import choose_face, find_faces
from inversion.faces.paste import Face, paste
from inversion.faces.sample import sample_photo
from inversion.fullsize.tint import paste_colours
from inversion.generator.stylegan2 import Generator
from inversion.images import list_photos, read_photo, resize_to_square, sha256_of, to_tensor
from inversion.reading.printable import printable

log = logging.getLogger(__name__)

OUTSIDE = 0.05  # of the square: more beyond the photo's edge is worth a warning


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
    found: Found | None = None  # where in its photo the face was; None when it came aligned
    mean_face: Tensor | None = None  # [3, R, R], what a synthetic face's generator draws of w_avg

    def inside(self, side: int) -> Tensor | None:
        """[1, side, side] of the aligned photo, 1 = shows the photo, 0 = invented beyond its edge; None: all shows it.

        What is invented counts in no loss and no figure.
        """
        if self.transform is None:
            return None
        inside = torch.from_numpy(self.transform.inside(side))
        return None if inside.all() else inside.float()[None]

    @property
    def file(self) -> str:
        """The full name of the file; what made a synthetic face."""
        return self.name if self.path is None else self.path.name

    def with_face(self, face: Image.Image, before: Image.Image | None = None) -> Image.Image:
        """The whole photo as it was given, with a face in the place of its own; one that came aligned is all face.

        face: square, any resolution. before: what was restored, at the photo's own size: only what has changed is
        pasted. Raises ConfigError for a synthetic face, and where the file is not there any more.
        """
        photo = read_photo(self.origin)
        if self.transform is None:
            return face.resize(photo.size, Image.Resampling.LANCZOS)
        if before is None or self.full is None or self.full.transform is None:
            return paste(photo, face, self.transform)
        return paste(photo, face, self.full.transform, before=before)

    def with_colours(self, face: Image.Image) -> Image.Image:
        """The whole grey photo, coloured from its face outwards; see fullsize/tint.py. Raises as with_face."""
        photo = read_photo(self.origin)
        if self.transform is None:
            return face.resize(photo.size, Image.Resampling.LANCZOS)
        return paste_colours(photo, [Face(face, self.transform)])

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
class Inputs:
    """The photos that can be used, and why the others of a folder cannot."""

    photos: list[Photo]
    refused: dict[Path, str]


@dataclass(frozen=True)
class Photos:
    """A photo or a folder of photos; None is the sample portrait (Grace Hopper, U.S. Navy, public domain)."""

    image: str | None = None
    align: Mapping[str, Any] | bool | None = None  # {face, landmarks}, or False: aligned already
    degraded: bool = False
    mask: str | None = None  # for inpainting: as large as the photo, white = fill in
    max_size: int | None = None  # px at the photo's own size, at most; None: the generator's resolution

    def load(self, generator: Generator) -> Inputs:
        """Read and align; a folder's unusable photos are set aside. Raises ConfigError, AlignmentError."""
        paths = [sample_photo()] if self.image is None else list_photos(self.image)
        resolution = generator.architecture.img_resolution
        photos: list[Photo] = []
        refused: dict[Path, str] = {}
        for path in paths:
            try:
                photos.append(self.load_one(path, resolution, photos))
            except (ConfigError, AlignmentError) as error:
                if len(paths) == 1:
                    raise
                refused[path] = str(error)
        if not photos:
            raise ConfigError(
                f"none of the {len(paths)} photos in {self.image} can be used:\n"
                + "\n".join(f"  {path.name}: {reason}" for path, reason in refused.items())
            )
        return Inputs(photos, refused)

    def load_one(self, path: Path, resolution: int, before: list[Photo]) -> Photo:
        photo = read_photo(path)
        mask = None if self.mask is None else read_mask(self.mask, photo.size).convert("RGB")
        transform, full, found = None, None, None
        points = None if self.align is False else self.find_face(photo, path)
        if points is None:
            picture = resize_to_square(photo, resolution)
            side = self.full_side(photo.width, resolution)
            if side is not None:
                large = None if mask is None else known_pixels(resize_to_square(mask, side))
                full = FullSize(resize_to_square(photo, side), large, None)
            mask = mask and resize_to_square(mask, resolution)
        else:
            aligned = align(photo, points, resolution)
            picture, transform = aligned.image, aligned.transform
            found = Found.of(photo, points, np.array(transform.corners))
            beyond = 1 - transform.inside(resolution).mean()
            if beyond > OUTSIDE:
                log.warning(
                    "%s: %.0f %% of the face's square lie outside the photo; what is invented there counts in no loss "
                    "and no figure",
                    printable(path.name),
                    100 * beyond,
                )
            side = self.full_side(transform.side, resolution)
            if side is not None:
                whole = align(photo, points, side, fade=False)
                large = None if mask is None else known_pixels(align(mask, points, side, fade=False).image)
                full = FullSize(whole.image, large, whole.transform)
            mask = mask and align(mask, points, resolution).image
        name = path.stem if path.stem not in {p.name for p in before} else path.name
        return Photo(
            name,
            to_tensor(picture),
            sha256_of(path),
            path,
            transform,
            None if mask is None else known_pixels(mask),
            full=full,
            found=found,
        )

    def full_side(self, side: float, resolution: int) -> int | None:
        """Pixels across the face at the photo's own size; None where the generator's resolution is enough."""
        if self.max_size is None:
            return None
        if self.max_size < resolution:
            raise ConfigError(
                f"max_size must be at least the generator's {resolution} px. Got {self.max_size}; leave it out, or "
                "1024 would work."
            )
        full = full_side(side, resolution, self.max_size)
        return full if full > resolution else None

    def find_face(self, photo: Image.Image, path: Path) -> Any:
        """68 landmarks of the chosen face, or None for a square degraded photo in which none can be seen."""
        settings = self.align if isinstance(self.align, Mapping) else {}
        landmarks = settings.get("landmarks")
        try:
            faces = find_faces(photo, Path(landmarks) if landmarks else None)
            return choose_face(faces, settings.get("face"))
        except AlignmentError as error:
            if self.degraded and abs(photo.width - photo.height) <= 1:
                log.warning(
                    "%s: no face can be seen, but the photo is square: taken as aligned already", path.name
                )
                return None
            raise AlignmentError(f"{path}: {error}") from error


@dataclass(frozen=True)
class Synthetic:
    """A face made by the generator itself, so that the distance to the true latent can be told."""

    seed: int = 0
    truncation_psi: float = 0.7
    mask: str | None = None

    @torch.no_grad()
    def load(self, generator: Generator) -> Inputs:
        a = generator.architecture
        rng = torch.Generator().manual_seed(self.seed)
        z = torch.randn([1, a.z_dim], generator=rng)
        c = torch.eye(a.c_dim)[:1] if a.c_dim else None
        device = generator.mapping.w_avg.device
        ws = generator.mapping(z.to(device), None if c is None else c.to(device), self.truncation_psi)
        noises = [torch.randn([1, 1, r, r], generator=rng) for r in generator.synthesis.noise_resolutions]
        noises = [noise.to(device) for noise in noises]
        image, mean_face = (
            generator.synthesis(codes, noises)[0].clamp(-1, 1).cpu()
            for codes in (ws, generator.mapping.w_avg.expand_as(ws))
        )
        size = (a.img_resolution, a.img_resolution)
        mask = None if self.mask is None else known_pixels(read_mask(self.mask, size))
        digest = hashlib.sha256(image.numpy().tobytes()).hexdigest()
        face = Photo(f"seed{self.seed}", image, digest, mask=mask, ws=ws[0].cpu(), mean_face=mean_face)
        return Inputs([face], {})
