"""All metrics of one restoration, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from inversion.degradations.auto import Auto
from inversion.degradations.masked import Masked
from inversion.images import to_tensor
from inversion.inspection import found_damage
from inversion.latents.spaces import per_layer
from inversion.metrics.colour_error import colour_error
from inversion.metrics.face_identity import identity_distance
from inversion.metrics.psnr import psnr
from inversion.metrics.sharpness import sharpness
from inversion.metrics.ssim import ssim
from inversion.pictures.curves import converged_step
from inversion.pictures.samples import mean, spread
from inversion.search.blind_blur import found_kernel

if TYPE_CHECKING:
    from inversion.restoration import Restoration


def measure(restoration: Restoration) -> dict[str, float]:
    """Against the original where it is known, against the photo always; pixels beyond the photo's edge never count.

    psnr [dB], ssim, identity_distance, colour_error: of `restored`, against the original; hole_psnr [dB]: of what a
    mask hides alone. With the prefix consistent_: of the consistent picture, where it is another one; untuned_: before
    the generator was fitted to the photo; samples_mean_: of the mean of all samples.
    fit_psnr [dB]: of the restored picture, corrupted, against the photo; fit_sharpness [dB]: above 0 where its details
    are finer than the photo's, as with too narrow a blur.
    w_distance, for a synthetic face: root mean squared distance to the true codes in units of w_std.
    blur_misfit [χ²], found_kernel_size, found_sigma [px]: see inversion/search/blind_blur.py. found_grey and what else
    was found in the photo: see inversion/inspection.py; found_unexplained [% of the face's square]: see
    inversion/unexplained.py.
    steps_per_second: of the search alone.
    """
    if not restoration.restored.isfinite().all():  # a loss was not finite: there is no picture to measure
        return {}
    problem, tuning = restoration.problem, restoration.tuning
    prediction, observed = restoration.prediction.clamp(-1, 1)[None], restoration.observed[None]
    inside = problem.photo.inside(observed.shape[-1])
    if inside is not None:
        prediction, observed = (torch.where(inside > 0, x, 0.0) for x in (prediction, observed))
    values = {
        **found_kernel(problem.degradation, restoration.operator),
        **found_damage(problem.degradation, problem.photo),
        **left_over(restoration),
        "seconds": restoration.seconds,
        "steps_per_second": restoration.steps_taken / max(restoration.seconds, 1e-9),
        "fit_psnr": psnr(prediction, observed, inside if inside is None else inside[None]).item(),
        "fit_sharpness": sharpness(prediction, observed).item(),
    }
    if restoration.blur_misfit is not None:
        values["blur_misfit"] = restoration.blur_misfit
    if not problem.degraded:
        values |= likeness(pictures(restoration), problem.photo.image, inside)
        values |= at_full_size(restoration)
    if len(restoration.samples) > 1:
        values["samples_spread"] = spread(restoration.samples).mean().item()
    if problem.photo.ws is not None:
        squares = (per_layer(restoration.ws[None])[0] - problem.photo.ws).square().sum(dim=1).mean()
        values["w_distance"] = squares.sqrt().item() / restoration.w_std
    if not problem.degraded and isinstance(restoration.operator, Masked):
        values |= inside_the_hole(restoration)
    values |= {f"phase_{i}_steps": float(steps) for i, steps in enumerate(restoration.phase_steps, start=1)}
    values["seconds"] += restoration.feature_seconds
    if tuning is not None:
        values["seconds"] += tuning.seconds
        values["tuning_steps_taken"] = float(len(tuning.history.get("tuning_loss", [])))
    step = converged_step(restoration.history.get("loss", []))
    return values if step is None else values | {"converged_step": float(step)}


def left_over(restoration: Restoration) -> dict[str, float]:
    """What the search could not explain, % of the face's square; 0 too where it is not sought, only for `Auto`."""
    if not isinstance(restoration.problem.degradation, Auto):
        return {}
    left = restoration.unexplained
    return {"found_unexplained": 0.0 if left is None else 100 * left.mean().item()}


def pictures(restoration: Restoration) -> dict[str, Tensor]:
    """The pictures that are compared with the original, by the prefix of their metrics: [3, R, R] in [-1, 1] each."""
    shown = {"": restoration.restored.clamp(-1, 1)}
    if restoration.is_corrected:
        shown["consistent_"] = restoration.consistent
    if len(restoration.samples) > 1:
        shown["samples_mean_"] = mean(restoration.samples)
    if restoration.tuning is not None:
        shown["untuned_"] = restoration.tuning.untuned.clamp(-1, 1)
    return shown


def at_full_size(restoration: Restoration) -> dict[str, float]:
    """Metrics with the prefix full_, of the picture at the photo's own size; nothing where there is none."""
    full = restoration.problem.photo.full
    if restoration.full is None or full is None:
        return {}
    original = to_tensor(full.image)
    return likeness(
        {"full_": restoration.full}, original, restoration.problem.photo.inside(original.shape[-1])
    )


def inside_the_hole(restoration: Restoration) -> dict[str, float]:
    """PSNR of the pixels that a mask hides, by the pictures' prefixes; nothing where it hides none wholly."""
    operator, original = restoration.operator, restoration.problem.photo.image
    hidden = (
        operator.known[0, 0] < 0.5 if isinstance(operator, Masked) and operator.known is not None else None
    )
    inside = restoration.problem.photo.inside(original.shape[-1])
    if hidden is not None and inside is not None:
        hidden = hidden & (inside[0] > 0).to(hidden.device)
    if hidden is None or not hidden.any():
        return {}
    hole = original[:, hidden.cpu()][None, :, None]
    return {
        f"{prefix}hole_psnr": psnr(picture[:, hidden.cpu()][None, :, None], hole).item()
        for prefix, picture in pictures(restoration).items()
    }


def likeness(
    pictures: Mapping[str, Tensor], original: Tensor, inside: Tensor | None = None
) -> dict[str, float]:
    """How like the original pictures are, by the prefix of their metrics; [3, R, R] each.

    inside: [1, R, R], 1 = counts; to the face descriptor the rest looks like the original's.
    """
    batch = torch.stack(list(pictures.values()))
    originals = original.expand_as(batch)
    known = None
    if inside is not None:
        known, batch = inside[None], torch.where(inside > 0, batch, originals)
    measured = {
        "psnr": psnr(batch, originals, known).tolist(),
        "ssim": ssim(batch, originals, known).tolist(),
        "identity_distance": identity_distance(batch, original[None]).tolist(),
        "colour_error": colour_error(batch, originals, known).tolist(),
    }
    return {
        f"{prefix}{name}": values[i] for i, prefix in enumerate(pictures) for name, values in measured.items()
    }
