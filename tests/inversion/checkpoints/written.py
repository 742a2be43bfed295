"""Write tiny files in the dialects of others, without their code: what a reader would meet, made by us."""

from __future__ import annotations

import json
import pickle
import sys
import types
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

REFERENCE = Path(__file__).parents[2] / "reference"
FIR = torch.tensor([1.0, 3.0, 3.0, 1.0]).outer(torch.tensor([1.0, 3.0, 3.0, 1.0])) / 64
SIZES = ("size", "in_size", "out_size")
SCALARS = ("bandwidth", "in_cutoff", "out_cutoff", "in_half_width", "out_half_width")
SOURCE = "# the source of NVIDIA's networks stands here in their files"


def reference(name: str) -> dict[str, np.ndarray]:
    with np.load(REFERENCE / f"{name}.npz") as file:
        return {key: file[key] for key in file.files}


def weights(arrays: dict[str, np.ndarray], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): torch.from_numpy(v) for k, v in arrays.items() if k.startswith(prefix)}


class EasyDict(dict[str, Any]):
    """Pickled as dnnlib.util.EasyDict."""


class Network:
    """Pickled as dnnlib.tflib.network.Network."""

    def __init__(self, **state: Any) -> None:
        self.state = state

    def __getstate__(self) -> dict[str, Any]:
        return self.state


def _reconstruct_persistent_obj(meta: dict[str, Any]) -> None:
    raise AssertionError("only written, never called")


class Layer:
    """Pickled as one of NVIDIA's persistent objects."""

    def __init__(self, class_name: str, state: dict[str, Any], source: str = SOURCE) -> None:
        self.meta: dict[str, Any] = {
            "type": "class",
            "version": 6,
            "module_src": source,
            "class_name": class_name,
            "state": state,
        }

    def __reduce__(self) -> Any:
        return _reconstruct_persistent_obj, (self.meta,)


HOMES: dict[str, Any] = {
    "dnnlib.util": EasyDict,
    "dnnlib.tflib.network": Network,
    "torch_utils.persistence": _reconstruct_persistent_obj,
}


@contextmanager
def foreign_modules() -> Iterator[None]:
    """While pickling, our stand-ins live under the names that the foreign files mention."""
    before = dict(sys.modules)
    for name, item in HOMES.items():
        parts = name.split(".")
        for i in range(1, len(parts) + 1):
            sys.modules.setdefault(".".join(parts[:i]), types.ModuleType(".".join(parts[:i])))
        setattr(sys.modules[name], item.__name__, item)
        item.__module__, item.__qualname__ = name, item.__name__
    try:
        yield
    finally:
        for name in set(sys.modules) - set(before):
            del sys.modules[name]


def dump(path: Path, value: Any, protocol: int = 4) -> Path:
    with foreign_modules():
        path.write_bytes(pickle.dumps(value, protocol=protocol))
    return path


def network(
    class_name: str, tensors: dict[str, Tensor], extra: dict[str, Any], source: str = SOURCE
) -> Layer:
    """A flat state dict as NVIDIA's tree of layers. extra: attributes by dotted path, e.g. {"b4.mbstd": {...}}."""
    children: dict[str, dict[str, Tensor]] = {}
    own: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        head, dot, rest = name.partition(".")
        if dot:
            children.setdefault(head, {})[rest] = tensor
        else:
            own[head] = tensor
    for path in extra:
        if path:
            children.setdefault(path.partition(".")[0], {})
    buffers = (
        "noise_const w_avg resample_filter freqs phases transform magnitude_ema up_filter down_filter".split()
    )
    state: dict[str, Any] = {
        "training": False,
        "_parameters": OrderedDict(
            (k, torch.nn.Parameter(v, False)) for k, v in own.items() if k not in buffers
        ),
        "_buffers": OrderedDict((k, v) for k, v in own.items() if k in buffers),
        "_non_persistent_buffers_set": set(),
        "_backward_hooks": OrderedDict(),
        "_modules": OrderedDict(),
        "weight_gain": np.float64(0.25),
        **extra.get("", {}),
        "_init_args": (),
        "_init_kwargs": EasyDict(),
    }
    for child, part in children.items():
        inner = {p.partition(".")[2]: v for p, v in extra.items() if p.partition(".")[0] == child}
        state["_modules"][child] = network(class_name + "Part", part, inner, source)
    return Layer(class_name, state, source)


