"""How much each setting matters, as bars."""

from __future__ import annotations

from matplotlib.figure import Figure

from inversion.pictures.drawing import INK
from sweeps.report.figures.style import POINT, labelled, literal, new_figure, plain
from sweeps.results.importance import Importance


def draw_importance(importance: Importance) -> Figure:
    """The largest share on top."""
    names = [literal(name) for name, _ in importance.shares][::-1]
    shares = [100 * share for _, share in importance.shares][::-1]
    figure = new_figure(5.6, 0.9 + 0.32 * len(names))
    axes = figure.add_subplot()
    axes.barh(names, shares, color=POINT, height=0.6)
    for i, share in enumerate(shares):
        axes.text(share + 1, i, f"{share:.0f} %", va="center", fontsize=8, color=INK)
    axes.set_xlim(0, 110)
    labelled(axes, "share of the differences in quality [%]", "")
    plain(axes)
    return figure
