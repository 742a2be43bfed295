"""NVIDIA's PyTorch pickles: stylegan2-ada-pytorch, and StyleGAN2 nets saved by the stylegan3 repository.

Format, from torch_utils/persistence.py of both: a dict with G, D, G_ema; each network and each of its layers
is one call of `_reconstruct_persistent_obj` with {type, version, module_src, class_name, state}. Their loader
executes module_src. Here it is never looked at: `state`, the layer's attributes, holds every number as plain
data. The two dialects differ in constructor arguments (synthesis_kwargs nested or flat), which do not matter.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from inversion.checkpoints.checkpoint import Checkpoint
from inversion.checkpoints.complete import complete_generator
from inversion.checkpoints.deduce import (
    ENTIRE_BATCH,
    check_discriminator,
    check_filter,
    discriminator_architecture,
    generator_architecture,
)
from inversion.checkpoints.inert_pickle import Call
from inversion.checkpoints.pickled_values import Budget, as_mapping, as_number, as_tensor, kind
from inversion.errors import CheckpointError
from inversion.generator.architecture import Architecture

log = logging.getLogger(__name__)

PERSISTENT = "torch_utils.persistence._reconstruct_persistent_obj"
EXPECTED = frozenset({PERSISTENT})
MAX_DEPTH = 8  # of layers within layers: generator > synthesis > block > convolution > affine
MAX_MODULES = 2_000
LR_MULTIPLIER = 0.01  # of the mapping layers


@dataclass
class _Layers:
    """A network's tree of layers, flattened by dotted path."""

    classes: dict[str, str] = field(default_factory=dict)
    attributes: dict[str, dict[str, Any]] = field(default_factory=dict)
    tensors: dict[str, Any] = field(default_factory=dict)  # still inert

    def add(self, prefix: str, call: Any, depth: int = 0) -> None:
        if not isinstance(call, Call) or call.maker != PERSISTENT or len(call.arguments) != 1:
            raise CheckpointError(
                f"{prefix or 'the network'} should be one of NVIDIA's layers. Got {kind(call)}"
            )
        if depth > MAX_DEPTH or len(self.classes) > MAX_MODULES:
            raise CheckpointError("a network of layers within layers without end; it is not read")
        meta = as_mapping(call.arguments[0], prefix or "the network")
        state = as_mapping(meta.get("state"), f"{prefix or 'the network'}'s state")
        self.classes[prefix] = str(meta.get("class_name"))[:80]
        self.attributes[prefix] = state
        dot = prefix + "." if prefix else ""
        for group in ("_parameters", "_buffers"):
            for name, value in as_mapping(state.get(group), f"{prefix}'s {group}").items():
                if value is not None:
                    self.tensors[dot + name] = value
        for name, value in as_mapping(state.get("_modules"), f"{prefix}'s layers").items():
            if value is not None:
                self.add(dot + name, value, depth + 1)

    def attribute(self, layer: str, name: str) -> int | float | None:
        return as_number(self.attributes.get(layer, {}).get(name), f"{layer}.{name}")


def convert(tree: Any, size: int) -> Checkpoint:
    """A parsed pickle of `size` bytes as a checkpoint: the averaged generator G_ema, the discriminator D."""
    nets = as_mapping(tree, "an NVIDIA pickle")
    if "G_ema" not in nets:
        raise CheckpointError(f"an NVIDIA pickle should hold G_ema. Got {sorted(nets)[:8]}")
    budget = Budget(size)
    generator, architecture = _generator(nets["G_ema"], budget)
    discriminator = d_architecture = None
    if nets.get("D") is not None:
        discriminator, d_architecture = _discriminator(nets["D"], budget)
    return Checkpoint(architecture, generator, d_architecture, discriminator)


def _generator(call: Any, budget: Budget) -> tuple[dict[str, Tensor], Architecture]:
    layers = _Layers()
    layers.add("", call)
    if "synthesis.input" in layers.classes:
        raise CheckpointError(
            "this is a StyleGAN3 generator (alias-free, config T or R), whose layers are different; "
            "StyleGAN2 nets work, also those saved by the stylegan3 repository"
        )
    for layer, state in layers.attributes.items():
        if state.get("activation", "linear") not in ("linear", "lrelu"):
            raise CheckpointError(f"{layer} uses another activation than leaky ReLU, the only one supported")
    for layer in layers.attributes:
        if layer.startswith("mapping.fc") and layers.attribute(layer, "bias_gain") != LR_MULTIPLIER:
            raise CheckpointError(f"{layer}: only a learning rate multiplier of {LR_MULTIPLIER} is supported")
    tensors = _tensors(layers, budget)
    architecture = generator_architecture(tensors, layers.attribute("synthesis.b4.conv1", "conv_clamp"))
    tensors = complete_generator(tensors, architecture)
    _cross_check(layers, architecture)
    return tensors, architecture


def _discriminator(call: Any, budget: Budget) -> tuple[dict[str, Tensor] | None, Architecture | None]:
    layers = _Layers()
    layers.add("", call)
    if layers.classes[""] != "Discriminator":
        log.warning("the discriminator is a %s, not StyleGAN2's: left out", layers.classes[""])
        return None, None
    tensors = _tensors(layers, budget)
    group = layers.attribute("b4.mbstd", "group_size")
    architecture = discriminator_architecture(
        tensors,
        layers.attribute("b8.conv1", "conv_clamp"),
        ENTIRE_BATCH if group is None else int(group),
    )
    check_discriminator(tensors, architecture)
    return tensors, architecture


def _tensors(layers: _Layers, budget: Budget) -> dict[str, Tensor]:
    tensors = {}
    for name, value in layers.tensors.items():
        tensor = as_tensor(value, name, budget)
        if name.endswith("resample_filter"):
            check_filter(tensor, name)
        else:
            tensors[name] = tensor
    return tensors


def _cross_check(layers: _Layers, architecture: Architecture) -> None:
    """Believe the tensors only when the generator's own attributes say the same."""
    for name in ("z_dim", "c_dim", "w_dim", "img_resolution", "img_channels"):
        said, found = layers.attribute("", name), getattr(architecture, name)
        if said is not None and said != found:
            raise CheckpointError(
                f"the file says {name}={said}, its tensors say {found}; the file is damaged"
            )
