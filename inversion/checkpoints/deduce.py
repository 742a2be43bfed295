"""Read a net's shape off its tensors, and check that exactly the right tensors are there.

The tensors are the truth: a file's own settings are only believed where shapes cannot tell (conv_clamp).
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from inversion.errors import CheckpointError
from inversion.generator.architecture import Architecture
from inversion.generator.discriminator import Discriminator
from inversion.generator.stylegan2 import Generator

FIR = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
MIN_RESOLUTION, MAX_RESOLUTION = 16, 4096
MAX_LAYERS = 64
MAX_WIDTH = 16384  # channels
MAX_CODE, MAX_CLASSES = 2048, 4096  # z_dim and w_dim, c_dim
MAX_MAPPING = 1 << 24  # weights; the mean code is measured over 10,000 codes
MAX_CLAMP = 1e30
MAX_GROUP = 1024  # images over which the minibatch standard deviation is taken
ENTIRE_BATCH = 1 << 20  # over all images at once
SHOWN = 4  # names listed in a message


def generator_architecture(tensors: Mapping[str, Tensor], conv_clamp: float | None = None) -> Architecture:
    """What generator these tensors make up. Raises CheckpointError when they make up none."""
    resolutions = _resolutions(tensors, r"synthesis\.b(\d{1,5})\.conv1\.weight")
    largest = resolutions[-1]
    mapping_layers = _count(tensors, "mapping.fc{}.weight")
    if mapping_layers == 0:
        raise CheckpointError("no mapping network among its tensors (mapping.fc0.weight ...)")
    base, ceiling = _channel_rule(
        {r: _shape(tensors, f"synthesis.b{r}.conv1.weight", 4)[0] for r in resolutions}
    )
    embedded, c_dim = _label(tensors)
    z_dim = _shape(tensors, "mapping.fc0.weight", 2)[1] - embedded
    if "synthesis.b8.skip.weight" in tensors:
        kind = "resnet"
    else:
        kind = "skip" if largest == 4 or "synthesis.b4.torgb.weight" in tensors else "orig"
    return Architecture(
        img_resolution=largest,
        channel_base=base,
        channel_max=ceiling,
        z_dim=z_dim,
        c_dim=c_dim,
        w_dim=_shape(tensors, "synthesis.b4.conv1.affine.weight", 2)[1],
        mapping_layers=mapping_layers,
        img_channels=_shape(tensors, f"synthesis.b{largest}.torgb.weight", 4)[0],
        architecture=kind,
        conv_clamp=None if conv_clamp is None else float(conv_clamp),
    )


def discriminator_architecture(
    tensors: Mapping[str, Tensor], conv_clamp: float | None = None, mbstd_group_size: int = 4
) -> Architecture:
    """What discriminator these tensors make up. Raises CheckpointError when they make up none."""
    resolutions = [4, *_resolutions(tensors, r"b(\d{1,5})\.conv1\.weight", first=8)]
    largest = resolutions[-1]
    channels = {r: _shape(tensors, f"b{r}.conv0.weight", 4)[0] for r in resolutions[1:]}
    channels[4], with_spread = _shape(tensors, "b4.conv.weight", 4)[:2]
    base, ceiling = _channel_rule(channels)
    if "b8.skip.weight" in tensors:
        kind = "resnet"
    else:
        kind = "skip" if "b4.fromrgb.weight" in tensors else "orig"
    _, c_dim = _label(tensors)
    return Architecture(
        img_resolution=largest,
        channel_base=base,
        channel_max=ceiling,
        z_dim=0,
        c_dim=c_dim,
        w_dim=channels[4] if c_dim else 0,
        mapping_layers=_count(tensors, "mapping.fc{}.weight"),
        img_channels=_shape(tensors, f"b{largest}.fromrgb.weight", 4)[1],
        architecture=kind,
        conv_clamp=None if conv_clamp is None else float(conv_clamp),
        mbstd_group_size=mbstd_group_size,
        mbstd_channels=with_spread - channels[4],
    )


def check_generator(tensors: Mapping[str, Tensor], architecture: Architecture) -> None:
    """Raise CheckpointError unless the tensors are those of this generator: names, shapes, finite values."""
    _check(tensors, Generator, architecture, "generator")


def check_discriminator(tensors: Mapping[str, Tensor], architecture: Architecture) -> None:
    """The same for a discriminator."""
    _check(tensors, Discriminator, architecture, "discriminator")


def check_filter(filter_taps: Tensor, what: str) -> None:
    """Raise CheckpointError unless a stored resampling filter is the [1, 3, 3, 1] that our networks use."""
    wanted = FIR.outer(FIR)
    if filter_taps.shape != wanted.shape or not torch.allclose(filter_taps, wanted, atol=1e-4):
        raise CheckpointError(f"{what} is not the filter [1, 3, 3, 1], the only one that is supported")


def _check(
    tensors: Mapping[str, Tensor],
    network: type[Generator | Discriminator],
    architecture: Architecture,
    what: str,
) -> None:
    check_limits(architecture, what)
    with torch.device("meta"):  # shapes without memory
        module: nn.Module = network(architecture)
    wanted = module.state_dict()
    if missing := sorted(wanted.keys() - tensors.keys()):
        raise CheckpointError(f"the {what} lacks {_some(missing)}")
    if foreign := sorted(tensors.keys() - wanted.keys()):
        raise CheckpointError(f"the {what} holds {_some(foreign)}, which StyleGAN2 does not have")
    for name, tensor in tensors.items():
        if tensor.shape != wanted[name].shape:
            raise CheckpointError(
                f"the {what}'s {name} should be {list(wanted[name].shape)}. Got {list(tensor.shape)}"
            )
        if (
            tensor.numel() and not torch.stack(tensor.aminmax()).isfinite().all()
        ):  # no copy, unlike tensor.isfinite()
            raise CheckpointError(f"the {what}'s {name} holds nan or inf; the file is damaged")


def check_limits(a: Architecture, what: str) -> None:
    """Raise CheckpointError unless a network of this shape can be laid out at all: the numbers come from a file."""
    whole = [a.img_resolution, a.channel_base, a.channel_max, a.z_dim, a.c_dim, a.w_dim, a.mapping_layers]
    whole += [a.img_channels, a.mbstd_group_size, a.mbstd_channels]
    if not all(type(number) is int and number >= 0 for number in whole):
        raise CheckpointError(
            f"the {what}'s architecture should consist of whole numbers >= 0. Got {_shown(a)}"
        )
    side = a.img_resolution
    if not MIN_RESOLUTION <= side <= MAX_RESOLUTION or side & (side - 1):
        raise CheckpointError(
            f"the {what}'s resolution should be a power of two, {MIN_RESOLUTION} to {MAX_RESOLUTION} px. Got {side}"
        )
    too_wide = (
        max(a.channel_max, a.img_channels, a.mbstd_channels) > MAX_WIDTH or a.mapping_layers > MAX_LAYERS
    )
    too_wide |= max(a.z_dim, a.w_dim) > MAX_CODE or a.c_dim > MAX_CLASSES
    if too_wide or a.mapping_layers * a.w_dim**2 > MAX_MAPPING:
        raise CheckpointError(f"the {what}'s architecture is out of bounds. Got {_shown(a)}")
    if a.channels(side) < 1:
        raise CheckpointError(f"the {what} has no channels at {side} px. Got {_shown(a)}")
    if a.architecture not in ("skip", "resnet", "orig"):
        raise CheckpointError(
            f"the {what}'s kind should be skip, resnet or orig. Got {str(a.architecture)[:40]}"
        )
    if a.conv_clamp is not None and not (
        type(a.conv_clamp) in (int, float) and 0 < a.conv_clamp <= MAX_CLAMP
    ):
        raise CheckpointError(f"the {what}'s conv_clamp should be a number > 0 or None. Got another")
    check_group(a, what)


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


def _shown(architecture: Architecture) -> str:
    """What came; a number of thousands of digits could not even be printed."""
    values = dataclasses.asdict(architecture).items()
    plain = (str, float, type(None))
    shown = (
        (k, v if isinstance(v, plain) or (type(v) is int and abs(v) < 1 << 64) else "?") for k, v in values
    )
    return " ".join(f"{k}={str(v)[:40]}" for k, v in shown)


def _resolutions(tensors: Iterable[str], pattern: str, first: int = 4) -> list[int]:
    """The blocks that are there: first, 2 * first, ... without a gap."""
    found = sorted(int(match[1]) for name in tensors if (match := re.fullmatch(pattern, name)))
    if not found or found != [first << i for i in range(len(found))]:
        raise CheckpointError(f"its tensors are not those of a StyleGAN2: {_some(sorted(tensors))}")
    return found


def _count(tensors: Iterable[str], pattern: str) -> int:
    names = set(tensors)
    count = 0
    while pattern.format(count) in names:
        count += 1
    return count


def _label(tensors: Mapping[str, Tensor]) -> tuple[int, int]:
    """Width of the label's embedding and number of classes; 0, 0 for unconditional nets."""
    if "mapping.embed.weight" not in tensors:
        return 0, 0
    embedded, c_dim = _shape(tensors, "mapping.embed.weight", 2)
    return embedded, c_dim


def _channel_rule(channels: Mapping[int, int]) -> tuple[int, int]:
    """channel_base and channel_max, so that channels(res) = min(channel_base // res, channel_max)."""
    base, ceiling = max(c * r for r, c in channels.items()), max(channels.values())
    wrong = [f"{c} at {r} px" for r, c in channels.items() if c != min(base // r, ceiling)]
    if wrong:
        raise CheckpointError(f"channel counts that follow no StyleGAN2 rule: {_some(wrong)}")
    return base, ceiling


def _shape(tensors: Mapping[str, Tensor], name: str, dimensions: int) -> list[int]:
    if name not in tensors:
        raise CheckpointError(f"the weights lack {name}")
    shape = list(tensors[name].shape)
    if len(shape) != dimensions or 0 in shape:
        raise CheckpointError(f"{name} should have {dimensions} dimensions. Got shape {shape}")
    return shape


def _some(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return (", ".join(name[:80] for name in names[:SHOWN]) or "nothing") + more
