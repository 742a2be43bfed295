"""What is left when one problem is done: pictures, curve, animation, latents and final figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from inversion.checkpoints import safetensors_file
from inversion.checkpoints.checkpoint import Checkpoint
from inversion.images import to_pil
from inversion.latents.spaces import per_layer
from inversion.metrics.face_identity import identity_distance
from inversion.metrics.psnr import psnr
from inversion.metrics.sharpness import sharpness
from inversion.metrics.ssim import ssim
from inversion.photos import Photo
from inversion.pictures.animation import save_animation
from inversion.pictures.curves import converged_step, loss_curve
from inversion.pictures.panels import panel
from inversion.pictures.samples import mean, sample_pictures, spread
from inversion.record.atomic import write_image
from inversion.record.latents_file import save_latents
from inversion.record.recorder import Recorder

CAVEAT = "a plausible face, not evidence of identity"


@dataclass(frozen=True)
class Tuning:
    """What fitting the generator to one photo has changed: see inversion/search/pivotal_tuning.py."""

    untuned: Tensor  # [3, R, R], what the generator drew before
    checkpoint: Checkpoint  # with the network that draws `restored`
    history: Mapping[str, list[float]]  # tuning_loss and its terms, per step
    seconds: float


@dataclass(frozen=True)
class Outcome:
    """One problem's end. Images: [3, R, R] in [-1, 1], on the CPU."""

    photo: Photo
    degraded_input: bool  # the photo arrived corrupted: the original is not known
    found: Mapping[str, float]  # settings of the degradation that were found in the photo, by name
    observed: Tensor
    restored: Tensor
    restored_degraded: Tensor
    consistent: Tensor  # restored, then made to agree with what the photo says
    ws: Tensor  # [num_ws, (channels,) w_dim]
    noises: list[Tensor]  # [1, R, R] each
    w_std: float
    seed: int
    history: dict[str, list[float]]
    frames: Sequence[Image.Image]
    steps_done: int
    seconds: float
    phase_steps: Sequence[int]  # that each phase took
    paste: bool  # also show the face that agrees with the photo in its place there
    samples: Tensor  # [N, 3, R, R], restorations from N starts, `restored` among them, untuned
    fits: Sequence[float]  # [N], dB, how each of them fits the photo when it is degraded
    tuning: Tuning | None = None  # of the generator, before it drew `restored`


def figures(outcome: Outcome) -> dict[str, float]:
    """psnr [dB], ssim, identity_distance against the original where it is known; how the degraded image fits.

    consistent_psnr and so on are those of the restoration that was made to agree with the photo, where it differs.

    fit_psnr [dB] compares the restored-then-degraded image with the observed one; fit_sharpness [dB] is above 0
    where its details are finer, as with too narrow a blur. w_distance, for a synthetic face: root mean squared
    distance to the true codes in units of w_std. untuned_psnr and so on: before the generator was fitted to the photo;
    steps_per_second is the search's alone. found_kernel_size, found_sigma [px]: see inversion/blind_blur.py.
    """
    restored = outcome.restored.clamp(-1, 1)[None]
    fit, observed = outcome.restored_degraded.clamp(-1, 1)[None], outcome.observed[None]
    values = {
        **outcome.found,
        "seconds": outcome.seconds,
        "steps_per_second": outcome.steps_done / max(outcome.seconds, 1e-9),
        "fit_psnr": psnr(fit, observed).item(),
        "fit_sharpness": sharpness(fit, observed).item(),
    }
    if not outcome.degraded_input:
        pictures = {"": restored[0]}
        if is_corrected(outcome):
            pictures["consistent_"] = outcome.consistent
        if len(outcome.samples) > 1:
            pictures["samples_mean_"] = mean(outcome.samples)
        if outcome.tuning is not None:
            pictures["untuned_"] = outcome.tuning.untuned.clamp(-1, 1)
        values |= likeness(pictures, outcome.photo.image)
    if len(outcome.samples) > 1:
        values["samples_spread"] = spread(outcome.samples).mean().item()
    if outcome.photo.ws is not None:
        squares = (per_layer(outcome.ws[None])[0] - outcome.photo.ws).square().sum(dim=1).mean()
        values["w_distance"] = squares.sqrt().item() / outcome.w_std
    values |= {f"phase_{i + 1}_steps": float(n) for i, n in enumerate(outcome.phase_steps)}
    if outcome.tuning is not None:
        values["seconds"] += outcome.tuning.seconds
        values["tuning_steps_taken"] = float(len(outcome.tuning.history.get("tuning_loss", [])))
    step = converged_step(outcome.history.get("loss", []))
    if step is not None:
        values["converged_step"] = float(step)
    return values


