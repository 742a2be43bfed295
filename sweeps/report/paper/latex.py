"""Texts, tables and documents in LaTeX that compiles with pdflatex as it is."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import pandas as pd

from inversion.metrics import catalogue
from sweeps.results.axes import spell
from sweeps.results.summarize import Summary

TEXT_WIDTH = 6.5  # inches, of the document below
MOST_METRICS, MOST_WITH_INTERVALS = 5, 3  # columns of a table that still fits a page
TABLED = (
    "quality",
    "psnr",
    "ssim",
    "identity_distance",
    "colour_error",
    "hole_psnr",
    "fit_psnr",
    "fit_sharpness",
)
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
    "–": "--",
    "—": "---",
    "…": r"\ldots{}",
    "’": "'",
}

DOCUMENT = r"""\documentclass[11pt,a4paper]{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{lmodern}
\usepackage[margin=22mm]{geometry}
\usepackage{graphicx}
\usepackage{booktabs}
\usepackage{longtable}
\setlength{\emergencystretch}{3em}
\renewcommand{\floatpagefraction}{0.8}
\renewcommand{\topfraction}{0.9}
\renewcommand{\textfraction}{0.05}
\title{%(title)s}
\date{%(date)s}
\begin{document}
\maketitle
%(body)s
\end{document}
"""

FIGURE = r"""\begin{figure}[htbp]
  \centering
  \includegraphics[width=%(share).2f\linewidth,height=0.82\textheight,keepaspectratio]{%(file)s}
  \caption{%(caption)s}
  \label{fig:%(name)s}
\end{figure}
"""


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


def figure(name: str, caption: str, width: float) -> str:
    """A figure with its caption. name: of its PDF, without the ending; width: in inches, at most the text's is used."""
    share = min(1.0, width / TEXT_WIDTH)
    label = name.replace("_", "-")
    return FIGURE % {"file": f"{name}.pdf", "caption": escape(caption), "name": label, "share": share}


def document(title: str, date: str, body: str) -> str:
    return DOCUMENT % {"title": escape(title), "date": escape(date), "body": body}


def columns_of(summary: Summary) -> list[str]:
    """The metrics that a table shows: of the consistent picture where runs have it, the ranking first."""
    measured = [name for name in summary.metrics if summary.cells[name].notna().any()]
    chosen = []
    for name in TABLED:
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
    return (
        text if len(lines) == 1 else r"\shortstack[r]{" + r"\\{}".join(lines) + "}"
    )  # {}: else [dB] is an argument


def sections(parts: Sequence[tuple[str, str]]) -> str:
    """(title, LaTeX) of each task."""
    return "\n".join(f"\\section{{{escape(title)}}}\n{text}\n\\clearpage" for title, text in parts)
