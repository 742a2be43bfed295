"""How sharp a picture is compared with another one, by the finest details that the other one has."""

from __future__ import annotations

import torch
from torch import Tensor

LUMINANCE = (0.299, 0.587, 0.114)  # ITU-R BT.601
ROUNDING = (2 / 255) ** 2 / 12  # variance of 8-bit rounding, of pixels in [-1, 1]
PLATEAU = 0.9  # of the highest frequency: power from here on is taken for noise
CLEAR = 10.0  # power above this many times the noise's is detail


def sharpness(images: Tensor, reference: Tensor) -> Tensor:
    """Decibels between the powers of their fine details: 0 as sharp as the reference, above 0 sharper.

    [B, 3, R, R] in [-1, 1] each -> [B]. Fine details: the highest octave of spatial frequency in which the
    reference stands clear of its own noise; a blur with a Gaussian of sigma pixels takes (2 pi f sigma)² nepers of
    power from frequency f, so a kernel that is a little too wide or too narrow shows there first.
    """
    power, wanted = ring_power(images), ring_power(reference)
    rounding = rounding_power(wanted)
    clear = (wanted > CLEAR * noise_power(wanted)[:, None]).cumprod(dim=1)  # up to the first ring that is not
    finest = clear.sum(dim=1, keepdim=True).clamp(min=2)
    ring = torch.arange(1, wanted.shape[1] + 1, device=wanted.device)
    octave = ((ring > finest / 2) & (ring <= finest)).to(wanted.dtype)
    ratio = 10 * torch.log10((power + rounding) / (wanted + rounding))
    return (ratio * octave).sum(dim=1) / octave.sum(dim=1)


def ring_power(images: Tensor) -> Tensor:
    """Mean power of the luminance per whole number of periods across the picture: [B, 3, R, R] -> [B, R / 2]."""
    side = images.shape[-1]
    grey = (images * images.new_tensor(LUMINANCE)[:, None, None]).sum(dim=1)
    # A window that is zero at the borders: the jump from one border to the other is no detail.
    window = _window(side, images)
    spectrum = torch.fft.fft2((grey - grey.mean(dim=(1, 2), keepdim=True)) * window).abs().square()
    return ring_mean(spectrum)


def ring_mean(spectrum: Tensor) -> Tensor:
    """Mean of a spectrum, in the order of torch.fft, per whole number of periods: [B, R, R] -> [B, R / 2]."""
    side = spectrum.shape[-1]
    periods = torch.fft.fftfreq(side, 1 / side, device=spectrum.device)
    ring = (periods[:, None].square() + periods.square()).sqrt().round().long().flatten()
    sums = spectrum.new_zeros(len(spectrum), side).index_add(1, ring, spectrum.flatten(1))
    counts = torch.bincount(ring, minlength=side).clamp(min=1)
    return (sums / counts)[:, 1 : side // 2 + 1]


def noise_power(power: Tensor) -> Tensor:
    """Power of the noise in each ring, at least that of rounding: `ring_power` [B, R / 2] -> [B]."""
    plateau = power[:, int(PLATEAU * power.shape[1]) :].mean(dim=1)
    return torch.maximum(plateau, rounding_power(power))


def rounding_power(power: Tensor) -> Tensor:
    """Of 8-bit rounding in each ring, for `ring_power` [B, R / 2]: a scalar."""
    window = _window(2 * power.shape[1], power)
    return ROUNDING * sum(weight**2 for weight in LUMINANCE) * window.square().sum()


def _window(side: int, like: Tensor) -> Tensor:
    """Hann: [side, side]."""
    hann = torch.hann_window(side, periodic=False, dtype=like.dtype, device=like.device)
    return hann[:, None] * hann
