"""PyTorch files of rosinality/stylegan2-pytorch: {g_ema, latent_avg, g, d}, state dicts with other names.

The name map was read from model.py and convert_weight.py there and is checked by outputs (tests/reference).
Read with torch.load(weights_only=True), which allows no code; argparse.Namespace, an inert record that their
trainer saves, is allowed besides.
"""

from __future__ import annotations

import argparse
import re
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from inversion.checkpoints.checkpoint import Checkpoint
from inversion.checkpoints.complete import complete_generator
from inversion.checkpoints.deduce import (
    FIR,
    check_discriminator,
    check_filter,
    discriminator_architecture,
    generator_architecture,
)
from inversion.checkpoints.pickled_values import plain_torch_load
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


def read(path: Path) -> Checkpoint:
    """Read a .pt file. Raises CheckpointError when it holds anything but plain weights, or other nets."""
    _check_zip(path)
    # An open file, since torch chooses another reader by a path's suffix.
    with torch.serialization.safe_globals([argparse.Namespace]), open(path, "rb") as file:
        nets = plain_torch_load(file, "the file")
    if not isinstance(nets, dict) or "g_ema" not in nets:
        got = sorted(str(key)[:40] for key in nets)[:8] if isinstance(nets, dict) else type(nets).__name__
        raise CheckpointError(f"a .pt checkpoint should be rosinality's, with the key 'g_ema'. Got {got}")
    tensors = _rename(nets["g_ema"], GENERATOR, "g_ema")
    if "latent_avg" in nets:
        tensors["mapping.w_avg"] = _plain(nets["latent_avg"], "latent_avg")
    tensors = {name: _reshape(name, tensor) for name, tensor in tensors.items()}
    architecture = generator_architecture(tensors)
    tensors = complete_generator(tensors, architecture)
    if nets.get("d") is None:
        return Checkpoint(architecture, tensors)
    d_tensors = _rename(nets["d"], _discriminator_names(architecture.img_resolution), "d")
    d_architecture = discriminator_architecture(d_tensors)
    check_discriminator(d_tensors, d_architecture)
    return Checkpoint(architecture, tensors, d_architecture, d_tensors)


def _check_zip(path: Path) -> None:
    """Refuse archives that would unpack to more than they weigh; torch.save never compresses."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except zipfile.BadZipFile:  # the older format, or damage that torch will report
        return
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise CheckpointError("a compressed archive, which torch.save does not write; it is not read")
    if sum(entry.file_size for entry in entries) > path.stat().st_size:
        raise CheckpointError(
            "an archive whose parts overlap, which torch.save does not write; it is not read"
        )


def _rename(tensors: Any, names: Names, what: str) -> dict[str, Tensor]:
    if not isinstance(tensors, Mapping):
        raise CheckpointError(f"{what} should be a dictionary of tensors. Got {type(tensors).__name__}")
    renamed = {}
    for name, value in tensors.items():
        tensor = _plain(value, f"{what}.{name}")
        if str(name).endswith(".kernel"):
            check_filter(_unit_sum(tensor), f"{what}.{name}")
            continue
        for pattern, rename in names:
            if match := re.fullmatch(pattern, str(name)):
                renamed[rename(match)] = tensor
                break
        else:
            raise CheckpointError(f"{what}.{str(name)[:80]} does not belong to a StyleGAN2 of rosinality's")
    return renamed


def _plain(value: Any, what: str) -> Tensor:
    if not isinstance(value, Tensor) or not value.is_floating_point():
        raise CheckpointError(
            f"{what} should be a tensor of floating point numbers. Got {type(value).__name__}"
        )
    if value.numel() * value.element_size() > value.untyped_storage().nbytes():
        raise CheckpointError(f"{what}: its shape and its data disagree; the file is damaged")
    return value.detach().to(torch.float32).contiguous()


def _unit_sum(kernel: Tensor) -> Tensor:
    """Up-sampling kernels carry a gain of 4."""
    total = kernel.sum()
    return kernel / 4 if torch.isclose(total, 4 * FIR.sum() ** 2) else kernel


def _reshape(name: str, tensor: Tensor) -> Tensor:
    """Drop the leading dimensions of size 1 that rosinality keeps."""
    wanted = {"noise_strength": 0, "noise_const": 2, "const": 3, "w_avg": 1, "bias": 1}
    ending = name.rsplit(".", 1)[-1]
    dimensions = wanted.get(ending, 2 if "affine" in name or "mapping" in name else 4)
    if ending == "bias":
        return tensor.flatten()
    while tensor.ndim > dimensions and tensor.shape[0] == 1:
        tensor = tensor[0]
    return tensor.contiguous()
