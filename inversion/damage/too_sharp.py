"""What in a blurred photo the blur cannot have left: strokes and dust that came after it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from inversion.degradations.wiener import picture, response_of, spectrum, squared_frequencies
from inversion.deviation import deviation

GONE = 0.03  # response at which half of a frequency is looked at
FAR = 8.0  # standard deviations: noise stays below 5, strokes on another ground reach 10 to 80
LEAST = 0.02  # in [-1, 1]: and so far at least
RIPPLE = 0.3  # of the largest value nearby: less is the filter's own ringing
NEAR = 4  # half waves, as far as a filter rings
MOST = 0.15  # of the photo: more is no damage but a kernel that is wrong
THIN = 0.07  # of the side: what is wider is no stroke
FINEST = 0.5  # cycles per pixel: a blur that leaves these has removed nothing


def too_sharp(
    photo: Tensor, explained: Tensor, kernel: Tensor, known: Tensor | None = None, least: float = LEAST
) -> Tensor:
    """Where a photo has details so fine that its blur would have removed them: [B, 1, H, W] -> same, 1 = there.

    photo: luma in [-1, 1]. explained: of its blurred restoration, likewise. kernel: [B or 1, taps], as of `wiener`.
    known: [B or 1, 1, H, W], 0 = does not count, such as beyond the photo's edge; None: all counts.
    least: what compression makes is smaller, in [-1, 1].

    Only frequencies just above those that the blur leaves are looked at. There a photo shows nothing but noise, so that
    values far beyond the median absolute deviation are not of what was blurred. A hair, an earring, a star of a flag
    are as blurred as everything else. What is wider than a stroke, or lies on one side of an edge, as a print's border
    does, is taken for no stroke either: there a top-hat transform of the photo, or of what the restoration does not
    explain, leaves less than the edge has at these frequencies.
    Of a blur finer than the pixels nothing can be said, and nothing is found.
    """
    height, width = photo.shape[-2:]
    residual = photo - explained
    response = response_of(kernel, height, width).abs()
    frequency = squared_frequencies(height, width, residual.device).sqrt() / min(height, width)
    last = torch.where(response > GONE, frequency, 0).amax(dim=(1, 2, 3), keepdim=True)  # cycles per pixel
    kept = torch.exp(-0.5 * (frequency / last.clamp(min=1e-6)).square()) / (1 + (response / GONE).square())
    counts = torch.ones_like(residual) if known is None else known.expand_as(residual)
    fine = picture(spectrum(residual * counts, kernel) * kept, residual).abs()
    found = torch.zeros_like(fine)
    lasts = last.flatten().expand(len(fine)).tolist()
    for i, own in enumerate(lasts):
        if own >= FINEST or not counts[i].any():
            continue
        half = max(1, round(0.5 / own))  # px, of half a wave
        # The edges of what is known are sharp, too, and so are those of the picture, which reflects no photo.
        beside = F.pad(1 - counts[i, None], [NEAR * half] * 4, value=1.0)
        inside = 1 - largest(beside, NEAR * half)[..., NEAR * half :, NEAR * half :][..., :height, :width]
        if not inside.any():
            continue
        size = fine[i, None] * inside
        noise = deviation(size[inside > 0]).item()
        seeds = (size > max(FAR * noise, least)) & (size > RIPPLE * largest(size, NEAR * half))
        if not seeds.any():
            continue
        # of strokes the right side is 1.3 to 8 times the left one, of a border's edge at most 0.35 times
        for image in (photo, residual):
            seeds &= size < thin(image[i, None], counts[i, None], half, round(THIN * min(height, width)))
        mask = largest(seeds.to(size), half)[0] * counts[i]
        found[i] = mask if mask.mean() <= MOST else 0
    return found


def thin(image: Tensor, known: Tensor, blur: int, width: int) -> Tensor:
    """By how much each pixel differs from what is left when structures narrower than so many pixels go: [1, 1, H, W].

    The larger of the white and the black top-hat (Soille 2003, Morphological image analysis, chapter 4) of the image
    averaged over so many pixels on all sides. What goes on beyond the edge of the known is not narrow.
    """
    inside = average(known, blur)
    smooth = average(image * known, blur) / inside.clamp(min=1e-6)
    margin, reach = [width] * 4, width // 2
    shown = F.pad((inside > 0).to(smooth), margin) > 0
    depths = []
    for sign in (1, -1):
        level = F.pad(sign * smooth, margin)
        lowest = -largest(torch.where(shown, -level, -torch.inf), reach)  # infinite where nothing is known
        opened = largest(torch.where(lowest.isfinite(), lowest, -torch.inf), reach)
        depths.append((level - opened)[..., width:-width, width:-width])
    return torch.maximum(*depths)


def largest(x: Tensor, reach: int) -> Tensor:
    """The largest value within so many pixels in both directions: [B, 1, H, W] -> same."""
    rows = F.max_pool2d(x, (2 * reach + 1, 1), 1, (reach, 0))
    return F.max_pool2d(rows, (1, 2 * reach + 1), 1, (0, reach))


def average(x: Tensor, reach: int) -> Tensor:
    """The mean within so many pixels in both directions, 0 beyond the borders: [B, 1, H, W] -> same."""
    rows = F.avg_pool2d(x, (2 * reach + 1, 1), 1, (reach, 0))
    return F.avg_pool2d(rows, (1, 2 * reach + 1), 1, (0, reach))
