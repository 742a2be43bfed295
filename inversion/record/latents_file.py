"""The found latents as an .npz that NVIDIA's own tools read (`w`), with what repeats the picture exactly."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from inversion.errors import ConfigError
from inversion.generator.architecture import Architecture
from inversion.latents.spaces import per_layer
from inversion.record.atomic import write_file

MAX_BYTES = 2**30  # far above any network's (1024 px: 12 MB)


@dataclass(frozen=True)
class Latents:
    """What `load_latents` returns."""

    ws: Tensor  # [1, num_ws, w_dim]
    noises: list[Tensor]  # one [1, R, R] per noise layer
    seed: int | None
    extra: dict[str, str | float | int | bool | None] = field(default_factory=dict)


def save_latents(
    path: Path,
    ws: Tensor,
    noises: Sequence[Tensor],
    seed: int | None = None,
    extra: Mapping[str, str | float | int | bool | None] | None = None,
) -> None:
    """Write `w`, `noise_0`, `noise_1`, … as float32, `seed`, and `extra` (short facts) as JSON.

    ws:     [1, num_ws, w_dim], as `--projected-w` of stylegan2-ada-pytorch's generate.py expects it. Of w++,
            [1, num_ws, channels, w_dim], `w` is the mean over channels, and `w_channels` holds all.
    noises: one [1, R, R] per noise layer: this problem's slices of the generator's list of [B, 1, R, R].

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
    arrays = _read(path)
    if "w" not in arrays:
        raise ConfigError(
            f"{path} holds no latents: an array named w is needed. Got {sorted(arrays) or 'none'}."
        )
    ws = _tensor(path, "w", arrays["w"])
    if ws.ndim != 3 or ws.shape[0] != 1:
        raise ConfigError(f"w in {path} must be [1, num_ws, w_dim]. Got shape {list(ws.shape)}.")
    names = [
        f"noise_{index}" for index in range(sum(bool(re.fullmatch(r"noise_\d+", key)) for key in arrays))
    ]
    noises = [_tensor(path, name, arrays[name]) for name in names if name in arrays]
    if len(noises) != len(names):
        raise ConfigError(f"{path} lacks noise maps: they must be noise_0, noise_1, …. Got {sorted(arrays)}.")
    for name, noise in zip(names, noises, strict=True):
        if noise.ndim != 3 or noise.shape[0] != 1 or noise.shape[1] != noise.shape[2]:
            raise ConfigError(f"{name} in {path} must be [1, R, R]. Got shape {list(noise.shape)}.")
    try:
        seed = int(arrays["seed"]) if "seed" in arrays else None
        extra = dict(json.loads(str(arrays["extra"]))) if "extra" in arrays else {}
    except (ValueError, TypeError) as error:
        raise ConfigError(f"seed or extra in {path} cannot be read: {error}.") from error
    return Latents(ws, noises, seed, extra)


def load_start(name: str, architecture: Architecture) -> Latents:
    """Latents from which a search with this generator can begin; without noise maps where the file has none.

    Raises ConfigError, as `load_latents` does, and for latents of another network.
    """
    path = Path(name).expanduser()
    latents = load_latents(path)
    needed = [architecture.num_ws, architecture.w_dim]
    if list(latents.ws.shape[1:]) != needed:
        raise ConfigError(
            f"start must be latents of this generator, w {[1, *needed]}. Got {list(latents.ws.shape)} in {path}."
        )
    sides = [noise.shape[-1] for noise in latents.noises]
    if sides and sides != architecture.noise_resolutions:
        raise ConfigError(
            "start must be latents of this generator, with noise maps of sides "
            f"{architecture.noise_resolutions} or none. Got {sides} in {path}."
        )
    return latents


def _read(path: Path) -> dict[str, np.ndarray]:
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size > MAX_BYTES:
            raise ConfigError(
                f"{path} unpacks to {size:,} bytes: too large for latents. Limit: {MAX_BYTES:,}."
            )
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except FileNotFoundError as error:
        raise ConfigError(f"No such latents file: {path}.") from error
    except (OSError, ValueError, EOFError, KeyError, MemoryError, NotImplementedError, RuntimeError) as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(f"{path} cannot be read as an .npz of plain arrays: {error}.") from error
    except zipfile.BadZipFile as error:
        raise ConfigError(f"{path} is not a whole .npz file: {error}. Write it again.") from error


def _numpy(tensor: Tensor) -> np.ndarray:
    return tensor.detach().to("cpu", torch.float32).numpy()


def _tensor(path: Path, name: str, array: np.ndarray) -> Tensor:
    if array.dtype.kind != "f" or not np.isfinite(array).all():
        raise ConfigError(f"{name} in {path} must hold finite floats. Got {array.dtype}, or NaN or infinity.")
    return torch.from_numpy(array.astype(np.float32))
