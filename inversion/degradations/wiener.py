"""Undo a symmetric blur as far as the photo's noise allows."""

from __future__ import annotations

import torch
from torch import Tensor

ROUNDING = (1 / 127.5) ** 2 / 12  # variance of 8-bit rounding in [-1, 1]
GONE = 0.01  # of a frequency's amplitude: what a photo shows there is noise
CORNER = 1.3  # cycles per side below which restorations err equally at all frequencies


def wiener(residual: Tensor, observed: Tensor, kernel: Tensor, noise: Tensor | None = None) -> Tensor:
    """Estimate by which error a restoration misses the photo: [B, 3, H, W] -> same.

    residual: the photo minus the blurred restoration; kernel: [B, taps] (or [1, taps]), symmetric, as for `blur`.
    noise: its variance, [B, 1, 1, 1] or [1, 1, 1, 1], where it is known.
    At each frequency H / (H^2 + noise / error), Wiener 1949. The noise's power, if not known, is what the photo
    shows where the blur leaves nothing, at least that of rounding. The error's falls as 1 / (CORNER^2 + f^2), like
    that of pictures, and sums to what the residual has beyond noise. So neither is set, and noise is not blown up;
    a residual that is no larger than noise changes nothing.
    A photo with reflected borders is one quarter of a periodic one, on which `blur` is a multiplication.
    """
    height, width = residual.shape[-2:]
    rows, columns = mirrored(height, residual.device), mirrored(width, residual.device)
    period = len(rows), len(columns)
    response = frequency_response(kernel, period[0])[:, None, :, None]
    response = response * frequency_response(kernel, period[1])[:, None, None, : period[1] // 2 + 1]

    def spectrum(x: Tensor) -> Tensor:
        return torch.fft.rfft2(x.to(kernel.dtype)[..., rows, :][..., columns], norm="ortho")

    missed = spectrum(residual)
    gone = (response.abs() < GONE).to(kernel.dtype)
    if noise is None:
        noise = (gone * power(spectrum(observed))).mean(dim=(1, 2, 3), keepdim=True)
        noise = noise / gone.mean(dim=(1, 2, 3), keepdim=True).clamp(min=1e-12)
    noise = noise.clamp(min=ROUNDING)
    down = torch.fft.fftfreq(period[0], 1 / height, device=kernel.device)[:, None]
    across = torch.fft.rfftfreq(period[1], 1 / width, device=kernel.device)
    falloff = (1 / (CORNER**2 + down.square() + across.square())).to(kernel.dtype)
    seen = (response.square() * falloff).mean(dim=(1, 2, 3), keepdim=True)
    error = (power(missed).mean(dim=(1, 2, 3), keepdim=True) - noise).clamp(min=0) / seen * falloff
    estimate = missed * response * error / (response.square() * error + noise)
    estimate = torch.fft.irfft2(estimate, s=period, norm="ortho")
    return estimate[..., :height, :width].to(residual.dtype)


def power(spectrum: Tensor) -> Tensor:
    return spectrum.real.square() + spectrum.imag.square()


def mirrored(side: int, device: torch.device) -> Tensor:
    """Pixel numbers of one period of a line with reflected ends: 0 1 2 3 2 1 for 4 pixels."""
    period = torch.arange(max(2 * side - 2, 1), device=device)
    return torch.minimum(period, (2 * side - 2 - period).abs())


def frequency_response(kernel: Tensor, period: int) -> Tensor:
    """What a symmetric kernel does to each frequency of a periodic line: [B, taps] -> [B, period], real."""
    reach = kernel.shape[1] // 2
    places = torch.arange(-reach, reach + 1, device=kernel.device) % period
    line = kernel.new_zeros(len(kernel), period)
    return torch.fft.fft(line.index_add(1, places, kernel)).real
