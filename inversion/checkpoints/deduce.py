"""Read a net's shape off its tensors, and check that exactly the right tensors are there.

The tensors are the truth: a file's own settings are only believed where shapes cannot tell (conv_clamp).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

import torch
from torch import Tensor, nn

from inversion.checkpoints.limits import check_limits
from inversion.errors import CheckpointError
from inversion.generator.architecture import AnyArchitecture, Architecture
from inversion.generator.discriminator import Discriminator
from inversion.generator.stylegan2 import Generator

FIR = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
SHOWN = 4  # names listed in a message


def generator_architecture(tensors: Mapping[str, Tensor], conv_clamp: float | None = None) -> Architecture:
    """What generator these tensors make up. Raises CheckpointError when they make up none."""
    resolutions = _resolutions(tensors, r"synthesis\.b(\d{1,5})\.conv1\.weight")
    largest = resolutions[-1]
    mapping_layers = count_layers(tensors, "mapping.fc{}.weight")
    if mapping_layers == 0:
        raise CheckpointError("no mapping network among its tensors (mapping.fc0.weight ...)")
    base, ceiling = _channel_rule(
        {r: shape_of(tensors, f"synthesis.b{r}.conv1.weight", 4)[0] for r in resolutions}
    )
    embedded, c_dim = label_sizes(tensors)
    z_dim = shape_of(tensors, "mapping.fc0.weight", 2)[1] - embedded
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
        w_dim=shape_of(tensors, "synthesis.b4.conv1.affine.weight", 2)[1],
        mapping_layers=mapping_layers,
        img_channels=shape_of(tensors, f"synthesis.b{largest}.torgb.weight", 4)[0],
        architecture=kind,
        conv_clamp=None if conv_clamp is None else float(conv_clamp),
    )


def discriminator_architecture(
    tensors: Mapping[str, Tensor], conv_clamp: float | None = None, mbstd_group_size: int = 4
) -> Architecture:
    """What discriminator these tensors make up. Raises CheckpointError when they make up none."""
    resolutions = [4, *_resolutions(tensors, r"b(\d{1,5})\.conv1\.weight", first=8)]
    largest = resolutions[-1]
    channels = {r: shape_of(tensors, f"b{r}.conv0.weight", 4)[0] for r in resolutions[1:]}
    channels[4], with_spread = shape_of(tensors, "b4.conv.weight", 4)[:2]
    base, ceiling = _channel_rule(channels)
    if "b8.skip.weight" in tensors:
        kind = "resnet"
    else:
        kind = "skip" if "b4.fromrgb.weight" in tensors else "orig"
    _, c_dim = label_sizes(tensors)
    return Architecture(
        img_resolution=largest,
        channel_base=base,
        channel_max=ceiling,
        z_dim=0,
        c_dim=c_dim,
        w_dim=channels[4] if c_dim else 0,
        mapping_layers=count_layers(tensors, "mapping.fc{}.weight"),
        img_channels=shape_of(tensors, f"b{largest}.fromrgb.weight", 4)[1],
        architecture=kind,
        conv_clamp=None if conv_clamp is None else float(conv_clamp),
        mbstd_group_size=mbstd_group_size,
        mbstd_channels=with_spread - channels[4],
    )


def check_generator(tensors: Mapping[str, Tensor], architecture: AnyArchitecture) -> None:
    """Raise CheckpointError unless the tensors are those of this generator: names, shapes, finite values."""
    _check(tensors, Generator, architecture, "generator")
    for name, tensor in tensors.items():
        if name.endswith("magnitude_ema") and not tensor > 0:
            raise CheckpointError(
                f"the generator's {name}, a mean square, should be > 0; the file is damaged"
            )


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
    network: Callable[..., Generator | Discriminator],
    architecture: AnyArchitecture,
    what: str,
) -> None:
    check_limits(architecture, what)
    with torch.device("meta"):  # shapes without memory
        module: nn.Module = network(architecture)
    wanted = module.state_dict()
    if missing := sorted(wanted.keys() - tensors.keys()):
        raise CheckpointError(f"the {what} lacks {listed(missing)}")
    if foreign := sorted(tensors.keys() - wanted.keys()):
        raise CheckpointError(f"the {what} holds {listed(foreign)}, which its architecture does not have")
    for name, tensor in tensors.items():
        if tensor.shape != wanted[name].shape:
            raise CheckpointError(
                f"the {what}'s {name} should be {list(wanted[name].shape)}. Got {list(tensor.shape)}"
            )
        # No copy, unlike tensor.isfinite().
        if tensor.numel() and not torch.stack(tensor.aminmax()).isfinite().all():
            raise CheckpointError(f"the {what}'s {name} holds nan or inf; the file is damaged")


def _resolutions(tensors: Iterable[str], pattern: str, first: int = 4) -> list[int]:
    """The blocks that are there: first, 2 * first, ... without a gap."""
    found = sorted(int(match[1]) for name in tensors if (match := re.fullmatch(pattern, name)))
    if not found or found != [first << i for i in range(len(found))]:
        raise CheckpointError(f"its tensors are not those of a StyleGAN2: {listed(sorted(tensors))}")
    return found


def count_layers(tensors: Iterable[str], pattern: str) -> int:
    """How many names with 0, 1, ... in the place of {} are there, without a gap."""
    names = set(tensors)
    count = 0
    while pattern.format(count) in names:
        count += 1
    return count


def label_sizes(tensors: Mapping[str, Tensor]) -> tuple[int, int]:
    """Width of the label's embedding and number of classes; 0, 0 for unconditional nets."""
    if "mapping.embed.weight" not in tensors:
        return 0, 0
    embedded, c_dim = shape_of(tensors, "mapping.embed.weight", 2)
    return embedded, c_dim


def _channel_rule(channels: Mapping[int, int]) -> tuple[int, int]:
    """channel_base and channel_max, so that channels(res) = min(channel_base // res, channel_max)."""
    base, ceiling = max(c * r for r, c in channels.items()), max(channels.values())
    wrong = [f"{c} at {r} px" for r, c in channels.items() if c != min(base // r, ceiling)]
    if wrong:
        raise CheckpointError(f"channel counts that follow no StyleGAN2 rule: {listed(wrong)}")
    return base, ceiling


def shape_of(tensors: Mapping[str, Tensor], name: str, dimensions: int) -> list[int]:
    """Raises CheckpointError unless this tensor is there, and has so many dimensions, none of them empty."""
    if name not in tensors:
        raise CheckpointError(f"the weights lack {name}")
    shape = list(tensors[name].shape)
    if len(shape) != dimensions or 0 in shape:
        raise CheckpointError(f"{name} should have {dimensions} dimensions. Got shape {shape}")
    return shape


def listed(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return (", ".join(name[:80] for name in names[:SHOWN]) or "nothing") + more
