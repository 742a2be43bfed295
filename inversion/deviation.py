"""Standard deviation of what is normal but for a few values, such as edges, hair or damage."""

from __future__ import annotations

from torch import Tensor

MEDIAN_OF_ABSOLUTE = 0.6745  # of a normal variable of mean 0, in its standard deviations


def deviation(values: Tensor) -> Tensor:
    """Of values about 0, by the median of their size: a few may be anything. [..., N] -> [...].

    NaN do not count; 0 where there is no value. Hampel 1974, The Influence Curve and Its Role in Robust Estimation.
    """
    if not values.shape[-1]:
        return values.new_zeros(values.shape[:-1])
    return values.abs().nanmedian(dim=-1).values.nan_to_num() / MEDIAN_OF_ABSOLUTE
