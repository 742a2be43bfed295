"""What is to be restored: photos from disk, or a synthetic face whose latent is known."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from inversion.damage.damage import Damage
from inversion.degradations.auto import AUTO, NONE
from inversion.degradations.inpaint import known_pixels, needs_filling, read_mask
from inversion.errors import AlignmentError, ConfigError
from inversion.faces.align import Transform, align, full_side, square_side
from inversion.faces.found import Found
from inversion.faces.landmarks import choose_face, find_faces
from inversion.faces.sample import sample_photo
from inversion.generator.stylegan2 import Generator
from inversion.images import list_photos, read_photo, resize_to_square, sha256_of, to_tensor
from inversion.inspection import fills_in, inspect
from inversion.photo import FullSize, Photo
from inversion.reading.printable import printable

log = logging.getLogger(__name__)

ALL = "all"  # align.face: every face of a photo
TOLD = 10  # photos of a folder that are named with their reason where none can be used
OUTSIDE = 0.05  # of the square: more beyond the photo's edge is worth a warning


@dataclass(frozen=True)
class Inputs:
    """The photos that can be used, and why the others of a folder cannot."""

    photos: list[Photo]
    refused: dict[Path, str]


@dataclass(frozen=True)
class Photos:
    """A photo or a folder of photos; None is the sample portrait (Grace Hopper, U.S. Navy, public domain)."""

    image: str | None = None
    align: Mapping[str, Any] | bool | None = None  # {face: number or all, landmarks}; False: aligned
    degraded: bool = False
    mask: str | None = None  # as large as the photo, white = fill in; auto = as found; none
    max_size: int | None = None  # px at the photo's own size, at most; None: the generator's resolution

    def load(self, generator: Generator) -> Inputs:
        """Read and align; a folder's unusable photos are set aside. Raises ConfigError, AlignmentError."""
        paths = [sample_photo()] if self.image is None else list_photos(self.image)
        resolution = generator.architecture.img_resolution
        photos: list[Photo] = []
        refused: dict[Path, str] = {}
        for path in paths:
            try:
                photos += self.load_file(path, resolution, photos)
            except (ConfigError, AlignmentError) as error:
                if len(paths) == 1:
                    raise
                refused[path] = str(error)
        if not photos:
            lines = [f"  {printable(path.name, 80)}: {reason}" for path, reason in refused.items()]
            if len(lines) > TOLD:
                lines[TOLD:] = [f"  and {len(lines) - TOLD} more"]
            raise ConfigError(
                "\n".join(
                    [f"none of the {len(paths)} photos in {printable(self.image)} can be used:", *lines]
                )
            )
        return Inputs(photos, refused)

    def load_file(self, path: Path, resolution: int, before: Sequence[Photo] = ()) -> list[Photo]:
        """The face of one file, or all that are asked for; before: those of other files, which have their names."""
        photo = read_photo(path)
        damage = inspect(path, photo) if self.mask == AUTO and self.degraded else None
        mask = self.mask_of(photo, damage)
        taken = {one.name for one in before} | {one.path.stem for one in before if one.path is not None}
        name = path.name if path.stem in taken else path.stem
        faces = None if self.align is False else self.find_faces(photo, path, resolution)
        if faces is None:
            found = [self.whole(path, name, photo, mask, resolution)]
        elif len(faces) == 1:
            found = [self.framed(path, name, photo, mask, points, resolution) for points in faces.values()]
        else:
            if any(f"{name}-face{number}" in taken for number in faces):
                name = path.name
            found = [
                replace(
                    self.framed(path, f"{name}-face{number}", photo, mask, points, resolution), face=number
                )
                for number, points in faces.items()
            ]
        if self.degraded and mask is not None:
            hidden = np.asarray(mask.getchannel(0)) > 0
            found = [replace(one, hidden=hidden) for one in found]
        return found if damage is None else [with_damage(one, damage) for one in found]

    def whole(
        self, path: Path, name: str, photo: Image.Image, mask: Image.Image | None, resolution: int
    ) -> Photo:
        """A photo in FFHQ framing already."""
        side = self.full_side(photo.width, resolution)
        full = None
        if side is not None:
            known = None if mask is None else known_pixels(resize_to_square(mask, side))
            full = FullSize(resize_to_square(photo, side), known, None)
        return Photo(
            name,
            to_tensor(resize_to_square(photo, resolution)),
            sha256_of(path),
            path,
            mask=None if mask is None else known_pixels(resize_to_square(mask, resolution)),
            full=full,
            width=photo.width,
        )

    def framed(
        self,
        path: Path,
        name: str,
        photo: Image.Image,
        mask: Image.Image | None,
        points: np.ndarray,
        resolution: int,
    ) -> Photo:
        """One face of a photo, by its landmarks."""
        aligned = align(photo, points, resolution)
        transform = aligned.transform
        warn_of_the_edge(transform, path)
        side = self.full_side(transform.side, resolution)
        full = None
        if side is not None:
            whole = align(photo, points, side, fade=False)
            known = None if mask is None else known_pixels(align(mask, points, side, fade=False).image)
            full = FullSize(whole.image, known, whole.transform)
        return Photo(
            name,
            to_tensor(aligned.image),
            sha256_of(path),
            path,
            transform,
            None if mask is None else known_pixels(align(mask, points, resolution).image),
            full=full,
            width=photo.width,
            found=Found.of(photo, points, np.array(transform.corners)),
        )

    def mask_of(self, photo: Image.Image, damage: Damage | None) -> Image.Image | None:
        """As large as the photo, RGB, white = fill in; None: nothing is to be filled in. Raises ConfigError."""
        if damage is not None:
            found = Image.fromarray(255 * damage.surely_hidden.astype(np.uint8))
            return found.convert("RGB") if fills_in(damage) else None
        return None if self.mask in (None, AUTO, NONE) else read_mask(self.mask, photo.size).convert("RGB")

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

    def find_faces(self, photo: Image.Image, path: Path, resolution: int) -> dict[int, np.ndarray] | None:
        """Number, 0 the largest, and 68 landmarks of the faces that are asked for.

        None for a square degraded photo in which no face can be seen.
        """
        settings = self.align if isinstance(self.align, Mapping) else {}
        landmarks, face = settings.get("landmarks"), settings.get("face")
        try:
            found = find_faces(photo, landmarks)
            chosen = choose_face(found, 0 if face == ALL else face)
        except AlignmentError as error:
            if self.degraded and abs(photo.width - photo.height) <= 1:
                log.warning(
                    "%s: no face can be seen, but the photo is square: taken as aligned already",
                    printable(path.name),
                )
                return None
            raise AlignmentError(f"{path}: {error}") from error
        small = [i for i, points in enumerate(found) if square_side(points) < resolution / 2]
        if face != ALL:
            number = face or 0
            if number in small:
                warn_of_small(path, [number], found, resolution, "much of what is drawn is a guess")
            return {number: chosen}
        left_out = [number for number in small if number > 0]  # the largest is restored all the same
        if left_out:
            warn_of_small(
                path, left_out, found, resolution, "left as they are; align.face=NUMBER restores one"
            )
        return {i: points for i, points in enumerate(found) if i not in left_out}


