"""Invert a symmetric blur as far as the photo's noise allows."""

from __future__ import annotations

import torch
from torch import Tensor

from inversion.fullsize.guided import box

ROUNDING = (1 / 127.5) ** 2 / 12  # variance of 8-bit rounding in [-1, 1]
# The noise's power is multiplied by this: at 1 the squared error is least but speckle is visible, at 3 SSIM is highest.
SPECKLE = 2.0
GONE = 0.01  # response below which a frequency of the photo is taken for noise alone
FAINT = 0.001  # mean squared response below which a ring says too little about the restoration's error
BAND = 2.0  # cycles per side, width of the rings of frequencies whose errors are estimated together
NEIGHBOURS = 1.5  # times the last frequency that a wide blur leaves
LAST = 3  # rings before the faint ones, from which the error at the faint ones is extrapolated
CORNER = 1.3  # cycles per side below which pictures differ equally at all frequencies
HALF = 0.5  # response below which a frequency is a fine detail: noise there is amplified more than twice
QUIET, LIVELY = 0.5 / 127.5, 1.5 / 127.5  # deviation from its surroundings: no detail there, and surely some


def wiener(
    residual: Tensor,
    observed: Tensor,
    kernel: Tensor,
    noise: Tensor | None = None,
    detail: Tensor | None = None,
) -> Tensor:
    """Estimate the error of a restoration from its residual: [B, 3, H, W] -> same.

    residual: the photo minus the blurred restoration; kernel: [B, taps] (or [1, taps]), symmetric, as for `blur`.
    noise: its variance, [B, 1, 1, 1] or [1, 1, 1, 1], where it is known.
    detail: [B, 1, H, W], 0..1, how far fine details are put back: see `where_detailed`; left out, everywhere.
    At each frequency H / (H^2 + SPECKLE noise / error), Wiener 1949. The noise's power, if not known, is the photo's at
    frequencies that the blur removes, at least that of rounding. The error's power, ring by ring of frequencies, is the
    residual's less the noise's, divided by H^2; in rings that the blur nearly removes it falls like the power of
    pictures, 1 / (CORNER^2 + f^2). So both are measured, and a residual no larger than noise changes nothing.
    A photo with reflected borders is one quarter of a periodic one, of which `blur` multiplies the spectrum.
    """
    height, width = residual.shape[-2:]
    rows, columns = mirrored(height, residual.device), mirrored(width, residual.device)
    period = len(rows), len(columns)
    response = frequency_response(kernel, period[0])[:, None, :, None]
    response = response * frequency_response(kernel, period[1])[:, None, None, : period[1] // 2 + 1]

    def spectrum(x: Tensor) -> Tensor:
        transformed: Tensor = torch.fft.rfft2(x.to(kernel.dtype)[..., rows, :][..., columns], norm="ortho")
        return transformed

    residual_spectrum = spectrum(residual)
    gone = (response.abs() < GONE).to(kernel.dtype)
    if noise is None:
        noise = (gone * power(spectrum(observed))).mean(dim=(1, 2, 3), keepdim=True)
        noise = noise / gone.mean(dim=(1, 2, 3), keepdim=True).clamp(min=1e-12)
    noise = noise.clamp(min=ROUNDING)
    down = torch.fft.fftfreq(period[0], 1 / height, device=kernel.device)[:, None]
    across = torch.fft.rfftfreq(period[1], 1 / width, device=kernel.device)
    squares = down.square() + across.square()
    falloff = (1 / (CORNER**2 + squares)).to(kernel.dtype)
    ring = (squares.sqrt() / BAND).long()
    shape = error_shape(power(residual_spectrum) - noise, response.square(), falloff, ring)
    error = shape[:, None] * falloff
    estimate = residual_spectrum * response * error / (response.square() * error + SPECKLE * noise)

    def picture(spectrum: Tensor) -> Tensor:
        image: Tensor = torch.fft.irfft2(spectrum, s=period, norm="ortho")
        return image[..., :height, :width].to(residual.dtype)

    if detail is None:
        return picture(estimate)
    fine = ((HALF - response.abs()) / HALF).clamp(min=0)
    return picture(estimate) - (1 - detail) * picture(estimate * fine)


def where_detailed(observed: Tensor, blurred: Tensor, taps: int) -> Tensor:
    """Where a blurred photo still shows that something was there: [B, 3, H, W] twice -> [B, 1, H, W], 0..1.

    In a plain backdrop what a filter puts back is noise and the ringing of edges far away, and shows as stripes.
    blurred: the photo blurred once more; the difference is 0 on even and on sloping ground. taps: of the kernel.
    """
    reach = max(2, taps // 6)
    lively = (
        box(box((observed - blurred).square().mean(dim=1, keepdim=True), reach), reach).clamp(min=0).sqrt()
    )
    share = ((lively - QUIET) / (LIVELY - QUIET)).clamp(0, 1)
    return share.square() * (3 - 2 * share)


def noise_beside(observed: Tensor, kernel: Tensor) -> Tensor:
    """Noise of a photo that was blurred widely: [B, 3, H, W] -> its variance, [B, 1, 1, 1], at least that of rounding.

    Rounding turns a photo's slow gradients into steps a few pixels to many wide: noise that is strongest at low
    frequencies. So it is measured beside those that the blur has left, up to NEIGHBOURS times the last of them.
    """
    height, width = observed.shape[-2:]
    rows, columns = mirrored(height, observed.device), mirrored(width, observed.device)
    response = frequency_response(kernel, len(rows))[:, :, None]
    response = response * frequency_response(kernel, len(columns))[:, None, : len(columns) // 2 + 1]
    down = torch.fft.fftfreq(len(rows), 1 / height, device=kernel.device)[:, None]
    across = torch.fft.rfftfreq(len(columns), 1 / width, device=kernel.device)
    frequency = (down.square() + across.square()).sqrt()
    gone = response[0].abs() < GONE
    last = frequency[~gone].max()
    lowest = torch.where(gone, frequency, torch.inf).min()
    beside = (gone & (frequency < NEIGHBOURS * torch.minimum(last, 2 * lowest))).to(kernel.dtype)
    spectrum = torch.fft.rfft2(observed.to(kernel.dtype)[..., rows, :][..., columns], norm="ortho")
    mean: Tensor = (beside * power(spectrum)).sum(dim=(1, 2, 3), keepdim=True) / (3 * beside.sum()).clamp(
        min=1
    )
    return mean.clamp(min=ROUNDING)


def error_shape(beyond: Tensor, squared: Tensor, falloff: Tensor, ring: Tensor) -> Tensor:
    """The error's power divided by `falloff`: [B, u, v], never negative.

    beyond: the residual's power less the noise's, [B, 3, u, v]. squared: H^2, [B or 1, 1, u, v]. ring: the number of
    each frequency's ring, [u, v]. There is one value per problem and ring.
    """
    numbers, count = ring.flatten(), int(ring.max()) + 1

    def ring_sums(x: Tensor) -> Tensor:
        return x.new_zeros(len(x), count).index_add(1, numbers, x.flatten(1))

    seen, total = ring_sums((squared * falloff)[:, 0]), ring_sums(beyond.mean(dim=1))
    clear = (
        (ring_sums(squared[:, 0]) > FAINT * ring_sums(torch.ones_like(squared[:1, 0]))).long().cumprod(dim=1)
    )
    value = torch.where(clear > 0, total.clamp(min=0) / seen.clamp(min=1e-12), 0)
    order = torch.arange(count, device=ring.device)
    reach = clear.sum(dim=1, keepdim=True)
    last = ((order < reach) & (order >= reach - LAST)).to(value)
    tail = (value * last).sum(dim=1, keepdim=True) / last.sum(dim=1, keepdim=True).clamp(min=1)
    return torch.where(clear > 0, value, tail)[:, ring]


def power(spectrum: Tensor) -> Tensor:
    return spectrum.real.square() + spectrum.imag.square()


def mirrored(side: int, device: torch.device) -> Tensor:
    """Pixel numbers of one period of a line with reflected ends: 0 1 2 3 2 1 for 4 pixels."""
    period = torch.arange(max(2 * side - 2, 1), device=device)
    return torch.minimum(period, (2 * side - 2 - period).abs())


def frequency_response(kernel: Tensor, period: int) -> Tensor:
    """The factor by which a symmetric kernel multiplies each frequency of a periodic line: [B, taps] -> [B, period]."""
    reach = kernel.shape[1] // 2
    places = torch.arange(-reach, reach + 1, device=kernel.device) % period
    line = kernel.new_zeros(len(kernel), period)
    spectrum: Tensor = torch.fft.fft(line.index_add(1, places, kernel))
    return spectrum.real
