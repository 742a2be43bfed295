"""What a file is: a photo that is read, a picture in a format that is not, or something else."""

from __future__ import annotations

import stat
from pathlib import Path

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "TIFF", "BMP", "GIF", "PPM")
HEAD = 32  # bytes
# What the files of each format begin with. "?": any byte.
MAGIC: list[tuple[bytes, str]] = [
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"RIFF????WEBP", "WEBP"),
    (b"????ftypavi", "AVIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "BigTIFF"),
    (b"MM\0+", "BigTIFF"),
    (b"GIF8", "GIF"),
    (b"????ftyphei", "HEIC"),
    (b"????ftyphev", "HEIC"),
    (b"????ftypmif1", "HEIF"),
    (b"????ftypmsf1", "HEIF"),
    (b"????ftypcrx", "Canon raw"),
    (b"FUJIFILMCCD-RAW", "Fujifilm raw"),
    (b"8BPS", "Photoshop"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
    (b"%!PS", "PostScript"),
    (b"\x76\x2f\x31\x01", "OpenEXR"),
    (b"#?RADIANCE", "Radiance HDR"),
    (b"DDS ", "DirectDraw surface"),
]
READ = {
    ".jpg",
    ".jpeg",
    ".jpe",
    ".jfif",
    ".png",
    ".webp",
    ".avif",
    ".tif",
    ".tiff",
    ".bmp",
    ".gif",
    ".ppm",
    ".pgm",
}
NOT_READ = {
    **dict.fromkeys((".heic", ".heif", ".hif"), "HEIC"),
    ".tga": "TGA",
    ".psd": "Photoshop",
    **dict.fromkeys((".jp2", ".j2k", ".jpf"), "JPEG 2000"),
    ".jxl": "JPEG XL",
    ".svg": "SVG",
    ".eps": "PostScript",
    ".ico": "an icon",
    **dict.fromkeys((".exr", ".hdr", ".dds", ".pcx", ".xcf"), "a format of graphics programs"),
    **dict.fromkeys(
        ".raw .dng .cr2 .cr3 .nef .arw .orf .rw2 .raf .pef .srw".split(), "a camera's raw format"
    ),
}


def is_picture(path: Path) -> bool:
    """Whether a file is a picture by its content or by its name, readable or not. Never opens a pipe or a device."""
    suffix = path.suffix.lower()
    return suffix in READ or suffix in NOT_READ or _by_content(path) is not None


def what_it_is(path: Path) -> str:
    """What a file that cannot be read as a photo seems to be."""
    kind = _by_content(path) or NOT_READ.get(path.suffix.lower())
    if kind in FORMATS:
        return f"which begins like {kind} but is damaged"
    return "of an unknown kind" if kind is None else f"which is {kind}"


def _by_content(path: Path) -> str | None:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return None
        with open(path, "rb") as file:
            head = file.read(HEAD)
    except OSError:
        return None
    for magic, kind in MAGIC:
        if len(head) >= len(magic) and all(
            m == h or m == ord("?") for m, h in zip(magic, head, strict=False)
        ):
            return kind
    if head[:2] == b"BM" and head[6:10] == bytes(4):  # two reserved fields follow the size
        return "BMP"
    return "PPM" if head[:1] == b"P" and head[1:2] in b"123456" and head[2:3].isspace() else None
