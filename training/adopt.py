"""Start a network from another one's layers: from a smaller picture size, from fewer channels, or both.

Chen et al. 2016, "Net2Net": new channels are drawn at random and not yet listened to, so that a wider network begins
with exactly the pictures of the narrow one.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from inversion.generator.stylegan2 import SynthesisLayer


@torch.no_grad()
def adopt(network: nn.Module, tensors: dict[str, Tensor]) -> None:
    """Take every tensor that the network has too, in its upper left corner; a larger size's layers stay new.

    A layer with an equalized learning rate divides by the root of its inputs, so its weights grow by what more
    inputs take away; demodulation does the same for the layers that have it.
    """
    own = network.state_dict()
    demodulated = {f"{n}.weight" for n, m in network.named_modules() if isinstance(m, SynthesisLayer)}
    for name, old in tensors.items():
        if name not in own:
            continue
        new = own[name]
        old = old.to(new)
        if new.shape == old.shape:
            new.copy_(old)
        elif new.ndim < 2:
            new[: len(old)] = old
        else:
            _widen(new, old, name, 1.0 if name in demodulated else math.sqrt(new.shape[1] / old.shape[1]))


def _widen(new: Tensor, old: Tensor, name: str, gain: float) -> None:
    rows = len(old)
    if name == "b4.fc.weight":  # [C, 16 C]: the discriminator's last picture, flattened
        new, old = new.unflatten(1, (-1, 16)), old.unflatten(1, (-1, 16))
    if name.endswith("const"):  # [C, 4, 4]
        new[:rows] = old
        return
    new[:rows] = 0
    if name == "b4.conv.weight":  # the last input is the minibatch's standard deviation
        new[:rows, -1:] = old[:, -1:] * gain
        old = old[:, :-1]
    new[:rows, : old.shape[1]] = old * gain
