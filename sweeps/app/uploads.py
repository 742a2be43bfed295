"""Photos that a person has given to the page: checked, kept in a folder that goes with it, their faces found."""

from __future__ import annotations

import hashlib
import math
import secrets
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image, ImageChops

from inversion.degradations.inpaint import read_mask
from inversion.errors import AlignmentError, ConfigError
from inversion.faces.align import align, ffhq_corners, square_side
from inversion.faces.landmarks import find_faces
from inversion.images import read_photo
from inversion.runtime.atomic import png, write_file

MAX_BYTES = 64 << 20  # of one upload
MAX_PIXELS = 50_000_000  # of a photo; command line: 100 million
MAX_FACES = 24  # that are shown to choose from
KEPT = 8  # photos at once: the oldest goes when another one comes
THUMBNAIL, AREA, PREVIEW = 256, 720, 1600  # px, longest sides of what the page shows
MARGIN = 0.35  # of a face's square, around it where a mask is painted
LONGEST_NAME = 120  # letters; file systems take 255 bytes

MASK = "mask.png"
HIDDEN = "hidden.png"  # white: what is surely hidden, as large as the photo
GONE = f"This photo is not here any more: {KEPT} are kept. Choose it again."

one_photo = threading.Lock()  # is worked on at a time: a large one takes seconds, and up to a gigabyte

Sent = bytes | bytearray
Given = TypeVar("Given")
Box = tuple[int, int, int, int]  # left, top, right, bottom in the photo's pixels


@dataclass(frozen=True)
class Upload:
    """One photo. Its folder holds the file as it came, and what the page shows of it."""

    id: str
    folder: Path
    path: Path  # of the photo as it came
    size: tuple[int, int]  # width, height, upright
    areas: tuple[Box, ...]  # around each face, the largest first: where a mask is painted
    sides: tuple[float, ...]  # px of each face's square
    is_aligned: bool  # no face can be seen, but the photo is square: all of it is taken as the face

    @property
    def mask(self) -> Path | None:
        """White = to be filled in, as large as the photo; None: nothing was painted or given."""
        path = self.folder / MASK
        return path if path.exists() else None

    def kept_mask(self, with_found: bool = False) -> Path | None:
        """The mask in a file that the next one does not replace: a search that waits reads its own.

        with_found: what was found to be hidden is filled in as well (found.py); alone it is no mask.
        """
        try:
            content = (self.folder / MASK).read_bytes()
        except FileNotFoundError:
            return None
        found = self.folder / HIDDEN
        if with_found and found.exists():
            with Image.open(self.folder / MASK) as painted, Image.open(found) as hidden:
                content = png(ImageChops.lighter(painted.convert("L"), hidden.convert("L")))
        path = self.folder / f"mask_{hashlib.sha256(content).hexdigest()[:16]}.png"
        write_file(path, content)
        return path


