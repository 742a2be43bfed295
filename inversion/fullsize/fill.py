"""Fill what is hidden of a whole photo from around it: scratches beyond the faces that a generator restores."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from inversion.fullsize.grain import grain
from inversion.images import to_tensor

SWEEPS = 40  # of smoothing at each size; 100 change a pixel by 0.2 of 255 levels on average
TILE = 256  # px, side of the squares in which grain is measured
GRAIN = 16  # px, the coarsest grain


def filled(photo: Image.Image, hidden: np.ndarray) -> Image.Image:
    """Continue a photo smoothly into its hidden pixels and give them the grain of their surroundings.

    photo: RGB. hidden: [H, W] bool, True = does not show the photo. All other pixels stay as they are, to the bit; a
    photo that is hidden altogether stays too. Smooth is the membrane of harmonic.py, here for few unknown pixels among
    many millions.
    """
    pixels = np.array(photo)
    if not hidden.any() or hidden.all():
        return photo.copy()
    pixels[hidden] = np.rint(membrane(pixels, hidden)).clip(0, 255)
    smooth, known = Image.fromarray(pixels), torch.from_numpy(~hidden).float()
    side = min(TILE, *hidden.shape)
    for top in _starts(hidden.shape[0], side):
        for left in _starts(hidden.shape[1], side):
            part = slice(top, top + side), slice(left, left + side)
            if not hidden[part].any() or hidden[part].all():
                continue
            tile = to_tensor(smooth.crop((left, top, left + side, top + side)))[None]
            fine = grain(tile, known[part][None, None], min(GRAIN, side / 8))[0, 0].numpy() * 127.5
            grained = np.asarray(smooth.crop((left, top, left + side, top + side))) + fine[..., None]
            pixels[part] = np.where(hidden[part][..., None], np.rint(grained).clip(0, 255), pixels[part])
    return Image.fromarray(pixels)


def membrane(pixels: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """Values of the hidden pixels for which each is about the mean of its neighbours: [H, W, C], [H, W] -> [hidden, C].

    Found at half the size first, then smoothed in turns, black and white fields of a chessboard: what halving leaves
    wrong is as narrow as a pixel. (Brandt 1977, Multi-Level Adaptive Solutions.)
    """
    rows, columns = np.nonzero(hidden)
    last_row, last_column = hidden.shape[0] - 1, hidden.shape[1] - 1
    values = pixels.astype(np.float32)
    values[hidden] = _from_half(pixels, hidden)
    turns = []
    for colour in (0, 1):
        turn = (rows + columns) % 2 == colour
        y, x = rows[turn], columns[turn]
        neighbours = (
            (np.maximum(y - 1, 0), x),
            (np.minimum(y + 1, last_row), x),
            (y, np.maximum(x - 1, 0)),
            (y, np.minimum(x + 1, last_column)),
        )
        turns.append(((y, x), neighbours))
    for _ in range(SWEEPS):
        for place, neighbours in turns:
            values[place] = sum(values[one] for one in neighbours) / 4
    found: np.ndarray = values[hidden]
    return found


def _from_half(pixels: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """Values of the hidden pixels from a photo of half the size, in which what is partly known counts as known."""
    height, width = hidden.shape
    half = ((width + 1) // 2, (height + 1) // 2)
    known = Image.fromarray((~hidden).astype(np.float32))
    share = np.asarray(known.resize(half, Image.Resampling.BOX))
    channels = []
    for c in range(pixels.shape[2]):
        seen = Image.fromarray((pixels[..., c] * ~hidden).astype(np.float32))
        channels.append(np.asarray(seen.resize(half, Image.Resampling.BOX)) / share.clip(min=1e-6))
    small, small_hidden = np.stack(channels, axis=2), share <= 0
    if small_hidden.any():
        small[small_hidden] = membrane(small, small_hidden)
    enlarged = [
        np.asarray(Image.fromarray(small[..., c]).resize((width, height), Image.Resampling.BILINEAR))[hidden]
        for c in range(pixels.shape[2])
    ]
    return np.stack(enlarged, axis=1)


def _starts(length: int, side: int) -> list[int]:
    """Where squares that cover a line begin; the last one ends with it."""
    return [*range(0, length - side, side), length - side]
