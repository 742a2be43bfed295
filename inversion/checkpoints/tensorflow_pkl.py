"""The older TensorFlow pickles of NVlabs/stylegan2 and stylegan2-ada: (G, D, Gs), as three inert networks.

Format, from dnnlib/tflib/network.py of both repositories: each is an object of dnnlib.tflib.network.Network
whose state holds version (4: stylegan2, 5: stylegan2-ada), static_kwargs, variables as (name, numpy array)
pairs, components (mapping and synthesis, networks themselves) and build_module_src, Python source that their
loader executes and this one never looks at. What became of each variable in the PyTorch networks was read
from legacy.py of NVlabs/stylegan2-ada-pytorch: kernels are [H, W, I, O], up-convolutions spatially flipped,
style biases lack their 1, dense weights are transposed. tests/reference holds outputs of NVIDIA's conversion.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from inversion.checkpoints.budget import Budget
from inversion.checkpoints.checkpoint import Checkpoint
from inversion.checkpoints.complete import complete_generator
from inversion.checkpoints.deduce import (
    check_discriminator,
    discriminator_architecture,
    generator_architecture,
)
from inversion.checkpoints.inert_pickle import Call
from inversion.checkpoints.limits import ENTIRE_BATCH
from inversion.checkpoints.pickled_values import MAX_NAME, as_array, as_mapping, as_number, as_whole, kind
from inversion.errors import CheckpointError
from inversion.generator.architecture import Architecture

NETWORK = "dnnlib.tflib.network.Network"
EXPECTED = frozenset({NETWORK})
OLDEST_VERSION = 4  # StyleGAN1 saved 2 and 3
STYLEGAN2_MBSTD = 4  # images per group, the default of version 4; version 5 takes the entire batch
MAX_COMPONENTS = 8

# Settings that shapes cannot show, with the one value that our networks have.
FIXED: dict[str, Any] = {
    "nonlinearity": "lrelu",
    "mapping_nonlinearity": "lrelu",
    "resample_kernel": [1, 3, 3, 1],
    "conditioning": None,
}
KNOWN = frozenset(FIXED) | frozenset(
    "latent_size label_size dlatent_size resolution num_channels mapping_layers label_fmaps mapping_fmaps "
    "mapping_lrmul w_avg_beta fmap_base fmap_max num_fp16_res conv_clamp architecture use_noise "
    "truncation_psi truncation_cutoff style_mixing_prob structure fused_modconv freeze_layers "
    "mbstd_group_size mbstd_num_features".split()
)


def recognizes(tree: Any) -> bool:
    """Whether a parsed pickle is in this dialect."""
    return isinstance(tree, tuple) and any(isinstance(net, Call) and net.maker == NETWORK for net in tree)


def convert(tree: Any, budget: Budget) -> Checkpoint:
    """A parsed pickle as a checkpoint: the averaged generator Gs and the discriminator D."""
    if len(tree) != 3:
        raise CheckpointError(f"a TensorFlow pickle should hold three networks. Got {len(tree)}")
    _, d_net, g_net = (_network(net, budget) for net in tree)
    tensors = _translate(g_net, GENERATOR)
    if "mapping.embed.weight" not in tensors and g_net.number("label_size"):
        raise CheckpointError("conditional nets of the TensorFlow StyleGAN2 (LabelConcat) are not supported")
    architecture = generator_architecture(tensors, g_net.number("conv_clamp"))
    g_net.check(mapping_lrmul=0.01)
    tensors = complete_generator(tensors, architecture)
    d_tensors = _translate(d_net, DISCRIMINATOR)
    d_architecture = _discriminator_architecture(d_net, d_tensors)
    check_discriminator(d_tensors, d_architecture)
    return Checkpoint(architecture, tensors, d_architecture, d_tensors)


@dataclass(frozen=True)
class _Network:
    version: int
    settings: dict[str, Any]
    variables: dict[str, Any]  # still inert
    budget: Budget

    def number(self, name: str) -> int | float | None:
        return as_number(self.settings.get(name), name, self.budget)

    def check(self, mapping_lrmul: float) -> None:
        said = self.number("mapping_lrmul")
        if said is not None and said != mapping_lrmul:
            raise CheckpointError(f"mapping_lrmul should be {mapping_lrmul}. Got {said}")


def _network(call: Any, budget: Budget) -> _Network:
    state = _state(call, budget)
    version = as_number(state.get("version"), "version", budget)
    if not isinstance(version, int) or version < OLDEST_VERSION:
        raise CheckpointError(
            f"a TensorFlow pickle of version {version}, from StyleGAN1 or before; StyleGAN2 has 4 or 5"
        )
    settings = as_mapping(state.get("static_kwargs"), "static_kwargs", budget)
    if unknown := sorted(settings.keys() - KNOWN):
        raise CheckpointError(f"the network has settings that are not supported: {', '.join(unknown)[:200]}")
    for name, wanted in FIXED.items():
        if settings.get(name) not in (None, wanted):
            raise CheckpointError(f"{name} should be {wanted}, the only one that is supported")
    variables = dict(_variables("", state, budget))
    components = as_mapping(state.get("components", {}), "components", budget)
    if len(components) > MAX_COMPONENTS:
        raise CheckpointError("a TensorFlow network should have two components, mapping and synthesis")
    for name, component in components.items():
        variables.update(_variables(name + "/", _state(component, budget), budget))
    return _Network(version, settings, variables, budget)


def _state(call: Any, budget: Budget) -> dict[str, Any]:
    if not isinstance(call, Call) or call.maker != NETWORK:
        raise CheckpointError(
            f"a TensorFlow pickle should hold three networks. Got a {kind(call)} among them"
        )
    return as_mapping(call.state, "the network's state", budget)


def _variables(prefix: str, state: dict[str, Any], budget: Budget) -> list[tuple[str, Any]]:
    pairs = state.get("variables")
    if isinstance(pairs, list):
        budget.work(len(pairs))
    if not isinstance(pairs, list) or not all(
        isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[0], str) and len(pair[0]) <= MAX_NAME
        for pair in pairs
    ):
        raise CheckpointError("a TensorFlow network's variables should be a list of (name, array)")
    return [(prefix + name, value) for name, value in pairs]


def _discriminator_architecture(net: _Network, tensors: dict[str, Tensor]) -> Architecture:
    group = as_whole(net.number("mbstd_group_size"), "mbstd_group_size")
    if group is None:
        group = STYLEGAN2_MBSTD if net.version == 4 else ENTIRE_BATCH
    architecture = discriminator_architecture(tensors, net.number("conv_clamp"), group)
    if architecture.mapping_layers > 0:
        net.check(mapping_lrmul=0.01)
    return architecture


# Each rule: a pattern for the variable's name; its name here (None: not needed); what happens to the array.
Rename = Callable[[re.Match[str]], str | None]
Turn = Callable[[np.ndarray], np.ndarray]
Rule = tuple[str, Rename, Turn]


def _same(x: np.ndarray) -> np.ndarray:
    return x


def _dense(x: np.ndarray) -> np.ndarray:
    return x.T


def _kernel(x: np.ndarray) -> np.ndarray:
    return x.transpose(3, 2, 0, 1)


def _flipped_kernel(x: np.ndarray) -> np.ndarray:
    return x[::-1, ::-1].transpose(3, 2, 0, 1)


def _plus_one(x: np.ndarray) -> np.ndarray:
    return x + 1


LAYERS = {"Conv": "conv1", "Conv0_up": "conv0", "Conv1": "conv1", "ToRGB": "torgb"}
G = r"synthesis/(\d+)x\1/"
STYLED = G + r"(Conv|Conv0_up|Conv1|ToRGB)/"


def _styled(ending: str) -> Callable[[re.Match[str]], str]:
    return lambda m: f"synthesis.b{m[1]}.{LAYERS[m[2]]}.{ending}"


def _noise(match: re.Match[str]) -> str:
    """noise0 is b4.conv1, then two per resolution: 5 -> b32.conv0, 6 -> b32.conv1."""
    index = int(match[1])
    return f"synthesis.b{2 ** ((index + 5) // 2)}.conv{0 if index % 2 else 1}.noise_const"


GENERATOR: list[Rule] = [
    (r"(synthesis/)?lod", lambda m: None, _same),
    (r"dlatent_avg", lambda m: "mapping.w_avg", _same),
    (r"mapping/LabelEmbed/weight", lambda m: "mapping.embed.weight", _dense),
    (r"mapping/LabelEmbed/bias", lambda m: "mapping.embed.bias", _same),
    (r"mapping/Dense(\d+)/weight", lambda m: f"mapping.fc{m[1]}.weight", _dense),
    (r"mapping/Dense(\d+)/bias", lambda m: f"mapping.fc{m[1]}.bias", _same),
    (r"synthesis/4x4/Const/const", lambda m: "synthesis.b4.const", lambda x: x[0]),
    (r"synthesis/noise(\d{1,2})", _noise, lambda x: x[0, 0]),
    (G + r"(Conv0_up)/weight", _styled("weight"), _flipped_kernel),
    (STYLED + "weight", _styled("weight"), _kernel),
    (STYLED + "bias", _styled("bias"), _same),
    (STYLED + "noise_strength", _styled("noise_strength"), _same),
    (STYLED + "mod_weight", _styled("affine.weight"), _dense),
    (STYLED + "mod_bias", _styled("affine.bias"), _plus_one),
    (G + r"Skip/weight", lambda m: f"synthesis.b{m[1]}.skip.weight", _flipped_kernel),
]

D = r"(\d+)x\1/"
D_LAYERS = {"FromRGB": "fromrgb", "Conv0": "conv0", "Conv1_down": "conv1", "Skip": "skip", "Conv": "conv"}
D_DENSE = {"4x4/Dense0": "b4.fc", "Output": "b4.out", "LabelEmbed": "mapping.embed"}
DISCRIMINATOR: list[Rule] = [
    (r"lod", lambda m: None, _same),
    (
        D + "(FromRGB|Conv0|Conv1_down|Skip|Conv)/weight",
        lambda m: f"b{m[1]}.{D_LAYERS[m[2]]}.weight",
        _kernel,
    ),
    (D + "(FromRGB|Conv0|Conv1_down|Conv)/bias", lambda m: f"b{m[1]}.{D_LAYERS[m[2]]}.bias", _same),
    ("(4x4/Dense0|Output|LabelEmbed)/weight", lambda m: f"{D_DENSE[m[1]]}.weight", _dense),
    ("(4x4/Dense0|Output|LabelEmbed)/bias", lambda m: f"{D_DENSE[m[1]]}.bias", _same),
    (r"Mapping(\d+)/weight", lambda m: f"mapping.fc{m[1]}.weight", _dense),
    (r"Mapping(\d+)/bias", lambda m: f"mapping.fc{m[1]}.bias", _same),
]


def _translate(net: _Network, rules: list[Rule]) -> dict[str, Tensor]:
    """Rename and reorient every variable. Raises CheckpointError for one that no rule knows."""
    tensors = {}
    for name, value in net.variables.items():
        match, rename, turn = _rule(name, rules)
        ours = rename(match)
        if ours is None:
            continue
        array = as_array(value, name, net.budget)
        net.budget.memory(4 * array.size)
        if array.dtype.kind != "f":
            raise CheckpointError(f"{name} should hold floating point numbers. Got {array.dtype}")
        try:
            with np.errstate(all="ignore"):  # what becomes infinite as float32 is refused below, by name
                turned = np.array(turn(array), dtype=np.float32, order="C")
        except (ValueError, IndexError) as error:
            raise CheckpointError(f"{name} has an unexpected shape. Got {list(array.shape)}") from error
        tensors[ours] = torch.from_numpy(turned)
    return tensors


def _rule(name: str, rules: list[Rule]) -> tuple[re.Match[str], Rename, Turn]:
    for pattern, rename, turn in rules:
        if match := re.fullmatch(pattern, name):
            return match, rename, turn
    raise CheckpointError(f"the variable {name[:80]!r} does not belong to a StyleGAN2 (configuration E or F)")
