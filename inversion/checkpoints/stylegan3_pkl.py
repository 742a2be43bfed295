"""The shape of a StyleGAN3 generator (config T or R), from the attributes of its layers in NVIDIA's pickle.

Tensors alone do not tell at which rates the layers work. So the rates, margins and factors are taken from the layers,
and everything that follows from them is compared with what the layers and the tensors say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from inversion.checkpoints.deduce import count_layers, label_sizes, shape_of
from inversion.checkpoints.limits import check_limits
from inversion.checkpoints.nvidia_layers import Layers
from inversion.checkpoints.pickled_values import as_whole
from inversion.errors import CheckpointError
from inversion.generator.architecture import FilteredLayer, StyleGAN3Architecture

LAYER = re.compile(r"synthesis\.L(\d{1,2})_\d{1,5}_\d{1,5}")


def stylegan3_architecture(layers: Layers, tensors: Mapping[str, Tensor]) -> StyleGAN3Architecture:
    """Raises CheckpointError for layers that are not those of NVIDIA's config T or R."""
    found = {int(match[1]): name for name in layers.classes if (match := LAYER.fullmatch(name))}
    names = [found[i] for i in sorted(found)]
    if len(names) < 2 or sorted(found) != list(range(len(names))):
        raise CheckpointError(
            "a StyleGAN3 generator should have layers L0, L1, ... without a gap. Got others"
        )

    def number(layer: str, name: str) -> float:
        value = layers.attribute(layer, name)
        if value is None:
            raise CheckpointError(f"{layer} lacks {name}")
        return value

    def whole(layer: str, name: str) -> int:
        return int(as_whole(number(layer, name), f"{layer}.{name}") or 0)

    embedded, c_dim = label_sizes(tensors)
    first_up = whole(names[0], "up_factor")
    architecture = StyleGAN3Architecture(
        img_resolution=whole("synthesis", "img_resolution"),
        channels=tuple(shape_of(tensors, f"{name}.weight", 4)[0] for name in names),
        sampling_rates=tuple(whole(name, "out_sampling_rate") for name in names),
        bandwidth=float(number("synthesis.input", "bandwidth")),
        num_critical=whole("synthesis", "num_critical"),
        margin_size=whole("synthesis", "margin_size"),
        conv_kernel=shape_of(tensors, f"{names[0]}.weight", 4)[2],
        filter_size=whole(names[0], "up_taps") // max(first_up, 1),
        lrelu_upsampling=first_up,
        use_radial_filters=bool(whole(names[0], "down_radial")),
        output_scale=float(number("synthesis", "output_scale")),
        z_dim=shape_of(tensors, "mapping.fc0.weight", 2)[1] - embedded,
        c_dim=c_dim,
        w_dim=shape_of(tensors, "synthesis.input.affine.weight", 2)[1],
        mapping_layers=count_layers(tensors, "mapping.fc{}.weight"),
        conv_clamp=None if (clamp := layers.attribute(names[0], "conv_clamp")) is None else float(clamp),
    )
    check_limits(architecture, "generator")
    for name, layer in zip(names, architecture.layers, strict=True):
        for attribute, value in _expected(layer).items():
            if whole(name, attribute) != value:
                raise _other(name, attribute)
        if (
            name != f"synthesis.{layer.name}"
            or layers.attribute(name, "conv_clamp") != architecture.conv_clamp
        ):
            raise _other(name, "name or conv_clamp")
        if _padding(layers.attributes[name].get("padding")) != layer.padding:
            raise _other(name, "padding")
    return architecture


def _expected(layer: FilteredLayer) -> dict[str, int]:
    """Attributes of a layer that say the same as the architecture."""
    return {
        "up_factor": layer.up,
        "down_factor": layer.down,
        "up_taps": layer.up_taps,
        "down_taps": layer.down_taps,
    }


def _padding(value: Any) -> tuple[int, int] | None:
    """Before and after, alike on both axes; None for anything else."""
    if not isinstance(value, list) or len(value) != 4 or not all(type(side) is int for side in value):
        return None
    left, right, top, bottom = value
    return (left, right) if (left, right) == (top, bottom) else None


def _other(layer: str, what: str) -> CheckpointError:
    return CheckpointError(
        f"{layer} has another {what} than NVIDIA's config T and R, the only ones that are read"
    )
