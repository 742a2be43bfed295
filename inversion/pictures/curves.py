"""Loss curves on a log scale, and the step at which a run has converged."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from inversion.pictures.chart import Curve, Mark, draw_chart

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TOLERANCE = 0.05  # of the final loss
TAIL = 0.05  # of the steps: what "final" means
MIN_STEPS = 20
COLOURS = ("#24292f", "#0969da", "#bf3989", "#1a7f37", "#8250df", "#9a6700", "#1b7c83", "#6e7781")
MARK = "#bc4c00"  # no curve's colour


def converged_step(total: Sequence[float] | np.ndarray, tolerance: float = TOLERANCE) -> int | None:
    """The first step from which the smoothed loss stays within `tolerance` of its final value.

    total: one loss per step. With n steps and y = log10(total):
      smoothed  = running median of y over an odd window of about n/20 steps (at least 5), cut at the ends
      final     = median of y over the last n/20 steps (at least 5)
      noise     = spread of the differences of neighbouring steps in the second half, 1.4826 MAD / sqrt(2):
                  blind to the trend
      band      = log10(1 + tolerance) + three standard errors of a smoothed value under that noise, so that
                  noise alone never looks like movement
      converged = the first step from which |smoothed - final| <= band holds until the end
    None when the curve enters the band only within the steps that define its final value (it still moves),
    with fewer than 20 steps, or when a loss is NaN or infinite.
    """
    losses = np.asarray(total, dtype=np.float64)
    if losses.size < MIN_STEPS or not np.isfinite(losses).all():
        return None
    if losses.max() <= 0:
        return 0
    y = np.log10(np.maximum(losses, losses.max() * 1e-12))  # an exact zero has no logarithm
    tail = max(5, math.ceil(TAIL * y.size))
    reach = max(2, round(TAIL * y.size / 2))
    smoothed = np.array([np.median(y[max(0, i - reach) : i + reach + 1]) for i in range(y.size)])

    final = float(np.median(y[-tail:]))
    jumps = np.diff(y[y.size // 2 :])
    noise = 1.4826 * float(np.median(np.abs(jumps - np.median(jumps)))) / math.sqrt(2)
    standard_error = 1.2533 * noise / math.sqrt(2 * reach + 1)  # of a median: sqrt(pi/2) times a mean's
    band = math.log10(1 + tolerance) + 3 * standard_error

    outside = np.flatnonzero(np.abs(smoothed - final) > band)
    step = int(outside[-1]) + 1 if outside.size else 0
    return step if step < y.size - tail else None


def safe_step(converged: int, num_steps: int, margin: float = 0.1) -> int:
    """The converged step plus a margin (a fraction of the run's length), at most the run's last step."""
    return min(converged + math.ceil(margin * num_steps), num_steps - 1)


def loss_curve(
    history: Mapping[str, Sequence[float]],
    converged: int | None = None,
    margin: float = 0.1,
    total: str = "loss",
) -> Image.Image:
    """Every term against the step, on a log scale, with the converged step and its safety margin marked.

    history:   name → one value per step. Values that have no logarithm (zero, NaN, infinite) are left out; a
               term without any other is still named in the legend.
    converged: from `converged_step`; None draws no mark.
    margin:    fraction of the run's length that is shaded after it.
    total:     the name of the sum in `history`: drawn on top, heavier, first in the legend.
    """
    if not history:
        raise ValueError("A loss curve needs at least one term. Got none.")
    curves = {name: np.asarray(values, dtype=np.float64) for name, values in history.items()}
    low, high = _extent(curves.values())
    drawn = [
        Curve(
            _label("total" if name == total else name.replace("_", " "), curves[name]),
            _drawable(curves[name]),
            COLOURS[index % len(COLOURS)],
            2.6 if name == total else 1.6,
        )
        for index, name in enumerate(sorted(curves, key=lambda name: name != total))
    ]
    if converged is None:
        return draw_chart(drawn, low, high)
    safe = safe_step(converged, max(curve.size for curve in curves.values()), margin)
    words = (f"converged at step {converged}", f"with margin: {safe}")
    return draw_chart(drawn, low, high, Mark(converged, max(safe, converged), words, MARK))


def to_image(figure: Figure) -> Image.Image:
    """Draw it as RGB."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas: Any = FigureCanvasAgg(figure)  # its methods have no annotations
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


def _drawable(curve: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(curve) & (curve > 0), curve, np.nan)


def _label(name: str, curve: np.ndarray) -> str:
    if np.isfinite(_drawable(curve)).any():
        return name
    return f"{name} (0)" if np.isfinite(curve).all() else f"{name} (not finite)"


def _extent(curves: Iterable[np.ndarray]) -> tuple[float, float]:
    """Axis limits that hold all but the first moments of a term that starts at zero (decades of nothing)."""
    drawable = [curve[curve > 0] for curve in map(_drawable, curves)]
    drawable = [curve for curve in drawable if curve.size]
    if not drawable:
        return 0.1, 1.0
    highest = max(float(curve.max()) for curve in drawable)
    lowest = min(float(np.quantile(curve, 0.02)) for curve in drawable)
    return max(lowest, highest * 1e-9) / 2, highest * 1.6
