"""A study, its curves and pictures → one HTML file that needs no network."""

from __future__ import annotations

import html
from importlib import resources

from sweeps.report.album import Album
from sweeps.report.contents import contents, to_json
from sweeps.report.source import Source
from sweeps.results.summarize import Study

# One scope, in this order: each file uses those before it.
SCRIPTS = (
    "dom",
    "data",
    "lazy",
    "slider",
    "compare",
    "verdict",
    "restorations",
    "plots",
    "heatmaps",
    "slices",
    "importance",
    "losses",
    "table",
    "viewer",
    "unfinished",
    "main",
)
STYLES = ("slider.css", "report.css")
# The page's own, the other page's as well.
FOLDERS = (
    resources.files("sweeps.report") / "assets",
    resources.files("sweeps") / "assets",
)


def render(study: Study, source: Source) -> str:
    """The whole page."""
    album = Album()
    data = to_json(contents(study, source, album))
    pictures = "".join(
        f'<script type="text/plain" id="picture-{i}">{text}</script>\n'
        for i, text in enumerate(album.encode())
    )
    page = _read("report.html")
    parts = {
        "TITLE": html.escape(study.title),
        "REASON": html.escape(study.reason),
        "STYLE": "\n".join(_read(name) for name in STYLES),
        "SCRIPT": "\n".join(_read(f"{name}.js") for name in SCRIPTS),
        "DATA": data,
        "PICTURES": pictures,
    }
    pieces = page.split("[[")
    # In one pass: what is put in is never looked at again.
    for number, piece in enumerate(pieces[1:], start=1):
        name, rest = piece.split("]]", 1)
        pieces[number] = parts[name] + rest
    return "".join(pieces)


def _read(name: str) -> str:
    """One of the page's parts. A module's exports are names in the one scope that the page's script has."""
    own, shared = (folder / name for folder in FOLDERS)
    text = (own if own.is_file() else shared).read_text(encoding="utf-8")
    return text.replace("\nexport function", "\nfunction")
