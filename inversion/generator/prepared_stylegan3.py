"""StyleGAN3's computation on weights that are ready to use; see prepared.py, whose arithmetic of styles it shares."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from inversion.generator.architecture import StyleGAN3Architecture
from inversion.generator.filtered_lrelu import Resampling, filtered_lrelu
from inversion.generator.frozen_convolution import conv2d
from inversion.generator.ops import demodulation, normalize_second_moment
from inversion.generator.prepared import NO_OFFSETS, StyledRGB, styled


@dataclass(frozen=True)
class FourierFeatures:
    """A rotated and shifted set of plane waves, mixed: w [B, w_dim] -> [B, C, S, S]. Section 3.2 of the paper."""

    affine: tuple[Tensor, Tensor]  # w -> cosine, sine, shift to the right and down: [4, w_dim], [4]
    weight: Tensor  # [C, C]
    transform: Tensor  # [3, 3]
    freqs: Tensor  # [C, 2], cycles per image side
    phases: Tensor  # [C], cycles
    grid: Tensor  # [S, S, 2], x and y of each pixel, the image being [-0.5, 0.5]
    bandwidth: float
    nyquist: float  # the highest frequency that the grid holds

    def __call__(self, w: Tensor) -> Tensor:
        motion = styled(w, *self.affine)
        motion = motion / motion[:, :2].norm(dim=1, keepdim=True)
        cosine, sine, *_ = motion.unbind(dim=1)
        rotation = torch.stack([cosine, -sine, sine, cosine], dim=1).unflatten(1, (2, 2))
        shift = -rotation @ motion[:, 2:, None]
        transform = torch.cat([rotation, shift], dim=2) @ self.transform  # [B, 2, 3]
        freqs = self.freqs @ transform[:, :, :2]  # [B, C, 2]
        phases = self.phases + (self.freqs @ transform[:, :, 2:]).squeeze(2)
        # What a user's transform moves out of the band fades away.
        beyond = (freqs.norm(dim=2) - self.bandwidth) / (self.nyquist - self.bandwidth)
        amplitudes = (1 - beyond).clamp(0, 1)
        angles: Tensor = self.grid @ freqs.transpose(1, 2)[:, None] + phases[:, None, None]  # [B, S, S, C]
        waves = torch.sin(2 * math.pi * angles) * amplitudes[:, None, None]
        features: Tensor = waves @ self.weight.T
        return features.permute(0, 3, 1, 2)


@dataclass(frozen=True)
class FilteredConvolution:
    """Modulated convolution, bias, leaky ReLU between two filters: [B, I, H, W] -> [B, O, H', W'].

    As in StyledConvolution, activations are scaled before one shared convolution and its output after it.
    """

    affine: tuple[Tensor, Tensor]  # w -> styles: [I, w_dim], [I]
    weight: Tensor  # [O, I, k, k]; each output channel has norm 1
    squares: Tensor  # [O, I], the kernel's squares summed over its taps
    epsilon: Tensor  # []
    bias: Tensor  # [O]
    resampling: Resampling

    def __call__(self, x: Tensor, w: Tensor) -> Tensor:
        # Any factor of a problem's styles is cancelled by demodulation; this one keeps fp16 in its range.
        styles = normalize_second_moment(styled(w, *self.affine))
        scale = demodulation(styles, self.squares, self.epsilon)  # [B, O]
        x = x.to(self.weight.dtype)
        x = conv2d(x * styles.to(x.dtype)[:, :, None, None], self.weight, padding=self.weight.shape[-1] - 1)
        x = torch.addcmul(self.bias[:, None, None], x, scale.to(x.dtype)[:, :, None, None])
        return filtered_lrelu(x, self.resampling)


@dataclass(frozen=True)
class PreparedStyleGAN3:
    """Codes to images of about [-1, 1]; see inversion.generator.synthesis."""

    architecture: StyleGAN3Architecture
    features: FourierFeatures
    layers: tuple[FilteredConvolution, ...]
    rgb: StyledRGB

    @property
    def noise_resolutions(self) -> list[int]:
        return self.architecture.noise_resolutions

    @property
    def gradient_scale(self) -> float:
        return 2.0**12 if any(layer.weight.dtype == torch.float16 for layer in self.layers) else 1.0

    def __call__(
        self,
        ws: Tensor,
        noises: Sequence[Tensor] = (),
        resolution: int | None = None,
        offsets: Mapping[int, Tensor] = NO_OFFSETS,
    ) -> Tensor:
        """noises, offsets: none, as there are no such maps. resolution: only None, as there is no running image."""
        assert not noises and not offsets and resolution is None
        first, *codes, last = ws.unbind(dim=1)
        x = self.features(first)
        for layer, w in zip(self.layers, codes, strict=True):
            x = layer(x, w)
        image = self.rgb(x.to(self.rgb.weight.dtype), last)
        return image * self.architecture.output_scale