class Uploads:
    """All photos of one page. May be used from several threads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[str, Upload] = {}
        self._held: Counter[str] = Counter()  # by how many requests that go on
        self._lock = threading.Lock()

    def get(self, key: object) -> Upload:
        """Raises ConfigError for a photo that is not there (any more)."""
        with self._lock:
            if isinstance(key, str) and key in self._known:
                return self._known[key]
        raise ConfigError(GONE)

    @contextmanager
    def hold(self, key: object) -> Iterator[Upload]:
        """As `get`, and the photo stays until the block ends. Raises ConfigError."""
        with self._lock:
            upload = self._known.get(key) if isinstance(key, str) else None
            if upload is not None:
                self._held[upload.id] += 1
        if upload is None:
            raise ConfigError(GONE)
        try:
            yield upload
        finally:
            with self._lock:
                self._held[upload.id] -= 1

    def add(self, name: str, content: Sent, needed: Callable[[], frozenset[str]] = frozenset) -> Upload:
        """Keep a photo and find its faces. needed: ids of photos that a search still reads, asked once faces are found.

        Raises ConfigError for what is no photo or too large, AlignmentError where no face can be found.
        """
        key = secrets.token_urlsafe(9)
        folder = self.folder / key
        folder.mkdir()
        try:
            with one_photo:
                upload = _looked_at(key, folder, safe_name(name), content)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        with self._lock:
            self._known[key] = upload
            kept = needed() | {other for other, requests in self._held.items() if requests}
            others = [other for other in self._known if other != key and other not in kept]
            for old in others[: max(0, len(self._known) - KEPT)]:
                shutil.rmtree(self._known.pop(old).folder, ignore_errors=True)
        return upload

    def paint(self, upload: Upload, face: int, content: Sent) -> None:
        """A mask that was painted over the area of one face, at any scale. Raises ConfigError."""
        area = upload.areas[face] if 0 <= face < len(upload.areas) else (0, 0, *upload.size)
        with _file(upload, "painted", content) as path:
            painted = _of_page(read_photo, path, MAX_PIXELS).convert("L")
            whole = Image.new("L", upload.size)
            whole.paste(
                painted.resize((area[2] - area[0], area[3] - area[1]), Image.Resampling.BILINEAR), area[:2]
            )
            whole.save(path, "PNG")
            write_file(upload.folder / MASK, png(_of_page(read_mask, path, upload.size)))

    def give_mask(self, upload: Upload, content: Sent) -> None:
        """A mask from a file, as large as the photo. Raises ConfigError."""
        with _file(upload, "given", content) as path:
            write_file(upload.folder / MASK, png(_of_page(read_mask, path, upload.size)))

    def clear_mask(self, upload: Upload) -> None:
        (upload.folder / MASK).unlink(missing_ok=True)


def safe_name(name: str) -> str:
    """The last part of a file's name, without what no file system or log takes; "photo" where nothing is left."""
    last = name.replace("\\", "/").rpartition("/")[2]
    clean = "".join(letter for letter in last if letter.isprintable()).replace("${", "$ {").strip(". ")
    stem, dot, ending = clean.rpartition(".")
    short = f"{stem[: LONGEST_NAME - 10]}{dot}{ending[:9]}" if dot else clean[:LONGEST_NAME]
    while len(short.encode("utf-8", "replace")) > 2 * LONGEST_NAME:
        short = short[1:]
    return short or "photo"


def _looked_at(key: str, folder: Path, name: str, content: Sent) -> Upload:
    (folder / "photo").mkdir()  # so that no name of a photo is one of the pictures beside it
    path = folder / "photo" / name
    path.write_bytes(content)
    photo = _of_page(read_photo, path, MAX_PIXELS)
    faces = find_faces(photo)[:MAX_FACES]
    square = abs(photo.width - photo.height) <= 1
    if not faces and not square:
        raise AlignmentError(
            f"No face can be seen in {name}, however it is turned. Cut it to a square around the face, from above the "
            "hair to the chin, and choose that: a square photo is taken as it is."
        )
    _shrunk(photo, PREVIEW).save(folder / "preview.jpg", quality=90)
    areas = tuple(_area(points, photo.size) for points in faces) or ((0, 0, *photo.size),)
    for number, area in enumerate(areas):
        if faces:
            thumbnail = align(photo, faces[number], THUMBNAIL).image
        else:
            thumbnail = photo.resize((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
        thumbnail.save(folder / f"face_{number}.jpg", quality=90)
        _shrunk(photo.crop(area), AREA).save(folder / f"area_{number}.jpg", quality=92)
    sides = tuple(square_side(points) for points in faces) or (float(photo.width),)
    return Upload(key, folder, path, photo.size, areas, sides, not faces)


def _area(points: np.ndarray, size: tuple[int, int]) -> Box:
    """The upright box around a face's turned square, with a margin, inside the photo."""
    corners = ffhq_corners(points)
    margin = MARGIN * math.dist(corners[0], corners[1])
    low = np.maximum(np.floor(corners.min(axis=0) - margin), 0).astype(int)
    high = np.minimum(np.ceil(corners.max(axis=0) + margin), size).astype(int)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _shrunk(photo: Image.Image, longest: int) -> Image.Image:
    copy = photo.copy()
    copy.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    return copy


@contextmanager
def _file(upload: Upload, name: str, content: Sent) -> Iterator[Path]:
    """What was sent, as a file of the upload's folder, for as long as it is looked at."""
    path = upload.folder / f"{secrets.token_hex(4)} {name}"
    try:
        path.write_bytes(content)
        with one_photo:
            yield path
    finally:
        path.unlink(missing_ok=True)


def _of_page(read: Callable[[Path, Given], Image.Image], path: Path, given: Given) -> Image.Image:
    """Read a file; what is wrong with it is said without the place that it has here. Raises ConfigError."""
    try:
        return read(path, given)
    except ConfigError as error:
        raise ConfigError(str(error).replace(str(path), path.name)) from error
