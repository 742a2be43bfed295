"""Measure the figures in the headers of conf/experiment again, and check them or write them down.

    python -m benchmarks.experiments [NAME ...] [--write] [key=value ...]

Each experiment is run as `python run.py +experiment=NAME launcher=batched` runs it, in a store of its own. Without
--write a figure that is further from its header's than launchers and threads move it (the report's noise floor,
docs/robustness.md) is named, and the exit code is 1. Names: all of conf/experiment unless some are given. key=value:
settings that all of them get.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence

import numpy as np

from inversion.metrics import catalogue
from sweeps.home import home
from sweeps.report.figures.heatmap import heatmap_numbers
from sweeps.results.axes import spell
from sweeps.results.criterion import final_name
from sweeps.results.noise import SMALLEST
from sweeps.results.store import Store
from sweeps.results.summarize import Summary, study

FOLDER = home() / "conf" / "experiment"
SHOWN = ("psnr", "w_distance")  # beside what the cells are ranked by
OTHERS = 0.1  # of identity distance and of the distance in w
BEGIN = "# Measured"


def measure(name: str, overrides: Sequence[str]) -> tuple[Summary, float]:
    """An experiment's summary, and the CPU minutes that it took. Raises CalledProcessError."""
    with tempfile.TemporaryDirectory() as folder:
        uri = f"sqlite:///{folder}/mlflow.db"
        command = [
            sys.executable,
            str(home() / "run.py"),
            f"+experiment={name}",
            "launcher=batched",
            *overrides,
        ]
        command += [f"tracking.uri={uri}", f"tracking.artifacts={folder}/artifacts"]
        command += ["tracking.experiment=measured", f"hydra.sweep.dir={folder}/sweep"]
        before = os.times()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        after = os.times()
        used = after.children_user + after.children_system - before.children_user - before.children_system
        (summary,) = study(Store(uri).read("measured")).summaries
    return summary, used / 60


def lines_of(name: str, overrides: Sequence[str], summary: Summary, minutes: float) -> list[str]:
    """The header's block: where its figures come from, a table per metric, and what is recommended."""
    words = " ".join([name, *overrides])
    net = summary.table.constants.get("generator.name", "another net")
    lines = [
        f"{BEGIN} by `python -m benchmarks.experiments {words} --write` with {net}, {minutes:.1f} CPU min:"
    ]
    for metric in metrics_of(summary):
        lines += [f"#   {line}".rstrip() for line in table_of(summary, metric)]
    return [*lines, f"# {recommendation(summary)}"]


def metrics_of(summary: Summary) -> list[str]:
    """What the cells are ranked by, the PSNR, and a synthetic face's distance to its codes; of the final picture."""
    wanted = dict.fromkeys([*summary.criterion.shown, *SHOWN])
    finals = (final_name(cell, name) for name in wanted for _, cell in summary.cells.iterrows())
    return list(dict.fromkeys(name for name in finals if name))


def table_of(summary: Summary, metric: str) -> list[str]:
    """Rows of the main axis down, columns of the one across; a block per panel of the others."""
    numbers, known = heatmap_numbers(summary, metric), catalogue.metric(metric)
    down, across = numbers.down, numbers.across
    lines = []
    for panel in numbers.panels:
        title = ", ".join(filter(None, [known.heading, panel.title]))
        columns = (
            [f"{across.label} {spell(across.values[0])}", *map(spell, across.values[1:])] if across else [""]
        )
        rows = [f"{down.label} {spell(value)}" for value in down.values] if down else [""]
        cells = [[known.number(value) for value in row] for row in panel.values]
        wide = [max(len(head), *(len(row[i]) for row in cells)) for i, head in enumerate(columns)]
        first = max(map(len, rows))
        lines.append(title)
        lines += [
            "  "
            + f"{head:<{first}}  "
            + "  ".join(f"{text:>{n}}" for text, n in zip(texts, wide, strict=True))
            for head, texts in [("", columns), *zip(rows, cells, strict=True)]
        ]
    return lines


def recommendation(summary: Summary) -> str:
    chosen = []
    for verdict in summary.verdicts:
        if verdict.recommended is not None:
            alike = f" ({len(verdict.alike)} of {len(verdict.cells)} cells not told apart from the best)"
            chosen.append(summary.describe(verdict.recommended) + alike * (len(verdict.alike) > 1))
    return f"Recommended: {'; '.join(chosen) or 'nothing'}."


def split(text: str) -> tuple[str, list[str], str]:
    """A file's text before its figures, their lines, and what follows. Raises ValueError."""
    lines = text.splitlines(keepends=True)
    begin = next((i for i, line in enumerate(lines) if line.startswith(BEGIN)), None)
    if begin is None:
        raise ValueError(
            f"The header has no figures yet: a line that begins with {BEGIN!r} says where they go."
        )
    end = begin
    while end < len(lines) and lines[end].startswith("#") and lines[end].strip() != "#":
        end += 1
    return "".join(lines[:begin]), [line.rstrip("\n") for line in lines[begin:end]], "".join(lines[end:])


def differences(written: Sequence[str], measured: Sequence[str]) -> list[str]:
    """What a header says otherwise than was measured now; its first line, with the minutes, may differ."""
    if [_skeleton(line) for line in written[1:]] != [_skeleton(line) for line in measured[1:]]:
        return ["the header has other metrics, other cells or another recommendation"]
    found, allowed, heading = [], OTHERS, ""
    tables = [lines for lines in zip(written[1:], measured[1:], strict=True) if "Recommended" not in lines[0]]
    for old, new in tables:
        if not old.startswith("#    "):
            heading, allowed = old.strip("# "), _tolerance(old)
        pairs = np.array([list(map(float, NUMBER.findall(line))) for line in (old, new)])
        apart = np.abs(pairs[0] - pairs[1]) if pairs.size else np.zeros(1)
        if apart.max() > allowed:
            found.append(
                f"{heading}: {' '.join(old.strip('# ').split())} is now {' '.join(new.strip('# ').split())}"
            )
    return found


NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w.])")


def _skeleton(line: str) -> list[str]:
    """The words of a line; of the recommendation the cells' numbers, too."""
    if "Recommended" in line:
        return re.sub(r" \(\d+ of \d+ cells[^)]*\)", "", line).split()
    return NUMBER.sub("", line).split()


def _tolerance(heading: str) -> float:
    return next((value for unit, value in SMALLEST.items() if f"[{unit}]" in heading), OTHERS)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME|key=value")
    parser.add_argument("--write", action="store_true", help="write the figures into the headers")
    arguments = parser.parse_args()
    names = [word for word in arguments.names if "=" not in word]
    overrides = [word for word in arguments.names if "=" in word]
    wrong = 0
    for name in names or sorted(path.stem for path in FOLDER.glob("*.yaml")):
        path = FOLDER / f"{name}.yaml"
        before, written, after = split(path.read_text(encoding="utf-8"))
        summary, minutes = measure(name, overrides)
        measured = lines_of(name, overrides, summary, minutes)
        print("\n".join(measured), flush=True)
        if arguments.write:
            path.write_text(before + "\n".join(measured) + "\n" + after, encoding="utf-8")
            continue
        found = differences(written, measured)
        wrong += bool(found)
        print(f"{name}: " + ("\n  ".join(found) or "as its header says"), flush=True)
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main())