def with_damage(photo: Photo, damage: Damage) -> Photo:
    """An aligned photo with what was found in its file; a mask that hides nothing of this face is none."""
    full = photo.full
    masks = [photo.mask, None if full is None else full.mask]
    if all(mask is None or needs_filling(mask) for mask in masks):
        return replace(photo, damage=damage)
    return replace(photo, damage=damage, mask=None, full=None if full is None else replace(full, mask=None))


def warn_of_the_edge(transform: Transform, path: Path) -> None:
    beyond = 1 - transform.inside(transform.resolution).mean()
    if beyond > OUTSIDE:
        log.warning(
            "%s: %.0f %% of the face's square lie outside the photo; what is invented there counts in no loss "
            "and no figure",
            printable(path.name),
            100 * beyond,
        )


def warn_of_small(
    path: Path, numbers: Sequence[int], found: Sequence[np.ndarray], resolution: int, outcome: str
) -> None:
    sides = ", ".join(f"face {number} ({square_side(found[number]):.0f} px)" for number in numbers)
    log.warning(
        "%s: smaller than half of the generator's %d px: %s; %s",
        printable(path.name),
        resolution,
        sides,
        outcome,
    )


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
        mask = None if self.mask in (None, AUTO, NONE) else known_pixels(read_mask(self.mask, size))
        digest = hashlib.sha256(image.numpy().tobytes()).hexdigest()
        face = Photo(f"seed{self.seed}", image, digest, mask=mask, ws=ws[0].cpu(), mean_face=mean_face)
        return Inputs([face], {})
