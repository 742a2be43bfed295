"""Restore a photo from Python, with the command line's own presets and defaults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hydra.utils import instantiate

from conf.schema import loss_for
from inversion.checkpoints.checkpoint import Checkpoint
from inversion.checkpoints.sources import PUBLISHED, small_file
from inversion.degradations.degradation import Degradation
from inversion.degradations.none import NoDegradation
from inversion.errors import ConfigError
from inversion.losses.perceptual_loss import PerceptualLoss
from inversion.model import Model, build
from inversion.passes import restore as restore_together
from inversion.photo import Photo
from inversion.photos import Photos
from inversion.presets import composed, degradation_name
from inversion.presets import preset as preset_of
from inversion.restoration import Problem, Refusal, Restoration
from inversion.runtime.device import choose_device
from inversion.search.objective import checked


def load_model(name: str | Path = "portraits", device: str = "auto", precision: str = "auto") -> Model:
    """A generator, ready to be searched.

    name: a file of conf/generator (portraits, ffhq1024, …), or the path of a checkpoint in any dialect that
    `python -m inversion.checkpoints info` reads. Raises ConfigError, CheckpointError.
    """
    path = Path(name).expanduser()
    if path.suffix or path.exists():
        checkpoint: Checkpoint = small_file(str(path))  # restore chooses the preset by its resolution
    else:
        checkpoint = instantiate(composed(f"generator={name}")["generator"])
    return build(checkpoint, choose_device(device), precision)


def load_photo(
    path: str | Path | None,
    model: Model,
    *,
    align: bool = True,
    face: int | None = None,
    mask: str | Path | None = None,
    degraded: bool = False,
) -> Photo:
    """Read a photo and align the face in it for a model.

    path: None is the sample portrait. align: False for a square photo in FFHQ framing already. face: which one where
    there are several, 0 = the largest. mask: a picture as large as the photo, white = to be filled in; "auto": the
    scratches as found, for Auto. degraded: the photo arrives corrupted, so that a square one in which no face can be
    seen is taken as aligned.
    Raises ConfigError, AlignmentError.
    """
    source = Photos(
        image=None if path is None else str(path),
        align={"face": face, "landmarks": None} if align else False,
        degraded=degraded,
        mask=None if mask is None else str(mask),
    )
    photos = source.load(model.generator).photos
    if len(photos) != 1:
        raise ConfigError(
            f"load_photo reads one photo. Got {path} with {len(photos)}; name one of its files."
        )
    return photos[0]


def restore(
    model: Model,
    photo: Photo,
    degradation: Degradation | None = None,
    *,
    preset: str | None = None,
    loss: PerceptualLoss | None = None,
    degraded: bool = False,
    seed: int = 0,
    **hyperparameters: Any,
) -> Restoration:
    """Search for the face whose degraded version looks like the photo; nothing is written.

    degradation: what happened to the photo; None: nothing. degraded: the photo arrives corrupted; False corrupts it
    first, so that the restoration can be compared with the original. preset: a file of conf/hyperparameters; None: the
    command line's choice for the degradation, on nets under 256 px as for the embedded one, on others as for published
    nets. loss: None is the command line's for such a net. hyperparameters: such as steps=100, reg=0.5. Returns the
    restoration: `image` (PIL), `ws` [num_ws, w_dim], `metrics`, `history`, … Raises ConfigError.
    """
    is_small = model.checkpoint.architecture.img_resolution < PUBLISHED
    generator = "small_file" if is_small else "file"
    chosen = preset_of(preset, degradation, generator, **hyperparameters)
    named = loss_for(degradation_name(degradation), generator)
    perceptual = checked(loss or instantiate(composed(f"loss={named}")["loss"]))
    bound = perceptual.bind(model.discriminator, model.w_avg.device, model.dtype)
    problem = Problem(photo, degradation or NoDegradation(), chosen, degraded, seed)
    (result,) = restore_together(model, bound, [problem])
    if isinstance(result, Refusal):
        raise ConfigError(result.reason.removeprefix("ConfigError: "))
    return result
