"""A network of NVIDIA's as its pickle holds it: layers within layers, each with its attributes and tensors."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from inversion.checkpoints.budget import Budget
from inversion.checkpoints.inert_pickle import Call
from inversion.checkpoints.pickled_values import as_mapping, as_number, as_text, kind
from inversion.errors import CheckpointError

PERSISTENT = "torch_utils.persistence._reconstruct_persistent_obj"
MAX_DEPTH = 8  # of layers within layers: generator > synthesis > block > convolution > affine


@dataclass
class Layers:
    """A network's tree of layers, flattened by dotted path."""

    budget: Budget
    classes: dict[str, str] = field(default_factory=dict)
    attributes: dict[str, dict[str, Any]] = field(default_factory=dict)
    tensors: dict[str, Any] = field(default_factory=dict)  # still inert

    def add(self, prefix: str, call: Any, depth: int = 0) -> None:
        what = prefix or "the network"
        if not is_layer(call):
            raise CheckpointError(f"{what} should be one of NVIDIA's layers. Got {kind(call)}")
        if depth > MAX_DEPTH:
            raise CheckpointError("a network of layers within layers without end; it is not read")
        meta = self.mapping(call.arguments[0], what)
        state = self.mapping(meta.get("state"), f"{what}'s state")
        self.classes[prefix] = as_text(meta.get("class_name"), f"{what}'s class_name")
        self.attributes[prefix] = state
        dot = prefix + "." if prefix else ""
        for group in ("_parameters", "_buffers"):
            for name, value in self.mapping(state.get(group), f"{what}'s {group}").items():
                if value is not None:
                    self.tensors[dot + name] = value
        for name, value in self.mapping(state.get("_modules"), f"{what}'s layers").items():
            if value is not None:
                self.add(dot + name, value, depth + 1)

    def mapping(self, value: Any, what: str) -> dict[str, Any]:
        return as_mapping(value, what, self.budget)

    def attribute(self, layer: str, name: str) -> int | float | None:
        return as_number(self.attributes.get(layer, {}).get(name), f"{layer}.{name}", self.budget)


def is_layer(value: Any) -> bool:
    """Whether a value is a network or a layer as NVIDIA pickles it."""
    return isinstance(value, Call) and value.maker == PERSISTENT and len(value.arguments) == 1