def likeness(pictures: Mapping[str, Tensor], original: Tensor) -> dict[str, float]:
    """How like the original pictures are, by what their figures' names begin with; [3, R, R] each."""
    batch = torch.stack(list(pictures.values()))
    originals = original.expand_as(batch)
    measured = {
        "psnr": psnr(batch, originals).tolist(),
        "ssim": ssim(batch, originals).tolist(),
        "identity_distance": identity_distance(batch, original[None]).tolist(),
    }
    return {
        f"{prefix}{name}": values[i] for i, prefix in enumerate(pictures) for name, values in measured.items()
    }


def is_corrected(outcome: Outcome) -> bool:
    """Whether the photo had anything to say against the restoration."""
    return not torch.equal(outcome.consistent, outcome.restored.clamp(-1, 1))


def record_outcome(outcome: Outcome, recorder: Recorder, folder: Path) -> dict[str, float]:
    """Write everything into the folder, hand it to the recorder, and return the final figures."""
    written: list[Path] = []

    def keep(name: str, picture: Image.Image) -> Image.Image:
        write_image(folder / name, picture)
        written.append(folder / name)
        return picture

    film = None
    if outcome.frames:  # encoded beside all that follows
        film = ThreadPoolExecutor(1).submit(save_animation, outcome.frames, folder / "progress.webp")
    values: dict[str, float] = {}
    first = "photo as given" if outcome.degraded_input else "degraded"
    pictures = []
    if not outcome.degraded_input:
        pictures.append(("original", keep("original.png", to_pil(outcome.photo.image))))
    pictures.append((first, keep("degraded.png", to_pil(outcome.observed))))
    if torch.isfinite(outcome.restored).all():
        pictures.append(("restored", keep("restored.png", to_pil(outcome.restored))))
        recorder.log_image("restored", pictures[-1][1], 0)  # MLflow's image grid compares runs at one step
        if outcome.paste:
            keep("photo_restored.png", outcome.photo.with_face(to_pil(outcome.consistent)))
        if len(outcome.samples) > 1:
            for name, picture in sample_pictures(outcome.samples, outcome.fits).items():
                keep(name, picture)
        if is_corrected(outcome):
            pictures.append(("agreeing with the photo", keep("consistent.png", to_pil(outcome.consistent))))
        pictures.append(("restored, then degraded", to_pil(outcome.restored_degraded)))
        values = figures(outcome)
        recorder.log_summary(values)
    keep("panel.png", panel(pictures, footer=caption(values)))
    total = outcome.history.get("loss")
    if total:
        step = values.get("converged_step")
        terms = {name: series for name, series in outcome.history.items() if name != "learning_rate"}
        keep("loss.png", loss_curve(terms, None if step is None else int(step)))
    if film is not None:
        film.result()
        written.append(folder / "progress.webp")
    if outcome.tuning is not None:
        keep("untuned.png", to_pil(outcome.tuning.untuned))
        if outcome.tuning.history:
            keep("tuning.png", loss_curve(outcome.tuning.history, total="tuning_loss"))
        # draws restored.png: generator=small_file generator.path=tuned.safetensors start=latents.npz steps=1
        safetensors_file.save(outcome.tuning.checkpoint, folder / "tuned.safetensors")
        written.append(folder / "tuned.safetensors")
    save_latents(folder / "latents.npz", outcome.ws[None], outcome.noises, outcome.seed)
    written.append(folder / "latents.npz")
    for path in written:
        recorder.log_file(path)
    return values


def caption(values: dict[str, float]) -> str:
    """One line of figures for people: PSNR 24.1 dB · SSIM 0.81 — what a restoration is not."""
    formats = {
        "found_kernel_size": "kernel found {:.1f} px",
        "untuned_psnr": "before tuning {:.1f} dB",
        "psnr": "PSNR {:.1f} dB",
        "ssim": "SSIM {:.2f}",
        "identity_distance": "identity distance {:.2f}",
        "fit_psnr": "fit {:.1f} dB",
        "w_distance": "w distance {:.2f}",
        "consistent_psnr": "agreeing with the photo: {:.1f} dB",
        "consistent_identity_distance": "identity distance {:.2f}",
    }
    parts = [text.format(values[name]) for name, text in formats.items() if name in values]
    return " — ".join(filter(None, [" · ".join(parts), CAVEAT]))
