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


def render(study: Study, source: Source) -> str:
    """The whole page."""
    album = Album()
    data = to_json(contents(study, source, album))
    pictures = "".join(
        f'<script type="text/plain" id="picture-{i}">{text}</script>\n'
        for i, text in enumerate(album.encode())
    )
    assets = resources.files("sweeps.report") / "assets"
    page = (assets / "report.html").read_text(encoding="utf-8")
    parts = {
        "TITLE": html.escape(study.title),
        "REASON": html.escape(study.reason),
        "STYLE": (assets / "report.css").read_text(encoding="utf-8"),
        "SCRIPT": "\n".join((assets / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS),
        "DATA": data,
        "PICTURES": pictures,
    }
    pieces = page.split("[[")
    # In one pass: what is put in is never looked at again.
    for number, piece in enumerate(pieces[1:], start=1):
        name, rest = piece.split("]]", 1)
        pieces[number] = parts[name] + rest
    return "".join(pieces)