def generator_layer(
    tensors: dict[str, Tensor], conv_clamp: float | None = None, source: str = SOURCE, **attributes: Any
) -> Layer:
    """A generator as NVIDIA's file holds it: filters, gains and clamps among the layers' attributes."""
    tensors = {**tensors, "synthesis.b4.resample_filter": FIR, "synthesis.b4.conv1.resample_filter": FIR}
    extra: dict[str, Any] = {
        "": attributes,
        "synthesis.b4.conv1": {"conv_clamp": conv_clamp, "activation": "lrelu"},
    }
    for name in tensors:
        if name.startswith("mapping.fc"):
            extra[name.rpartition(".")[0]] = {"activation": "lrelu", "bias_gain": 0.01}
    return network("Generator", tensors, extra, source)


def discriminator_layer(
    tensors: dict[str, Tensor], conv_clamp: float | None = None, class_name: str = "Discriminator"
) -> Layer:
    extra = {"b8.conv1": {"conv_clamp": conv_clamp}, "b4.mbstd": {"group_size": 4, "num_channels": 1}}
    return network(class_name, {**tensors, "b8.resample_filter": FIR}, extra)


def nvidia(path: Path, name: str = "skip", protocol: int = 4, clamp: float | None = None) -> Path:
    """A training snapshot with one of the reference nets."""
    arrays = reference(f"nvidia_{name}")
    g, d = weights(arrays, "G."), weights(arrays, "D.")
    snapshot = {
        "G": generator_layer({k: v + 1 for k, v in g.items()}, clamp),  # not the averaged one
        "D": discriminator_layer(d, clamp),
        "G_ema": generator_layer(g, clamp, img_resolution=16, z_dim=12, w_dim=16),
        "training_set_kwargs": EasyDict(class_name="training.dataset.ImageFolderDataset", path="faces.zip"),
        "augment_pipe": network("AugmentPipe", {}, {"": {"xflip": np.float64(1)}}),
    }
    return dump(path, snapshot, protocol)


def stylegan3_layer(tensors: dict[str, Tensor], attributes: dict[str, dict[str, Any]]) -> Layer:
    """A StyleGAN3 generator as NVIDIA's file holds it; some attributes are numpy's."""
    extra: dict[str, Any] = {}
    for name, values in attributes.items():
        sizes = {key: np.array(value) for key, value in values.items() if key in SIZES}
        scalars = {key: np.float64(value) for key, value in values.items() if key in SCALARS}
        extra[name] = values | sizes | scalars
    return network("Generator", tensors, extra)


def stylegan3(name: str) -> tuple[dict[str, Tensor], dict[str, dict[str, Any]], dict[str, Tensor]]:
    """A reference net, "t" or "r": its weights, the attributes of its layers, and the arrays made with it."""
    arrays = reference(f"stylegan3_{name}")
    attributes = json.loads(str(arrays.pop("attributes")))
    return weights(arrays, "G."), attributes, {k: torch.from_numpy(v) for k, v in arrays.items()}


def stylegan3_file(path: Path, name: str, protocol: int = 4) -> Path:
    g, attributes, _ = stylegan3(name)
    return dump(path, {"G_ema": stylegan3_layer(g, attributes), "D": None}, protocol)


def tensorflow(path: Path, protocol: int = 4, **settings: Any) -> Path:
    """The three networks of TensorFlow's StyleGAN2."""
    arrays = reference("tensorflow")
    kwargs = {"num_channels": 3, "resolution": 16, "fmap_base": 24, "fmap_max": 6, "mapping_layers": 2}

    def net(prefix: str, **components: Network) -> Network:
        variables = [(k.removeprefix(prefix), v) for k, v in arrays.items() if k.startswith(prefix)]
        own = [(k, v) for k, v in variables if k.partition("/")[0] not in components]
        # TensorFlow's session hands scalars over as numpy scalars, not as arrays.
        own = [(k, v[()] if v.ndim == 0 else v) for k, v in own]
        return Network(
            version=4,
            name="G",
            static_kwargs={**kwargs, **settings},
            components=components,
            build_module_src=SOURCE,
            build_func_name="G_main",
            variables=own,
        )

    g = net("TF:G/", mapping=net("TF:G/mapping/"), synthesis=net("TF:G/synthesis/"))
    return dump(path, (g, net("TF:D/"), g), protocol)


def rosinality(path: Path, drop: tuple[str, ...] = (), legacy: bool = False, **more: Any) -> Path:
    arrays = reference("rosinality")
    nets: dict[str, Any] = {
        "g_ema": weights(arrays, "g_ema."),
        "d": weights(arrays, "d."),
        "latent_avg": torch.from_numpy(arrays["latent_avg"]),
        **more,
    }
    kept = {key: value for key, value in nets.items() if key not in drop}
    torch.save(kept, path, _use_new_zipfile_serialization=not legacy)
    return path
