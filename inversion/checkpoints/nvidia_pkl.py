"""NVIDIA's PyTorch pickles: stylegan2-ada-pytorch, and the StyleGAN2 and StyleGAN3 nets of the stylegan3 repository.

Format, from torch_utils/persistence.py of both: a dict with G, D, G_ema; each network and each of its layers
is one call of `_reconstruct_persistent_obj` with {type, version, module_src, class_name, state}. Their loader
executes module_src. Here it is never looked at: `state`, the layer's attributes, holds every number as plain
data. The two dialects differ in constructor arguments (synthesis_kwargs nested or flat), which do not matter.
"""

from __future__ import annotations

import logging
from typing import Any

from torch import Tensor

from inversion.checkpoints.budget import Budget
from inversion.checkpoints.checkpoint import Checkpoint
from inversion.checkpoints.complete import complete_generator
from inversion.checkpoints.deduce import (
    check_discriminator,
    check_filter,
    discriminator_architecture,
    generator_architecture,
)
from inversion.checkpoints.limits import ENTIRE_BATCH
from inversion.checkpoints.nvidia_layers import PERSISTENT, Layers, is_layer
from inversion.checkpoints.pickled_values import as_mapping, as_tensor, as_whole
from inversion.checkpoints.stylegan3_pkl import stylegan3_architecture
from inversion.checkpoints.torch_file import Storages
from inversion.errors import CheckpointError
from inversion.generator.architecture import AnyArchitecture, Architecture

log = logging.getLogger(__name__)

EXPECTED = frozenset({PERSISTENT})
LR_MULTIPLIER = 0.01  # of the mapping layers


def convert(tree: Any, budget: Budget, storages: Storages) -> Checkpoint:
    """A parsed pickle as a checkpoint: the averaged generator G_ema, the discriminator D.

    tree: a training snapshot, or a generator alone. storages: see as_tensor.
    """
    nets = {"G_ema": tree} if is_layer(tree) else as_mapping(tree, "an NVIDIA pickle", budget)
    found = next((name for name in ("G_ema", "G") if nets.get(name) is not None), None)
    if found is None:
        raise CheckpointError(
            f"an NVIDIA pickle should hold G_ema. Got {', '.join(sorted(nets)[:8]) or 'nothing'}"
        )
    if found == "G":
        log.warning("the file has no averaged generator G_ema: G is taken, whose pictures are a little worse")
    generator, architecture = _generator(nets[found], budget, storages)
    discriminator = d_architecture = None
    if nets.get("D") is not None:
        discriminator, d_architecture = _discriminator(nets["D"], budget, storages)
    return Checkpoint(architecture, generator, d_architecture, discriminator)


def _generator(call: Any, budget: Budget, storages: Storages) -> tuple[dict[str, Tensor], AnyArchitecture]:
    layers = Layers(budget)
    layers.add("", call)
    for layer, state in layers.attributes.items():
        if state.get("activation", "linear") not in ("linear", "lrelu"):
            raise CheckpointError(f"{layer} uses another activation than leaky ReLU, the only one supported")
    for layer in layers.attributes:
        if layer.startswith("mapping.fc") and layers.attribute(layer, "bias_gain") != LR_MULTIPLIER:
            raise CheckpointError(f"{layer}: only a learning rate multiplier of {LR_MULTIPLIER} is supported")
    tensors = _tensors(layers, storages)
    architecture: AnyArchitecture
    if "synthesis.input" in layers.classes:
        architecture = stylegan3_architecture(layers, tensors)
    else:
        architecture = generator_architecture(tensors, layers.attribute("synthesis.b4.conv1", "conv_clamp"))
    tensors = complete_generator(tensors, architecture)
    _cross_check(layers, architecture)
    return tensors, architecture


def _discriminator(
    call: Any, budget: Budget, storages: Storages
) -> tuple[dict[str, Tensor] | None, Architecture | None]:
    layers = Layers(budget)
    layers.add("", call)
    if layers.classes[""] != "Discriminator":
        log.warning("the discriminator is a %s, not StyleGAN2's: left out", layers.classes[""])
        return None, None
    tensors = _tensors(layers, storages)
    group = as_whole(layers.attribute("b4.mbstd", "group_size"), "b4.mbstd.group_size")
    architecture = discriminator_architecture(
        tensors,
        layers.attribute("b8.conv1", "conv_clamp"),
        ENTIRE_BATCH if group is None else group,
    )
    check_discriminator(tensors, architecture)
    return tensors, architecture


def _tensors(layers: Layers, storages: Storages) -> dict[str, Tensor]:
    tensors = {}
    for name, value in layers.tensors.items():
        tensor = as_tensor(value, name, layers.budget, storages)
        if name.endswith("resample_filter"):
            check_filter(tensor, name)
        else:
            tensors[name] = tensor
    return tensors


def _cross_check(layers: Layers, architecture: AnyArchitecture) -> None:
    """Believe the tensors only when the generator's own attributes say the same."""
    for name in ("z_dim", "c_dim", "w_dim", "img_resolution", "img_channels"):
        said, found = layers.attribute("", name), getattr(architecture, name)
        if said is not None and said != found:
            raise CheckpointError(
                f"the file says {name}={said}, its tensors say {found}; the file is damaged"
            )
