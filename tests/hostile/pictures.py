"""Photos and masks at the limit of what is read, and beyond."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from tests.hostile.case import MB, Case
from tests.hostile.opcodes import ANSI

LIMIT = 1536 * MB
SIDE = 10_000
WRITTEN = 1_000_000  # bytes at a time
GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
CHANNELS = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGBA: 4}


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(
    folder: Path, colour: int, bits: int = 8, size: tuple[int, int] = (SIDE, SIDE), before: bytes = b""
) -> Path:
    """Written some rows at a time, so that it takes no memory here either; a grey ramp down the picture."""
    width, height = size
    packer = zlib.compressobj(1)
    content = b""
    row = width * CHANNELS[colour] * bits // 8
    step = max(1, WRITTEN // (row + 1))
    for top in range(0, height, step):
        levels = np.arange(top, min(top + step, height)) * 255 // max(height - 1, 1)
        rows = np.zeros((len(levels), row + 1), dtype=np.uint8)  # each begins with its filter, 0 = none
        rows[:, 1:] = levels[:, None]
        content += packer.compress(rows.tobytes())
    content += packer.flush()
    head = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    palette = chunk(b"PLTE", bytes(range(256)) * 3) + chunk(b"tRNS", bytes(256)) if colour == PALETTE else b""
    whole = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + before
        + palette
        + chunk(b"IDAT", content)
        + chunk(b"IEND", b"")
    )
    (folder / "a.png").write_bytes(whole)
    return folder / "a.png"


def mask(folder: Path) -> Path:
    return png(folder, GREY)


def saved(folder: Path, name: str, mode: str) -> Path:
    """100 megapixels in another format."""
    Image.new(mode, (SIDE, SIDE), 7 if mode in ("L", "I;16", "P") else None or 0).save(folder / name)
    return folder / name


def turned(folder: Path) -> Path:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (SIDE, SIDE)).save(folder / "a.jpg", exif=exif)
    return folder / "a.jpg"


def profiled(folder: Path) -> Path:
    from tests.hostile.profiles import display_p3

    Image.new("RGB", (SIDE, SIDE), (200, 20, 90)).save(folder / "a.jpg", icc_profile=display_p3())
    return folder / "a.jpg"


def compressed_chunk(folder: Path, kind: bytes, head: bytes, megabytes: int) -> Path:
    packer = zlib.compressobj(9)
    content = b"".join(packer.compress(bytes(MB)) for _ in range(megabytes)) + packer.flush()
    return png(folder, RGB, size=(64, 64), before=chunk(kind, head + content))


def claimed(folder: Path, size: tuple[int, int]) -> Path:
    head = struct.pack(">IIBBBBB", *size, 8, RGB, 0, 0, 0)
    (folder / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b""))
    return folder / "a.png"


def frames(folder: Path, count: int = 100_000) -> Path:
    """A GIF of many frames, of which only the first is wanted."""
    first = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8))
    first.save(folder / "a.gif")
    data = (folder / "a.gif").read_bytes()
    start = data.index(b",")
    (folder / "a.gif").write_bytes(data[:-1] + data[start:-1] * count + b";")
    return folder / "a.gif"


def strip(folder: Path, width: int) -> Path:
    """One row of pixels, uncompressed."""
    with open(folder / "a.ppm", "wb") as file:
        file.write(f"P6 {width} 1 255\n".encode())
        file.truncate(file.tell() + 3 * width)
    return folder / "a.ppm"


def named(folder: Path, name: str, content: bytes) -> Path:
    (folder / name).write_bytes(content)
    return folder / name


def noise(folder: Path, size: tuple[int, int]) -> Path:
    """The richest picture there is: nothing in it is smooth."""
    pixels = np.random.default_rng(0).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(folder / "a.png", compress_level=1)
    return folder / "a.png"


def old_print(folder: Path, size: tuple[int, int]) -> Path:
    """Out of focus, scratched, creased, dusty, torn: every finder has found something to look at closely."""
    width, height = size
    rng = np.random.default_rng(0)
    coarse = rng.integers(60, 190, (height // 100, width // 100, 3), dtype=np.uint8)
    photo = Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)
    draw, thick = ImageDraw.Draw(photo), max(size) // 1000
    for i in range(1, 5):  # scratches
        draw.line((0, i * height // 5, width, i * height // 5 - height // 9), (250,) * 3, thick)
    fold = [(x, height // 2 + (x * 7919) % (height // 60)) for x in range(0, width + 1, width // 40)]
    draw.line(fold, (5,) * 3, 2 * thick)
    for x, y in rng.random((60, 2)) * size:  # dust
        draw.ellipse((x, y, x + 5 * thick, y + 5 * thick), (252,) * 3)
    draw.polygon([(0, 0), (width // 6, 0), (0, height // 6)], (255,) * 3)  # a torn corner
    photo.save(folder / "a.png", compress_level=1)
    return folder / "a.png"


def bad_exif(folder: Path) -> Path:
    """Pillow warns of it, on the terminal."""
    Image.new("RGB", (64, 64)).save(folder / "a.jpg", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")
    return folder / "a.jpg"


Make = Callable[[Path], Path]
LARGE: dict[str, tuple[str, Make]] = {
    "100 megapixels of 16-bit grey": ("pixels", partial(png, colour=GREY, bits=16)),
    "100 megapixels of RGBA": ("pixels", partial(png, colour=RGBA)),
    "100 megapixels of 16-bit RGBA": ("pixels", partial(png, colour=RGBA, bits=16)),
    "100 megapixels of 16-bit RGB": ("pixels", partial(png, colour=RGB, bits=16)),
    "100 megapixels of RGB": ("pixels", partial(png, colour=RGB)),
    "100 megapixels of grey": ("pixels", partial(png, colour=GREY)),
    "100 megapixels of grey and alpha": ("pixels", partial(png, colour=GREY_ALPHA)),
    "100 megapixels of 16-bit grey and alpha": ("pixels", partial(png, colour=GREY_ALPHA, bits=16)),
    "100 megapixels of a transparent palette": ("pixels", partial(png, colour=PALETTE)),
    "100 megapixels of CMYK": ("pixels", partial(saved, name="a.jpg", mode="CMYK")),
    "100 megapixels of 32-bit grey": ("pixels", partial(saved, name="a.tif", mode="I")),
    "100 megapixels of LAB": ("pixels", partial(saved, name="a.tif", mode="LAB")),
    "100 megapixels turned by EXIF": ("pixels", turned),
    "100 megapixels with a profile": ("pixels", profiled),
    "100 megapixels of BMP": ("pixels", partial(saved, name="a.bmp", mode="RGB")),
    "100 megapixels as mask": ("mask", mask),
}
REFUSED: dict[str, tuple[str, Make]] = {
    "100 megapixels without a face": ("photo", partial(png, colour=RGB)),
    "16-bit grey without a face": ("photo", partial(png, colour=GREY, bits=16)),
    "99999999 x 1": ("photo", partial(png, colour=RGB, size=(99_999_999, 1))),
    "99999999 x 1 as PPM": ("photo", partial(strip, width=99_999_999)),
    "1 x 99999999": ("photo", partial(png, colour=GREY, size=(1, 99_999_999))),
    "999999 x 99": ("photo", partial(png, colour=GREY, size=(999_999, 99))),
    "4 billion x 4 billion claimed": ("photo", partial(claimed, size=(2**31 - 1, 2**31 - 1))),
    "100 megapixels claimed": ("photo", partial(claimed, size=(SIDE, SIDE))),
    "0 x 0": ("photo", partial(claimed, size=(0, 0))),
    "a text of 2 GB in a chunk": (
        "photo",
        partial(compressed_chunk, kind=b"zTXt", head=b"Comment\0\0", megabytes=2000),
    ),
    "a profile of 2 GB": ("photo", partial(compressed_chunk, kind=b"iCCP", head=b"sRGB\0\0", megabytes=2000)),
    "a GIF of 100,000 frames": ("photo", frames),
    "a name of escape sequences": ("photo", partial(named, name=ANSI + ".png", content=b"no picture")),
    "escape sequences as a PPM": (
        "photo",
        partial(named, name="a.ppm", content=b"P6\n" + ANSI.encode() + b"\n"),
    ),
    "a folder of escape sequences": ("folder", lambda f: named(f, ANSI + ".heic", b"x" * 100).parent),
    "a TIFF whose directory points to itself": (
        "photo",
        partial(
            named,
            name="a.tif",
            content=b"II*\0\x08\0\0\0" + struct.pack("<H", 0) + struct.pack("<I", 8) + bytes(8),
        ),
    ),
    "a TIFF of 60,000 tags": (
        "photo",
        partial(
            named,
            name="a.tif",
            content=b"II*\0\x08\0\0\0"
            + struct.pack("<H", 60_000)
            + struct.pack("<HHII", 256, 4, 1 << 30, 8) * 60_000,
        ),
    ),
}
SMALL_PHOTO: dict[str, Make] = {
    "damage of 2 x 100,000 pixels": partial(noise, size=(2, 100_000)),
    "damage of 100,000 x 2 pixels": partial(noise, size=(100_000, 2)),
    "damage of 40 x 40,000 pixels": partial(noise, size=(40, 40_000)),
    "damage of one pixel": partial(noise, size=(1, 1)),
    "damage of a photo whose EXIF data is damaged": bad_exif,
}
LARGE_PHOTO: dict[str, Make] = {
    "damage of 100 megapixels of noise": partial(noise, size=(SIDE, SIDE)),
    "damage of a print of 100 megapixels": partial(old_print, size=(SIDE, SIDE)),
    "damage of 1 x 1000000": partial(png, colour=GREY, size=(1, 1_000_000)),  # the longest that is read
    "damage of 999999 x 99": partial(png, colour=GREY, size=(999_999, 99)),
    "damage of 999999 x 99 pixels of noise": partial(noise, size=(999_999, 99)),
    "damage of 99 x 999999 pixels of noise": partial(noise, size=(99, 999_999)),
}
SMALL = ("claimed", "0 x 0", "TIFF", "escape")
CASES = [
    Case("pictures", title, reader, make, True, LIMIT, large=True) for title, (reader, make) in LARGE.items()
]
CASES += [
    Case("pictures", title, reader, make, False, LIMIT, large=not any(word in title for word in SMALL))
    for title, (reader, make) in REFUSED.items()
]
CASES.append(
    Case("pictures", "damage of 1 x 99999999", "damage", REFUSED["1 x 99999999"][1], False, LIMIT, large=True)
)
CASES += [Case("pictures", title, "damage", make, True, LIMIT) for title, make in SMALL_PHOTO.items()]
CASES += [  # nothing is refused here: a whole photo is looked at
    Case("pictures", title, "damage", make, True, LIMIT, 20.0, True) for title, make in LARGE_PHOTO.items()
]
