"""What a restoration leaves in its folder: pictures, loss curves, animation, latents."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from inversion.checkpoints import safetensors_file
from inversion.damage.drawing import drawn_over
from inversion.degradations.auto import Auto
from inversion.degradations.none import NoDegradation
from inversion.faces.found import Found
from inversion.fullsize.save import png_like
from inversion.images import read_photo, to_pil
from inversion.latents.latents_file import save_latents
from inversion.pictures.alignment import alignment_picture
from inversion.pictures.animation import save_animation
from inversion.pictures.caption import caption
from inversion.pictures.curves import loss_curve
from inversion.pictures.panels import panel
from inversion.pictures.samples import sample_pictures
from inversion.record.own_folder import OwnFolder
from inversion.restoration import Restoration
from inversion.runtime.atomic import png

PICTURES = (  # in the order in which people want to see them
    "result.png",
    "panel.png",
    "consistent.png",
    "photo_restored.png",
    "restored.png",
    "original.png",
    "degraded.png",
    "damage.png",
    "alignment.png",
    "mean_face.png",
    "first.png",
    "samples.png",
    "samples_mean.png",
    "samples_spread.png",
    "untuned.png",
    "loss.png",
    "tuning.png",
    "progress.webp",
)
FILES = (*PICTURES, "latents.npz", "tuned.safetensors")


def sample_files(count: int) -> list[str]:
    """Names of the alternatives that `count` samples give, each finished as result.png is."""
    return [f"sample_{number}.png" for number in range(1, count + 1)] if count > 1 else []


def write(
    restoration: Restoration,
    folder: OwnFolder,
    frames: Sequence[Image.Image],
    paste: bool,
    first: Image.Image | None = None,
) -> list[Path]:
    """Write every file that a restoration has and return them all. Raises OSError, ConfigError.

    frames: of progress.webp. paste: the final picture back in its photo as well, photo_restored.png. first: what the
    search drew before its first step; shown where the photo's mean face is.
    """
    with ThreadPoolExecutor(1) as beside:
        film: Future[None] | None = None
        if frames:  # encoded beside all that follows
            film = beside.submit(save_animation, frames, folder.claim("progress.webp"))
        pictures = labelled_pictures(restoration) | charts(restoration) | hidden(restoration)
        contents = {name: png(picture) for name, picture in pictures.items()} | start_of(restoration, first)
        if paste and torch.isfinite(restoration.restored).all():
            whole = png_like(restoration.problem.photo.origin, restoration.in_photo)
            contents["photo_restored.png"] = whole
        latents = folder.claim("latents.npz", *contents)
        written = [folder.keep(name, content) for name, content in contents.items()]
        if film is not None:
            film.result()
            written.append(folder.path / "progress.webp")
    save_latents(latents, restoration.ws[None], restoration.noises, restoration.seed, restoration.offsets)
    written.append(latents)
    if restoration.tuning is not None:
        # draws restored.png: generator=small_file generator.path=tuned.safetensors start=latents.npz steps=1
        tuned = folder.claim("tuned.safetensors")
        safetensors_file.save(restoration.tuning.checkpoint, tuned)
        written.append(tuned)
    return written


def labelled_pictures(restoration: Restoration) -> dict[str, Image.Image]:
    """File name -> picture, panel.png among them."""
    files = {"degraded.png": to_pil(restoration.observed)}
    if torch.isfinite(restoration.restored).all():
        files["result.png"] = restoration.image
        files["restored.png"] = to_pil(restoration.restored)
        if restoration.is_corrected:
            files["consistent.png"] = to_pil(restoration.consistent)
        if len(restoration.samples) > 1:
            files |= sample_pictures(restoration.samples, restoration.fits)
            files |= dict(zip(sample_files(len(restoration.samples)), restoration.alternatives, strict=True))
        if restoration.tuning is not None:
            files["untuned.png"] = to_pil(restoration.tuning.untuned)
    return files | {"panel.png": panel(row(restoration), footer=caption(restoration.metrics))}


def row(restoration: Restoration) -> list[tuple[str, Image.Image]]:
    """What the panel shows, with captions: original, photo and result at the photo's own size where there is one."""
    problem, full = restoration.problem, restoration.problem.photo.full
    observed = restoration.observed if restoration.observed_full is None else restoration.observed_full
    shown = [("photo as given" if problem.degraded else "degraded", to_pil(observed))]
    if not problem.degraded:
        shown.insert(0, ("original", to_pil(problem.photo.image) if full is None else full.image))
    if not torch.isfinite(restoration.restored).all():
        return shown
    shown.append((f"result, {restoration.image.width} px", restoration.image))
    if full is not None or restoration.is_corrected:
        shown.append((f"restored, {restoration.restored.shape[-1]} px", to_pil(restoration.restored)))
    if not isinstance(restoration.operator, NoDegradation):
        shown.append(("restored, then degraded", to_pil(restoration.prediction)))
    return shown


def start_of(restoration: Restoration, first: Image.Image | None) -> dict[str, bytes]:
    """File name -> PNG of what there was before the search: the photo, its face in it, a synthetic face's start."""
    problem = restoration.problem
    photo = problem.photo
    files = {} if problem.degraded else {"original.png": png_of(photo.image)}
    if photo.found is not None:
        files["alignment.png"] = alignment_png(photo.found, photo.image)
    if photo.mean_face is not None:
        files["mean_face.png"] = png_of(photo.mean_face)
        if first is not None:
            files["first.png"] = png(first)
    return files


@lru_cache(maxsize=16)
def png_of(picture: Tensor) -> bytes:
    """[3, R, R], the same tensor in all points of a sweep over a photo."""
    return png(to_pil(picture))


@lru_cache(maxsize=16)
def alignment_png(found: Found, picture: Tensor) -> bytes:
    """picture: [3, R, R], the aligned photo. A third of what a point of a short sweep took before this was kept."""
    return png(alignment_picture(found, to_pil(picture)))


def hidden(restoration: Restoration) -> dict[str, Image.Image]:
    """File name -> the whole photo with what hides it, found before and by the search; nothing where that is nothing.

    Raises ConfigError where the photo is not there any more.
    """
    problem, damage = restoration.problem, restoration.problem.photo.damage
    left = restoration.unexplained
    if damage is None or not isinstance(problem.degradation, Auto):
        return {}
    if left is None and not damage.hidden.any():
        return {}
    pixels = np.asarray(read_photo(problem.photo.origin))
    if pixels.shape[:2] != damage.hidden.shape:
        return {}  # another file by now
    unexplained = None if left is None else problem.photo.in_photo(left[0].numpy() > 0, pixels.shape[:2])
    return {"damage.png": Image.fromarray(drawn_over(pixels, damage.hidden, unexplained))}


def charts(restoration: Restoration) -> dict[str, Image.Image]:
    """File name -> loss curves of the search, and of tuning where there was any."""
    files = {}
    if restoration.history.get("loss"):
        terms = {name: series for name, series in restoration.history.items() if name != "learning_rate"}
        step = restoration.metrics.get("converged_step")
        files["loss.png"] = loss_curve(terms, None if step is None else int(step))
    if restoration.tuning is not None and restoration.tuning.history:
        files["tuning.png"] = loss_curve(restoration.tuning.history, total="tuning_loss")
    return files
