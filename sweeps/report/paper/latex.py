"""Texts, tables and documents in LaTeX that compiles with pdflatex as it is."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from inversion.metrics import catalogue
from sweeps.results.axes import spell
from sweeps.results.summarize import Summary

TEXT_WIDTH, HALF_WIDTH = 6.5, 3.15  # inches, of the document below, of one of two figures abreast
MOST_METRICS, MOST_WITH_INTERVALS = 5, 3  # columns of a table that still fits a page
LONGEST = 200  # letters of a setting's value
SPECIAL = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "−": "$-$",
    "·": r"$\cdot$",
    "×": r"$\times$",
    "Δ": r"$\Delta$",
    "χ": r"$\chi$",
    "²": "$^2$",
    "–": "--",
    "—": "---",
    "…": r"\ldots{}",
    "’": "'",
}

MARK = "% Written by `python -m sweeps report --paper`, which replaces it.\n"
DOCUMENT = r"""\documentclass[11pt,a4paper]{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{lmodern}
\usepackage[margin=22mm]{geometry}
\usepackage{graphicx}
\usepackage{booktabs}
\usepackage{longtable}
\usepackage{array}
\setlength{\emergencystretch}{3em}
\renewcommand{\floatpagefraction}{0.8}
\renewcommand{\topfraction}{0.9}
\renewcommand{\textfraction}{0.05}
\makeatletter
\setlength{\@fptop}{0pt}
\setlength{\@fpsep}{4ex}
\makeatother
\title{%(title)s}
\date{%(date)s}
\begin{document}
\maketitle
%(body)s
\end{document}
"""

FIGURE = r"""\begin{figure}[htbp]
  \centering
%(body)s
\end{figure}
"""
GRAPHIC = r"""  \includegraphics[width=%(share).2f\linewidth,height=0.82\textheight,keepaspectratio]{%(file)s}
  \caption{%(caption)s}
  \label{fig:%(name)s}"""
BESIDE = r"""  \begin{minipage}[t]{0.485\linewidth}
  \centering
%(body)s
  \end{minipage}"""


def escape(text: str) -> str:
    """Any text as LaTeX; what the fonts cannot draw is named by its code point."""
    return "".join(SPECIAL.get(letter) or _plain(letter) for letter in " ".join(text.split()))


def _plain(letter: str) -> str:
    if letter.isascii() and letter.isprintable():
        return letter
    # Latin letters are in the T1 fonts, with or without their accents.
    if unicodedata.name(letter, "").startswith("LATIN ") and ord(letter) < 0x180:
        return letter
    return f"[U+{ord(letter):04X}]"


@dataclass(frozen=True)
class Graphic:
    """A drawing in a file of its own."""

    name: str  # of its PDF, without the ending
    caption: str
    width: float  # inches


def figures(graphics: Sequence[Graphic]) -> str:
    """Floats in their order; two that follow one another and are narrow enough stand side by side."""
    floats, waiting = [], list(graphics)
    while waiting:
        beside = len(waiting) > 1 and max(one.width for one in waiting[:2]) <= HALF_WIDTH
        now = [waiting.pop(0) for _ in range(1 + beside)]
        room = HALF_WIDTH if beside else TEXT_WIDTH
        bodies = [_graphic(one, room) for one in now]
        if beside:
            bodies = [BESIDE % {"body": body} for body in bodies]
        floats.append(FIGURE % {"body": "\\hfill\n".join(bodies)})
    return "\n".join(floats)


def _graphic(one: Graphic, room: float) -> str:
    share = min(1.0, one.width / room)
    label = one.name.replace("_", "-")
    return GRAPHIC % {
        "file": f"{one.name}.pdf",
        "caption": escape(one.caption),
        "name": label,
        "share": share,
    }


def document(title: str, date: str, body: str) -> str:
    return MARK + DOCUMENT % {"title": escape(title), "date": escape(date), "body": body}


def columns_of(summary: Summary) -> list[str]:
    """The metrics that a table shows: the ranking and what it is made of first, of the final picture where runs have
    it."""
    measured = [name for name in summary.metrics if summary.cells[name].notna().any()]
    chosen = []
    for name in dict.fromkeys(("quality", *summary.criterion.shown, *catalogue.COMPARED)):
        final = f"consistent_{name}"
        found = final if final in measured else name
        if found in measured:
            chosen.append(found)
    has_intervals = bool((summary.cells["n"] > 1).any())
    return chosen[: MOST_WITH_INTERVALS if has_intervals else MOST_METRICS]


def table(summary: Summary, label: str) -> str:
    """Every cell's settings, number of problems and metrics, with intervals; the chosen cells in bold."""
    metrics = columns_of(summary)
    axes = summary.table.axes
    head = [axis.label for axis in axes] + ["n"] + [summary.heading(name) for name in metrics]
    lines = [
        rf"\begin{{longtable}}{{@{{}}{'l' * len(axes)}r{'r' * len(metrics)}@{{}}}}",
        rf"\caption{{{escape(caption(summary))}}}\label{{tab:{label}}}\\",
        r"\toprule",
        " & ".join(_narrow(escape(text)) for text in head) + r" \\ \midrule \endfirsthead",
        r"\toprule",
        " & ".join(_narrow(escape(text)) for text in head) + r" \\ \midrule \endhead",
        r"\bottomrule \endlastfoot",
    ]
    for i in range(len(summary.cells)):
        cell = summary.cells.iloc[i]
        texts = [spell(cell[axis.key]) for axis in axes]
        texts += [f"{cell['n']} of {cell['expected']}" if cell["n"] < cell["expected"] else str(cell["n"])]
        texts += [_value(cell, name) for name in metrics]
        if summary.mark(i) in ("best", "recommended"):
            lines.append(" & ".join(rf"\textbf{{{escape(text)}}}" for text in texts) + r" \\")
        else:
            lines.append(" & ".join(map(escape, texts)) + r" \\")
    lines.append(r"\end{longtable}")
    return "{\\small\n" + "\n".join(lines) + "\n}\n"


def caption(summary: Summary) -> str:
    """What a table shows."""
    several = bool((summary.cells["n"] > 1).any())
    text = f"Every setting of the sweep ({summary.table.task.title}). {summary.criterion.formula}; bold: recommended."
    return text + (" In brackets: 95 % bootstrap intervals of the mean." if several else "")


def _value(cell: pd.Series, name: str) -> str:
    known = catalogue.metric(name)
    if pd.isna(cell[name]):
        return str(cell["status"]).lower() if name == "quality" and cell["n"] == 0 else "–"
    low, high = cell[f"{name}_low"], cell[f"{name}_high"]
    interval = "" if pd.isna(low) else f" [{known.number(low)}, {known.number(high)}]"
    return f"{known.number(cell[name])}{interval}"


def _narrow(text: str) -> str:
    """A long heading on several lines."""
    words, lines = text.split(" "), [""]
    for word in words:
        if lines[-1] and len(lines[-1]) + len(word) > 12:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    # {}: else [dB] is an argument.
    return text if len(lines) == 1 else r"\shortstack[r]{" + r"\\{}".join(lines) + "}"


def paragraphs(text: str) -> str:
    """Every line a paragraph."""
    return "\n\n".join(escape(line) for line in text.split("\n") if line.strip())


def settings(constants: Mapping[str, str]) -> str:
    """The settings that all runs share, so that what was done can be repeated; "" without any."""
    if not constants:
        return ""
    texts = [
        f"{_breakable(name)} & {_breakable(text if len(text) <= LONGEST else text[:LONGEST] + '…')}"
        for name, text in sorted(constants.items())
    ]
    half = -(-len(texts) // 2)
    right = [*texts[half:], *[" & "] * (2 * half - len(texts))]
    head = r"setting & value & setting & value \\ \midrule"

    def column(share: float) -> str:
        return rf">{{\raggedright\arraybackslash}}p{{{share}\linewidth}}"

    return "\n".join(
        [
            r"\clearpage",  # after the figures, which float
            r"{\footnotesize",
            rf"\begin{{longtable}}{{@{{}}{column(0.19)}{column(0.25)}{column(0.19)}{column(0.25)}@{{}}}}",
            rf"\caption{{Settings that all runs share.}}\\ \toprule {head} \endfirsthead",
            rf"\toprule {head} \endhead",
            r"\bottomrule \endlastfoot",
            *(rf"{one} & {other} \\" for one, other in zip(texts[:half], right, strict=True)),
            r"\end{longtable}}",
        ]
    )


def _breakable(text: str) -> str:
    """A long name on several lines: inversion. losses. pixel."""
    return re.sub(r"(\.|\\_|/)(?=[^\s])", r"\1\\allowbreak{}", escape(text))


def sections(parts: Sequence[tuple[str, str]]) -> str:
    """(title, LaTeX) of each task."""
    return "\n".join(f"\\section{{{escape(title)}}}\n{text}\n\\clearpage" for title, text in parts)
