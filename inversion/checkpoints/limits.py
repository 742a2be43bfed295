"""Bounds within which a network can be laid out at all: the numbers of its shape come from a file."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

from inversion.errors import CheckpointError
from inversion.generator.architecture import AnyArchitecture, Architecture, StyleGAN3Architecture

MIN_RESOLUTION, MAX_RESOLUTION = 16, 4096
MAX_LAYERS = 64
MAX_WIDTH = 16384  # channels
MAX_CODE, MAX_CLASSES = 2048, 4096  # z_dim and w_dim, c_dim
MAX_MAPPING = 1 << 24  # weights; the mean code is measured over 10,000 codes
MAX_CLAMP = 1e30
MAX_GROUP = 1024  # images over which the minibatch standard deviation is taken
ENTIRE_BATCH = 1 << 20  # over all images at once
MAX_KERNEL, MAX_MARGIN = 7, 64  # pixels, of StyleGAN3
MAX_FILTER, MAX_UPSAMPLING = 16, 4  # taps per factor, and the factor of its leaky ReLU


def check_limits(a: AnyArchitecture, what: str) -> None:
    """Raise CheckpointError unless a network of this shape can be laid out at all: the numbers come from a file."""
    if isinstance(a, StyleGAN3Architecture):
        _check_stylegan3(a, what)
        return
    numbers = [a.channel_base, a.channel_max, a.img_channels, a.mbstd_group_size, a.mbstd_channels]
    _check_common(a, numbers, what)
    if max(a.channel_max, a.img_channels, a.mbstd_channels) > MAX_WIDTH:
        raise CheckpointError(f"the {what}'s architecture is out of bounds. Got {_shown(a)}")
    if a.channels(a.img_resolution) < 1:
        raise CheckpointError(f"the {what} has no channels at {a.img_resolution} px. Got {_shown(a)}")
    if a.architecture not in ("skip", "resnet", "orig"):
        raise CheckpointError(
            f"the {what}'s kind should be skip, resnet or orig. Got {str(a.architecture)[:40]}"
        )
    check_group(a, what)


def _check_stylegan3(a: StyleGAN3Architecture, what: str) -> None:
    sequences = a.channels, a.sampling_rates
    if not all(isinstance(values, tuple) and 2 <= len(values) <= MAX_LAYERS for values in sequences):
        raise CheckpointError(f"the {what} should have 2 to {MAX_LAYERS} layers. Got {_shown(a)}")
    numbers = [a.num_critical, a.margin_size, a.conv_kernel, a.filter_size, a.lrelu_upsampling]
    _check_common(a, [*a.channels, *a.sampling_rates, *numbers], what)
    rates, side = a.sampling_rates, a.img_resolution
    regular = len(a.channels) == len(rates) and rates[-2] == rates[-1] == side and rates[0] >= 4
    # Powers of two that do not fall, and rise by a factor of 4 at most.
    regular &= all(s & (s - 1) == 0 and r <= s <= 4 * r for r, s in pairwise((rates[0], *rates)))
    if not regular:
        raise CheckpointError(
            f"the {what}'s sampling rates should be powers of two that rise to the resolution. Got {_shown(a)}"
        )
    bounds = (a.conv_kernel, MAX_KERNEL), (a.filter_size, MAX_FILTER), (a.lrelu_upsampling, MAX_UPSAMPLING)
    fits = all(1 <= number <= most for number, most in bounds) and a.lrelu_upsampling != 3
    fits &= 1 <= min(a.channels) and max(a.channels) <= MAX_WIDTH and a.margin_size <= MAX_MARGIN
    fits &= type(a.use_radial_filters) is bool
    fits &= all(type(number) in (int, float) for number in (a.bandwidth, a.output_scale))
    if not (fits and 0 < a.bandwidth < rates[0] / 2 and 0 < a.output_scale <= MAX_CLAMP):
        raise CheckpointError(f"the {what}'s architecture is out of bounds. Got {_shown(a)}")


def _check_common(a: AnyArchitecture, numbers: list[int], what: str) -> None:
    """What holds for every network: whole numbers, a resolution, codes, a clamp. numbers: that should be whole."""
    whole = [a.img_resolution, a.z_dim, a.c_dim, a.w_dim, a.mapping_layers, *numbers]
    if not all(type(number) is int and number >= 0 for number in whole):
        raise CheckpointError(
            f"the {what}'s architecture should consist of whole numbers >= 0. Got {_shown(a)}"
        )
    side = a.img_resolution
    if not MIN_RESOLUTION <= side <= MAX_RESOLUTION or side & (side - 1):
        raise CheckpointError(
            f"the {what}'s resolution should be a power of two, {MIN_RESOLUTION} to {MAX_RESOLUTION} px. Got {side}"
        )
    too_wide = max(a.z_dim, a.w_dim) > MAX_CODE or a.c_dim > MAX_CLASSES or a.mapping_layers > MAX_LAYERS
    if too_wide or a.mapping_layers * a.w_dim**2 > MAX_MAPPING:
        raise CheckpointError(f"the {what}'s architecture is out of bounds. Got {_shown(a)}")
    if a.conv_clamp is not None and not (
        type(a.conv_clamp) in (int, float) and 0 < a.conv_clamp <= MAX_CLAMP
    ):
        raise CheckpointError(f"the {what}'s conv_clamp should be a number > 0 or None. Got another")


def check_group(a: Architecture, what: str) -> None:
    """The batch is split into groups of equal size, so that only powers of two fit NVIDIA's batches."""
    group = a.mbstd_group_size
    if group != ENTIRE_BATCH and not (0 < group <= MAX_GROUP and group & (group - 1) == 0):
        raise CheckpointError(
            f"the {what}'s minibatch standard deviation should be taken over a power of two images, 1 to {MAX_GROUP}. "
            f"Got groups of {group}"
        )
    if a.mbstd_channels and a.channels(4) % a.mbstd_channels:
        raise CheckpointError(
            f"the {what}'s minibatch standard deviation should have channels that divide {a.channels(4)}. "
            f"Got {a.mbstd_channels}"
        )


def _shown(architecture: AnyArchitecture) -> str:
    """What came; a number of thousands of digits could not even be printed."""
    values = dataclasses.asdict(architecture).items()
    return " ".join(f"{key}={_shown_value(value)[:80]}" for key, value in values)


def _shown_value(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(_shown_value(part) for part in value[:MAX_LAYERS])
    plain = isinstance(value, str | float | None) or (isinstance(value, int) and abs(value) < 1 << 64)
    return str(value)[:40] if plain else "?"
