"""The found latents as an .npz that NVIDIA's own tools read (`w`), with what repeats the picture exactly."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from inversion.errors import ConfigError
from inversion.generator.architecture import AnyArchitecture
from inversion.latents.npz_file import read_npz
from inversion.latents.spaces import per_layer
from inversion.reading.printable import printable
from inversion.runtime.atomic import write_file

NOISE = re.compile(r"noise_\d{1,3}")
OFFSET = re.compile(r"features_(\d{1,4})")


@dataclass(frozen=True)
class Latents:
    """What `load_latents` returns."""

    ws: Tensor  # [1, num_ws, w_dim]
    noises: list[Tensor]  # one [1, R, R] per noise layer
    seed: int | None
    extra: dict[str, str | float | int | bool | None] = field(default_factory=dict)
    offsets: dict[int, Tensor] = field(default_factory=dict)  # side -> [1, channels, side, side]


def save_latents(
    path: Path,
    ws: Tensor,
    noises: Sequence[Tensor],
    seed: int | None = None,
    offsets: Mapping[int, Tensor] | None = None,
    extra: Mapping[str, str | float | int | bool | None] | None = None,
) -> None:
    """Write `w`, `noise_0`, `noise_1`, … as float32, `seed`, and `extra` (short facts) as JSON.

    ws:     [1, num_ws, w_dim], as `--projected-w` of stylegan2-ada-pytorch's generate.py expects it. Of w++,
            [1, num_ws, channels, w_dim], `w` is the mean over channels, and `w_channels` holds all.
    noises: one [1, R, R] per noise layer: this problem's slices of the generator's list of [B, 1, R, R].
    offsets: side -> [channels, side, side] of search/feature_offsets.py, written as `features_8`, ….

    Raises OSError when the file cannot be written (nothing is left then).
    """
    if ws.ndim not in (3, 4) or ws.shape[0] != 1:
        raise ValueError(f"ws must be one problem's [1, num_ws, w_dim]. Got shape {list(ws.shape)}.")
    for noise in noises:
        if noise.ndim != 3 or noise.shape[0] != 1:
            raise ValueError(f"Each noise map must be [1, R, R]. Got shape {list(noise.shape)}.")
    arrays = {"w": _numpy(per_layer(ws))}
    if ws.ndim == 4:
        arrays["w_channels"] = _numpy(ws)
    arrays |= {f"noise_{index}": _numpy(noise) for index, noise in enumerate(noises)}
    arrays |= {f"features_{side}": _numpy(offset) for side, offset in (offsets or {}).items()}
    if seed is not None:
        arrays["seed"] = np.array(seed, dtype=np.int64)
    if extra:
        arrays["extra"] = np.array(json.dumps(dict(extra), ensure_ascii=False))
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    write_file(path, buffer.getvalue())


def load_latents(path: Path) -> Latents:
    """Read what `save_latents` wrote, or any .npz with a `w`; never executes what the file contains.

    Raises ConfigError for a file that is missing, damaged, too large, holds pickled objects, or whose arrays
    have another shape or kind than they should.
    """
    shown = printable(path)
    try:
        arrays = read_npz(path, is_known)
    except FileNotFoundError as error:
        raise ConfigError(f"No such latents file: {shown}.") from error
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{shown} cannot be read as an .npz of plain arrays: {printable(error)}."
        ) from error
    if "w" not in arrays:
        raise ConfigError(f"{shown} holds no latents: an array named w is needed.")
    ws = _tensor(path, "w", arrays["w"])
    if ws.ndim != 3 or ws.shape[0] != 1:
        raise ConfigError(f"w in {shown} must be [1, num_ws, w_dim]. Got shape {list(ws.shape)}.")
    names = [name for name in arrays if NOISE.fullmatch(name)]
    if set(names) != {f"noise_{index}" for index in range(len(names))}:
        raise ConfigError(
            f"{shown} lacks noise maps: they must be noise_0, noise_1, …. Got {printable(', '.join(sorted(names)))}."
        )
    noises = [_tensor(path, f"noise_{index}", arrays[f"noise_{index}"]) for index in range(len(names))]
    for index, noise in enumerate(noises):
        if noise.ndim != 3 or noise.shape[0] != 1 or noise.shape[1] != noise.shape[2]:
            raise ConfigError(f"noise_{index} in {shown} must be [1, R, R]. Got shape {list(noise.shape)}.")
    offsets = {}
    for name in filter(OFFSET.fullmatch, arrays):
        side, offset = int(name.removeprefix("features_")), _tensor(path, name, arrays[name])
        if offset.ndim != 3 or list(offset.shape[1:]) != [side, side]:
            raise ConfigError(
                f"{name} in {shown} must be [channels, {side}, {side}]. Got shape {list(offset.shape)}."
            )
        offsets[side] = offset[None]
    try:
        seed = arrays["seed"].item() if "seed" in arrays else None
        if seed is not None and type(seed) is not int:
            raise TypeError(f"seed must be a whole number. Got {type(seed).__name__}")
        extra = dict(json.loads(str(arrays["extra"]))) if "extra" in arrays else {}
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise ConfigError(f"seed or extra in {shown} cannot be read: {printable(error)}.") from error
    return Latents(ws, noises, seed, extra, offsets)


def is_known(name: str) -> bool:
    return name in ("w", "seed", "extra") or bool(NOISE.fullmatch(name) or OFFSET.fullmatch(name))


def load_start(name: str, architecture: AnyArchitecture) -> Latents:
    """Latents from which a search with this generator can begin; without noise or feature maps where the file has none.

    Raises ConfigError, as `load_latents` does, and for latents of another network.
    """
    path = Path(name).expanduser()
    latents = load_latents(path)
    needed = [architecture.num_ws, architecture.w_dim]
    if list(latents.ws.shape[1:]) != needed:
        raise ConfigError(
            f"start must be latents of this generator, w {[1, *needed]}. Got {list(latents.ws.shape)} in "
            f"{printable(path)}."
        )
    sides = [noise.shape[-1] for noise in latents.noises]
    own = architecture.noise_resolutions
    if sides and sides != own:
        raise ConfigError(
            "start must be latents of this generator, with "
            + (f"noise maps of sides {own} or none" if own else "no noise maps, since it reads none")
            + f". Got {sides[:40]} in {printable(path)}."
        )
    channels = architecture.feature_channels
    for side, offset in latents.offsets.items():
        if channels.get(side) != offset.shape[1]:
            allowed = (
                ", ".join(f"features_{s} of {n} channels" for s, n in channels.items()) or "no feature maps"
            )
            raise ConfigError(
                f"start must be latents of this generator, with {allowed}, or none. Got features_{side} of "
                f"{offset.shape[1]} channels in {printable(path)}."
            )
    return latents


def _numpy(tensor: Tensor) -> np.ndarray:
    return tensor.detach().to("cpu", torch.float32).numpy()


def _tensor(path: Path, name: str, array: np.ndarray) -> Tensor:
    if array.dtype.kind == "f":
        with np.errstate(over="ignore"):  # what becomes infinite is refused below
            array = array.astype(np.float32)
    if array.dtype.kind != "f" or not np.isfinite(array).all():
        raise ConfigError(
            f"{name} in {printable(path)} must hold finite floats. Got {array.dtype}, NaN, infinity or numbers beyond "
            "float32."
        )
    return torch.from_numpy(array)
