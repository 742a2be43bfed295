"""The two parts of a search: codes that come near the photos, then feature maps that bring the persons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from inversion.latents.latents_file import Latents
from inversion.latents.starts import sample_seed, starting_points
from inversion.losses.perceptual_loss import PerceptualLoss
from inversion.metrics.psnr import psnr
from inversion.model import Model
from inversion.observation import Observation
from inversion.search.aims import ExpectedFaces, aim
from inversion.search.feature_offsets import FeatureOffsets, fit_offsets
from inversion.search.history import History
from inversion.search.hyperparameters import Hyperparameters
from inversion.search.objective import Objective
from inversion.search.optimize import Result, optimize
from inversion.search.stacked import Stacked
from inversion.unexplained import without_unexplained


@dataclass(frozen=True)
class Row:
    """One row of the batch: one sample of one problem."""

    owner: int  # which of the pass's problems
    sample: int  # 0-based; only sample 0 is logged per step: a record has room for one search
    observation: Observation

    @property
    def settings(self) -> Hyperparameters:
        return self.observation.problem.hyperparameters

    @property
    def seed(self) -> int:
        return sample_seed(self.observation.problem.seed, self.sample)

    @property
    def start(self) -> Latents | None:
        """Where sample 0 begins; the others begin at random faces."""
        return self.observation.problem.start if self.sample == 0 else None

    def without_unexplained(self, face: Tensor) -> Row:
        """The same, without what the search could not explain of its photo; itself where that is nothing."""
        seen = without_unexplained(self.observation, face)
        return self if seen is self.observation else replace(self, observation=seen)


@dataclass(frozen=True)
class Drawn:
    """What the search has found, one row per sample of each problem, drawn in fp32."""

    rows: list[Row]  # N, without what the search could not explain
    objective: Objective
    result: Result
    offsets: FeatureOffsets
    restored: Tensor  # [N, 3, R, R]
    unfitted: Tensor  # [N, 3, R, R], by the codes alone
    prediction: Tensor  # [N, 3, R, R], corrupted again
    fits: list[float]  # N, dB: psnr of `unfitted`, corrupted again, to all of the photo

    def of(self, owner: int) -> list[int]:
        """The rows of one problem."""
        return [k for k, row in enumerate(self.rows) if row.owner == owner]

    def best(self, rows: Sequence[int]) -> tuple[int, list[int]]:
        """Of one problem's rows: the one whose codes fit its photo best, and all whose losses stayed finite."""
        sound = [row for row in rows if self.result.failed_step[row] is None] or list(rows[:1])
        return max(sound, key=self.fits.__getitem__), sound


def draw(model: Model, loss: PerceptualLoss, rows: list[Row], history: History) -> Drawn:
    """Find codes for every photo, leave out what they cannot explain of it, and fit feature maps to the rest."""
    settings = [row.settings for row in rows]
    operator, photos = stacked(rows)
    objective = Objective(loss, operator, photos, settings, model.prior(settings[0].prior))
    result = find_codes(model, objective, rows, history)
    with torch.no_grad():  # fp32, whatever the search ran in
        restored = unfitted = model.generator.synthesis(result.ws, result.noises)
        fits = psnr(operator(unfitted), photos, shown(rows)).tolist()
    explained = [row.without_unexplained(face) for row, face in zip(rows, unfitted.split(1), strict=True)]
    if any(row is not before for row, before in zip(explained, rows, strict=True)):
        operator, photos = stacked(explained)
        objective = Objective(loss, operator, photos, settings, objective.prior)
    expected = ExpectedFaces(loss.robust)
    aims = [
        aim(own.operator, own.compared, own.image, face, row.settings, expected)
        for row, face in zip(explained, unfitted.split(1), strict=True)
        for own in [row.observation]
        if not any(result.interrupted)  # nothing is fitted then
    ]
    given = [{} if row.start is None else row.start.offsets for row in rows]
    offsets = fit_offsets(
        model.synthesis, operator, photos, settings, result, loss.robust, history.fit, given, aims
    )
    with torch.no_grad():
        if offsets.maps:
            restored = model.generator.synthesis(result.ws, result.noises, offsets=offsets.maps)
            history.show_fitted(restored)
        prediction = operator(restored)
    return Drawn(explained, objective, result, offsets, restored, unfitted, prediction, fits)


def find_codes(model: Model, objective: Objective, rows: Sequence[Row], history: History) -> Result:
    """The loop itself, from each row's own start."""
    mean_face = model.w_avg.expand(model.synthesis.architecture.num_ws, -1)
    first = torch.stack([mean_face if row.start is None else row.start.ws[0].to(mean_face) for row in rows])
    seeds = [row.seed for row in rows]
    codes = starting_points(model.generator.mapping, first, seeds, [row.sample for row in rows])
    noises = [None if row.start is None else row.start.noises for row in rows]
    settings = [row.settings for row in rows]
    result = optimize(
        model.synthesis, objective, settings, seeds, model.w_avg, model.w_std, history, codes, noises
    )
    history.fetch()
    return result


def stacked(rows: Sequence[Row]) -> tuple[Stacked, Tensor]:
    """Their operators, as the loss knows them, as one; their photos, [B, 3, R, R]."""
    seen = [row.observation for row in rows]
    return Stacked(tuple(own.compared for own in seen)), torch.cat([own.image for own in seen])


def shown(rows: Sequence[Row]) -> Tensor | None:
    """[B, 1, R, R], 1 = shows the photo; None: everything does."""
    inside = [row.observation.inside for row in rows]
    if all(own is None for own in inside):
        return None
    everywhere = torch.ones_like(rows[0].observation.image[:, :1])
    return torch.cat([everywhere if own is None else own for own in inside])
