"""A photo's problem before the search and its restoration after it: plain values, nothing of files or stores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import torch
from PIL import Image
from torch import Tensor

from inversion.checkpoints.checkpoint import Checkpoint
from inversion.degradations.degradation import Degradation
from inversion.degradations.none import NoDegradation
from inversion.images import to_pil
from inversion.latents.latents_file import Latents
from inversion.photo import Photo, Restored, with_faces
from inversion.search.hyperparameters import Hyperparameters
from inversion.search.optimize import Result
from inversion.search.pivotal_tuning import Tuned

Status = Literal["FINISHED", "FAILED", "KILLED"]


@dataclass(frozen=True, eq=False)
class Problem:
    """One photo, what happened to it, and how to search for the face behind it."""

    photo: Photo
    degradation: Degradation = field(default_factory=NoDegradation)
    hyperparameters: Hyperparameters = field(default_factory=Hyperparameters)
    degraded: bool = False  # the photo arrives corrupted already
    seed: int = 0
    start: Latents | None = None  # where the search begins; None: at the mean face


@dataclass(frozen=True)
class Refusal:
    """A problem that could not be searched, and why."""

    problem: Problem
    reason: str


@dataclass(frozen=True)
class Tuning:
    """What fitting the generator to one photo has changed: see inversion/search/pivotal_tuning.py."""

    untuned: Tensor  # [3, R, R], what the generator drew before
    checkpoint: Checkpoint  # with the network that draws `restored`
    history: Mapping[str, list[float]]  # tuning_loss and its terms, per step
    seconds: float


@dataclass(frozen=True, eq=False)
class Restoration:
    """Where the search for one problem ended. Images: [3, R, R] in [-1, 1], on the CPU."""

    problem: Problem
    status: Status  # KILLED: Ctrl-C ended it, and this is what was reached
    reason: str  # why it is not FINISHED
    operator: Degradation  # the problem's degradation with nothing left open
    observed: Tensor  # the photo as the search saw it: as given, or corrupted by the operator
    restored: Tensor  # what the generator draws of the found latents; not clamped
    prediction: Tensor  # that image, corrupted: what the search compared with `observed`
    consistent: Tensor  # `restored` with what the photo does say put back: see Degradation.consistent
    full: Tensor | None  # [3, S, S], finished at the photo's own size; None where that was not asked for
    observed_full: Tensor | None  # [3, S, S], what `observed` is brought down from
    ws: Tensor  # [num_ws, (channels,) w_dim]
    noises: list[Tensor]  # [1, R, R] each
    offsets: Mapping[int, Tensor]  # side -> [channels, side, side], of feature maps; {}: none
    w_std: float  # of the generator, for distances in w
    seed: int  # of the sample that was chosen
    history: Mapping[str, list[float]]  # loss, its terms and the learning rate, per step, of the first sample
    steps_taken: int
    seconds: float  # of the search alone
    feature_seconds: float  # of fitting `offsets`, for all problems of the pass; 0: this one's were not
    phase_steps: tuple[int, ...]  # that each phase took
    samples: Tensor  # [N, 3, R, R], restorations from N starts, `restored` among them, untuned
    fits: tuple[float, ...]  # [N], dB, how what each one's codes alone draw, corrupted, fits the photo
    blur_misfit: float | None = None  # χ², see inversion/search/blind_blur.py; None: no blur it arrived with
    tuning: Tuning | None = None  # of the generator, before it drew `restored`
    # [N], `samples` finished as `image` is; () where there is only one
    alternatives: tuple[Image.Image, ...] = ()
    unexplained: Tensor | None = None  # [1, S, S], 1 = filled in after the search; None: nothing

    @property
    def image(self) -> Image.Image:
        """The picture to take home: at the photo's own size where there is one, else the consistent one."""
        return to_pil(self.consistent if self.full is None else self.full)

    @property
    def in_photo(self) -> Image.Image:
        """The whole photo with that picture in its place; a grey photo's colour runs out beyond the face.

        Raises ConfigError where there is no photo.
        """
        arrived = self.operator if self.problem.degraded else None
        return with_faces([Restored(self.problem.photo, self.image, arrived)])

    @property
    def is_corrected(self) -> bool:
        """Whether the consistent picture is another one than the restored one."""
        return not torch.equal(self.consistent, self.restored.clamp(-1, 1))

    @cached_property
    def metrics(self) -> dict[str, float]:
        """See inversion/metrics/measure.py."""
        from inversion.metrics.measure import measure

        return measure(self)


def judge(result: Result, row: int, tuned: Tuned | None, interrupted: bool) -> tuple[Status, str]:
    """How a problem ended, and why. interrupted: it, or another sample of its photo, before its steps were over."""
    if result.failed_step[row] is not None:
        return "FAILED", (
            f"the {result.failed_term[row]} loss was not finite at step {result.failed_step[row]}; "
            "a smaller learning_rate would work"
        )
    if tuned is not None and tuned.failed_step is not None:
        return "FAILED", (
            f"the loss of tuning was not finite at its step {tuned.failed_step}: the restoration is the untuned "
            "one; a smaller tuning_rate would work"
        )
    if interrupted:
        return "KILLED", "interrupted; what was reached is recorded"
    return "FINISHED", ""
