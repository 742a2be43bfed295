"""The networks' computation on weights that are ready to use: scaled, squared, in their precision and layout.

Modules hold parameters and prepare these: anew in every step where weights are trained, once where a search only
reads them. Every gain is folded into weights, since a leaky ReLU commutes with positive factors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from inversion.generator.activation import leaky_relu
from inversion.generator.architecture import Architecture
from inversion.generator.frozen_convolution import conv2d
from inversion.generator.ops import conv_down, conv_up, demodulation, downsample, upsample

NO_OFFSETS: Mapping[int, Tensor] = {}


@dataclass(frozen=True)
class Convolution:
    """Convolution, optional bias, leaky ReLU and 2x resampling: [B, I, H, W] -> [B, O, H', W']."""

    weight: Tensor  # [O, I, k, k]
    bias: Tensor | None  # [O]
    activation: str  # linear or lrelu
    resample: str | None
    clamp: float | None

    def __call__(self, x: Tensor) -> Tensor:
        if self.resample == "down":
            x = conv_down(x, self.weight, self.bias)
        else:
            x = conv2d(x, self.weight, self.bias, padding=self.weight.shape[-1] // 2)
        if self.resample == "up":
            x = upsample(x)
        if self.activation == "lrelu":
            return leaky_relu(x, self.clamp)
        return clamped(x, self.clamp)


@dataclass(frozen=True)
class StyledConvolution:
    """Modulated 3x3 convolution, noise, bias, leaky ReLU; [B, I, H, W] -> [B, O, H', W'].

    Instead of B different kernels (a grouped convolution), the activations are scaled before one shared
    convolution and its output after it: the same numbers, about twice as fast.
    """

    affine: tuple[Tensor, Tensor]  # w -> styles: [I, w_dim], [I]
    weight: Tensor  # [O, I, 3, 3], [I, O, 3, 3] for up; each output channel has norm 1
    squares: Tensor  # [O, I], the kernel's squares summed over its taps
    epsilon: Tensor  # [O]
    bias: Tensor  # [O]
    noise_strength: Tensor  # []
    up: bool
    clamp: float | None

    def __call__(self, x: Tensor, w: Tensor, noise: Tensor, offset: Tensor | None = None) -> Tensor:
        """offset: [B, O, H', W'], added before bias and activation."""
        styles = styled(w, *self.affine)
        if x.dtype == torch.float16:  # the largest number is 65,504, and demodulation cancels any factor
            styles = styles / styles.detach().abs().amax(dim=1, keepdim=True)
        scale = demodulation(styles, self.squares, self.epsilon)  # [B, O]
        x = x * styles.to(x.dtype)[:, :, None, None]
        x = conv_up(x, self.weight) if self.up else conv2d(x, self.weight, padding=1)
        noise = noise * self.noise_strength
        added = (noise if offset is None else noise + offset).to(x.dtype)
        x = torch.addcmul(added, x, scale.to(x.dtype)[:, :, None, None])
        return leaky_relu(x.add_(self.bias[:, None, None]), self.clamp)


@dataclass(frozen=True)
class StyledRGB:
    """Modulated 1x1 convolution without demodulation; [B, I, H, W] -> [B, 3, H, W] in the precision of w."""

    affine: tuple[Tensor, Tensor]
    weight: Tensor  # [3, I, 1, 1]
    bias: Tensor  # [3]
    clamp: float | None

    def __call__(self, x: Tensor, w: Tensor) -> Tensor:
        styles = styled(w, *self.affine)
        x = conv2d(x * styles.to(x.dtype)[:, :, None, None], self.weight)
        return clamped(x.to(w.dtype) + self.bias[:, None, None], self.clamp)


@dataclass(frozen=True)
class Block:
    """Everything at one resolution: up to two convolutions and an RGB layer."""

    dtype: torch.dtype
    const: Tensor | None  # [C, 4, 4], where the smallest block starts
    convolutions: tuple[StyledConvolution, ...]
    rgb: StyledRGB | None
    skip: Convolution | None  # resnet architecture

    def __call__(
        self,
        x: Tensor | None,
        image: Tensor | None,
        ws: Sequence[Tensor],
        noises: Sequence[Tensor],
        offset: Tensor | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        """ws: one per convolution, then one for RGB. offset: for the last convolution."""
        if self.const is not None:
            x = self.const.expand(len(ws[0]), -1, -1, -1)
        assert x is not None
        x = x.to(self.dtype)
        skip = None if self.skip is None else self.skip(x)
        last = len(self.convolutions) - 1
        for i, (convolution, w, noise) in enumerate(zip(self.convolutions, ws, noises, strict=False)):
            x = convolution(x, w, noise, offset if i == last else None)
        if skip is not None:
            x = skip + x
        if image is not None:
            image = upsample(image)
        if self.rgb is not None:
            rgb = self.rgb(x, ws[-1])
            image = rgb if image is None else image + rgb
        return x, image


@dataclass(frozen=True)
class PreparedSynthesis:
    """Codes and noise to images of about [-1, 1].

    ws: [B, num_ws, w_dim], or [B, num_ws, channels, w_dim] with a code per channel of the widest layer; one noise
    map [B, 1, R, R] per convolution. Returns [B, 3, H, W] in the precision of ws.
    """

    architecture: Architecture
    blocks: tuple[Block, ...]

    @property
    def noise_resolutions(self) -> list[int]:
        return self.architecture.noise_resolutions

    @property
    def gradient_scale(self) -> float:
        """What a loss is multiplied by so that its gradients do not vanish in fp16 (Micikevicius et al. 2018)."""
        return 2.0**12 if any(block.dtype == torch.float16 for block in self.blocks) else 1.0

    def __call__(
        self,
        ws: Tensor,
        noises: Sequence[Tensor],
        resolution: int | None = None,
        offsets: Mapping[int, Tensor] = NO_OFFSETS,
    ) -> Tensor:
        """resolution: stop at the running RGB image of this side (skip architecture only).

        offsets: side -> [B, channels, side, side], added to that block's last convolution: search/feature_offsets.py.
        """
        codes = ws.unbind(dim=1)
        image: Tensor | None = None
        x: Tensor | None = None
        for i, (side, block) in enumerate(zip(self.architecture.resolutions, self.blocks, strict=True)):
            if resolution is not None and side > resolution:
                break
            first = max(2 * i - 1, 0)
            own = codes[first : 2 * i + 2], noises[first : 2 * i + 1]
            x, image = block(x, image, *own, offsets.get(side))
        assert image is not None
        return image


@dataclass(frozen=True)
class FeatureBlock:
    """A block of the discriminator: [B, I, H, W] -> [B, O, H/2, W/2]; the first one reads the image only."""

    fromrgb: Convolution | None  # None: the image is not read here
    conv0: Convolution
    conv1: Convolution
    skip: Convolution | None  # resnet architecture
    shrinks_image: bool  # skip architecture: every block reads it

    def __call__(self, x: Tensor | None, image: Tensor) -> tuple[Tensor, Tensor]:
        if self.fromrgb is not None:
            seen = self.fromrgb(image)
            x = seen if x is None else x + seen
        assert x is not None
        if self.shrinks_image:
            image = downsample(image)
        skip = None if self.skip is None else self.skip(x)
        x = self.conv1(self.conv0(x))
        return x if skip is None else skip + x, image


@dataclass(frozen=True)
class PreparedDiscriminator:
    """The feature maps of a frozen discriminator for images [B, 3, H, W] in [-1, 1]."""

    architecture: Architecture
    dtype: torch.dtype
    blocks: tuple[FeatureBlock, ...]

    def walk(self, images: Tensor) -> list[tuple[Tensor, Tensor]]:
        """After each block, finest first: its output, and the image as the next block reads it."""
        x: Tensor | None = None
        image = images.to(self.dtype, memory_format=torch.channels_last)
        steps = []
        for block in self.blocks:
            x, image = block(x, image)
            steps.append((x, image))
        return steps

    def features(self, images: Tensor) -> list[Tensor]:
        """Each block's output in the images' precision: [B, C, H/2, W/2] ... [B, C, 4, 4], image by image."""
        return [x.to(images.dtype) for x, _ in self.walk(images)]


def styled(w: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Codes to styles, [B, I]: w is [B, w_dim], or [B, >= I, w_dim], of which each channel takes its own."""
    if w.ndim == 2:
        return F.linear(w, weight, bias)
    return (w[:, : len(weight)] * weight).sum(dim=2) + bias


def clamped(x: Tensor, limit: float | None) -> Tensor:
    return x if limit is None else x.clamp(-limit, limit)
