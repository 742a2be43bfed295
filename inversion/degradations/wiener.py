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
CHECKED = 0.05, 0.3  # responses between which a restoration's details can just be checked
UNSEEN = 0.05  # response at which a detail is half seen
KEPT = 0.5  # share of unseen details to leave though they may be wrong: with 0 faces are soft, with 1 they get speckles
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
    """
    height, width = residual.shape[-2:]
    residual_spectrum, response = spectrum(residual, kernel), response_of(kernel, height, width)
    gone = (response.abs() < GONE).to(kernel.dtype)
    if noise is None:
        noise = (gone * power(spectrum(observed, kernel))).mean(dim=(1, 2, 3), keepdim=True)
        noise = noise / gone.mean(dim=(1, 2, 3), keepdim=True).clamp(min=1e-12)
    noise = noise.clamp(min=ROUNDING)
    squares = squared_frequencies(height, width, kernel.device)
    falloff = (1 / (CORNER**2 + squares)).to(kernel.dtype)
    ring = (squares.sqrt() / BAND).long()
    shape = error_shape(power(residual_spectrum) - noise, response.square(), falloff, ring)
    error = shape[:, None] * falloff
    estimate = residual_spectrum * response * error / (response.square() * error + SPECKLE * noise)

    if detail is None:
        return picture(estimate, residual)
    fine = ((HALF - response.abs()) / HALF).clamp(min=0)
    return picture(estimate, residual) - (1 - detail) * picture(estimate * fine, residual)


def confirmed(restored: Tensor, observed: Tensor, kernel: Tensor, unfitted: Tensor | None = None) -> Tensor:
    """Weaken details that a photo does not show, as far as those it hardly shows are wrong: [B, 3, H, W] -> same.

    observed: the blurred photo. kernel: as of `wiener`. A search invents details; those of random hair and skin are
    farther from the person than none. How far they can be trusted is measured where the blur has left just enough
    (CHECKED): the slope of the regression of the photo on the blurred restoration, one per problem, which noise does
    not change. The best linear estimate of frequencies would keep 1 of them where the photo shows them, and that slope
    where it does not (UNSEEN). It is a soft picture; KEPT of what it would take stays. A perfect restoration has slope
    1 and stays.
    unfitted: [B, 3, H, W], the restoration before it was fitted to this photo, after which it agrees with the photo
    wherever it can be checked, and would confirm itself; None: the same.

    Fourteen training people of 256 px, left out of the face to expect, blurred by 10 % of the side, means of PSNR, SSIM
    and identity distance: nothing kept of it 29.23, 0.833, 0.289, half 29.18, 0.828, 0.280, all 28.95, 0.816, 0.275.
    By 5 % 32.76, 0.906, 0.119, with half 32.64, 0.903, 0.118; by 20 % 25.63, 0.738, 0.493, with two thirds 25.68,
    0.731, 0.494.
    """
    height, width = restored.shape[-2:]
    drawn, response = spectrum(restored, kernel), response_of(kernel, height, width)
    guess = drawn if unfitted is None else spectrum(unfitted, kernel)
    blurred, least, most = response * guess, *CHECKED
    checked = ((response.abs() > least) & (response.abs() < most)).to(kernel.dtype)
    both = checked * (spectrum(observed, kernel) * blurred.conj()).real
    total = (checked * power(blurred)).sum(dim=(1, 2, 3), keepdim=True)
    slope = both.sum(dim=(1, 2, 3), keepdim=True) / total.clamp(min=torch.finfo(total.dtype).tiny)
    slope = torch.where(total > 0, slope, 1).clamp(0, 1)
    seen = response.square() / (response.square() + UNSEEN**2)
    taken = (1 - KEPT) * (1 - slope) * (1 - seen)
    return picture(drawn * (1 - taken), restored)


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
    response = response_of(kernel, height, width)[:, 0]
    frequency = squared_frequencies(height, width, observed.device).sqrt()
    gone = response[0].abs() < GONE
    last = frequency[~gone].max()
    lowest = torch.where(gone, frequency, torch.inf).min()
    beside = (gone & (frequency < NEIGHBOURS * torch.minimum(last, 2 * lowest))).to(kernel.dtype)
    powers = power(spectrum(observed, kernel))
    mean: Tensor = (beside * powers).sum(dim=(1, 2, 3), keepdim=True) / (3 * beside.sum()).clamp(min=1)
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


def spectrum(x: Tensor, kernel: Tensor) -> Tensor:
    """Of a photo with reflected borders, a quarter of a periodic one: [B, C, H, W] -> [B, C, u, v], kernel's dtype."""
    rows, columns = (mirrored(side, x.device) for side in x.shape[-2:])
    transformed: Tensor = torch.fft.rfft2(x.to(kernel.dtype)[..., rows, :][..., columns], norm="ortho")
    return transformed


def picture(spectrum: Tensor, like: Tensor) -> Tensor:
    """The photo of a spectrum, of the size and dtype of another."""
    height, width = like.shape[-2:]
    period = [len(mirrored(side, like.device)) for side in (height, width)]
    image: Tensor = torch.fft.irfft2(spectrum, s=period, norm="ortho")
    return image[..., :height, :width].to(like.dtype)


def response_of(kernel: Tensor, height: int, width: int) -> Tensor:
    """By what `blur` multiplies such a spectrum: [B, taps] -> [B, 1, u, v]."""
    rows, columns = (len(mirrored(side, kernel.device)) for side in (height, width))
    down, across = frequency_response(kernel, rows), frequency_response(kernel, columns)
    return down[:, None, :, None] * across[:, None, None, : columns // 2 + 1]


def squared_frequencies(height: int, width: int, device: torch.device) -> Tensor:
    """(Cycles per side)^2 of such a spectrum: [u, v]."""
    rows, columns = (len(mirrored(side, device)) for side in (height, width))
    down = torch.fft.fftfreq(rows, 1 / height, device=device)[:, None]
    squares: Tensor = down.square() + torch.fft.rfftfreq(columns, 1 / width, device=device).square()
    return squares


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
