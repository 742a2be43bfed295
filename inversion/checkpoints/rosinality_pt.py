"""rosinality/stylegan2-pytorch's names of tensors, turned into NVIDIA's.

The name map was read from model.py and convert_weight.py there and is checked by outputs (tests/reference).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from inversion.checkpoints.deduce import FIR, check_filter
from inversion.errors import CheckpointError

Names = list[tuple[str, Callable[[re.Match[str]], str]]]

STYLED = {
    "conv.weight": "weight",
    "conv.modulation.weight": "affine.weight",
    "conv.modulation.bias": "affine.bias",
    "noise.weight": "noise_strength",
    "activate.bias": "bias",
    "bias": "bias",
}
PART = r"(conv\.weight|conv\.modulation\.weight|conv\.modulation\.bias|noise\.weight|activate\.bias|bias)"


def _noise(index: int) -> str:
    return f"synthesis.b{2 ** ((index + 5) // 2)}.conv{0 if index % 2 else 1}.noise_const"


GENERATOR: Names = [
    (r"style\.([1-9]\d?)\.(weight|bias)", lambda m: f"mapping.fc{int(m[1]) - 1}.{m[2]}"),
    (r"input\.input", lambda m: "synthesis.b4.const"),
    (r"conv1\." + PART, lambda m: f"synthesis.b4.conv1.{STYLED[m[1]]}"),
    (r"to_rgb1\." + PART, lambda m: f"synthesis.b4.torgb.{STYLED[m[1]]}"),
    (
        r"convs\.(\d{1,2})\." + PART,
        lambda m: f"synthesis.b{8 << int(m[1]) // 2}.conv{int(m[1]) % 2}.{STYLED[m[2]]}",
    ),
    (r"to_rgbs\.(\d{1,2})\." + PART, lambda m: f"synthesis.b{8 << int(m[1])}.torgb.{STYLED[m[2]]}"),
    (r"noises\.noise_(\d{1,2})", lambda m: _noise(int(m[1]))),
]


def _discriminator_names(largest: int) -> Names:
    """convs.0 reads the image, convs.1 is the block of the full resolution, and so on down."""
    return [
        (r"convs\.0\.0\.weight", lambda m: f"b{largest}.fromrgb.weight"),
        (r"convs\.0\.1\.bias", lambda m: f"b{largest}.fromrgb.bias"),
        (r"convs\.(\d{1,2})\.conv1\.0\.weight", lambda m: f"b{_side(largest, m)}.conv0.weight"),
        (r"convs\.(\d{1,2})\.conv1\.1\.bias", lambda m: f"b{_side(largest, m)}.conv0.bias"),
        (r"convs\.(\d{1,2})\.conv2\.1\.weight", lambda m: f"b{_side(largest, m)}.conv1.weight"),
        (r"convs\.(\d{1,2})\.conv2\.2\.bias", lambda m: f"b{_side(largest, m)}.conv1.bias"),
        (r"convs\.(\d{1,2})\.skip\.1\.weight", lambda m: f"b{_side(largest, m)}.skip.weight"),
        (r"final_conv\.0\.weight", lambda m: "b4.conv.weight"),
        (r"final_conv\.1\.bias", lambda m: "b4.conv.bias"),
        (r"final_linear\.0\.(weight|bias)", lambda m: f"b4.fc.{m[1]}"),
        (r"final_linear\.1\.(weight|bias)", lambda m: f"b4.out.{m[1]}"),
    ]


def _side(largest: int, match: re.Match[str]) -> int:
    return (2 * largest) >> int(match[1])


def recognizes(names: Mapping[str, object]) -> bool:
    """Whether a state dict has the names of this repository's generator."""
    return "style.1.weight" in names or "convs.0.conv.weight" in names


def generator(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A generator's tensors under NVIDIA's names. Raises CheckpointError for one that does not belong."""
    return _rename(tensors, GENERATOR, "the generator")


def discriminator(tensors: Mapping[str, Tensor], resolution: int) -> dict[str, Tensor]:
    """The same for a discriminator of this resolution, which its names do not tell."""
    return _rename(tensors, _discriminator_names(resolution), "the discriminator")


def _rename(tensors: Mapping[str, Tensor], names: Names, what: str) -> dict[str, Tensor]:
    renamed = {}
    for name, tensor in tensors.items():
        if name.endswith(".kernel"):
            check_filter(_unit_sum(tensor), f"{what}'s {name}")
            continue
        for pattern, rename in names:
            if match := re.fullmatch(pattern, name):
                ours = rename(match)
                renamed[ours] = _reshape(ours, tensor)
                break
        else:
            raise CheckpointError(
                f"{what} holds {name}, which does not belong to a StyleGAN2 of rosinality's"
            )
    return renamed


def _unit_sum(kernel: Tensor) -> Tensor:
    """Up-sampling kernels carry a gain of 4."""
    total = kernel.sum()
    return kernel / 4 if torch.isclose(total, 4 * FIR.sum() ** 2) else kernel


def _reshape(name: str, tensor: Tensor) -> Tensor:
    """Drop the leading dimensions of size 1 that rosinality keeps."""
    wanted = {"noise_strength": 0, "noise_const": 2, "const": 3, "bias": 1}
    ending = name.rsplit(".", 1)[-1]
    dimensions = wanted.get(ending, 2 if "affine" in name or "mapping" in name else 4)
    if ending == "bias":
        return tensor.flatten()
    while tensor.ndim > dimensions and tensor.shape[0] == 1:
        tensor = tensor[0]
    return tensor.contiguous()
