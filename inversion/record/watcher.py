"""Between the loop and the recorders: takes a batch's steps apart into one record per problem."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import torch
from PIL import Image

from inversion.images import to_pil
from inversion.record.recorder import Recorder
from inversion.search.hyperparameters import Hyperparameters
from inversion.search.optimize import Step

FETCH_EVERY = 25  # steps between copies of the losses from the device


class Watcher:
    """Called by the loop after every step; keeps each problem's losses, pictures and frames.

    progress(step, total loss per term of the first running problem) is called whenever losses were fetched.
    """

    def __init__(
        self,
        recorders: Sequence[Recorder],
        settings: Sequence[Hyperparameters],
        image_every: int,  # steps between pictures on the step slider; 0 = none
        animation_frames: int,  # at most, per problem; 0 = none
        progress: Callable[[int, dict[str, float]], None] = lambda step, terms: None,
    ) -> None:
        self.recorders = recorders
        self.settings = settings
        self.image_every = image_every
        gaps = max(1, animation_frames - 1)  # the last step has a frame of its own
        self.frame_every = [-(-s.steps // gaps) if animation_frames else 0 for s in settings]
        self.progress = progress
        self.histories: list[dict[str, list[float]]] = [{} for _ in settings]  # per problem: term -> per step
        self.frames: list[list[Image.Image]] = [[] for _ in settings]
        self.steps_done = [0] * len(settings)
        self.seconds = [0.0] * len(settings)
        self.began = time.monotonic()
        self._waiting: list[tuple[int, Sequence[int], tuple[str, ...], torch.Tensor]] = []

    def __call__(self, step: Step) -> None:
        values = torch.stack([*step.terms.values(), step.learning_rate, step.running.to(step.learning_rate)])
        self._waiting.append((step.number, step.problems, tuple(step.terms), values))
        self._pictures(step)
        if len(self._waiting) >= FETCH_EVERY or step.number == 0:
            self.fetch()

    def fetch(self) -> None:
        """Bring the waiting losses over from the device and hand them on."""
        for number, problems, names, values in self._waiting:
            *terms, rates, running = values.tolist()
            for row, i in enumerate(problems):
                if self._stopped(i, number):
                    continue
                losses = {name: term[row] for name, term in zip(names, terms, strict=True)}
                losses = {"loss": sum(losses.values())} | losses | {"learning_rate": rates[row]}
                self.recorders[i].log_metrics(losses, number)
                for name, value in losses.items():  # by place: Ctrl-C in the middle of a fetch repeats it
                    self.histories[i].setdefault(name, [])[number:] = [value]
                if running[row]:  # a problem that just stopped keeps the row that shows why
                    self.steps_done[i] = number + 1
                self.seconds[i] = time.monotonic() - self.began
                self.progress(number, losses)
        self._waiting.clear()

    def _stopped(self, i: int, number: int) -> bool:
        return len(self.histories[i].get("loss", ())) < number or self.steps_done[i] < number

    def _pictures(self, step: Step) -> None:
        for i, image, last in zip(step.problems, step.images, step.last, strict=True):
            on_slider = self.image_every and (step.number % self.image_every == 0 or last)
            on_film = self.frame_every[i] and (step.number % self.frame_every[i] == 0 or last)
            if (on_slider or on_film) and image.isfinite().all():
                picture = to_pil(image)
                if on_slider:
                    self.recorders[i].log_image("progress", picture, step.number)
                if on_film:
                    self.frames[i].append(picture)
