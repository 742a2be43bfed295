"""What the loop tells step by step, taken apart into one history per problem."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import torch
from torch import Tensor

from inversion.search.optimize import Step

FETCH_EVERY = 25  # steps between copies of the losses from the device


class Listener(Protocol):
    """Is told of one problem's search while it runs. Steps rise; a pass that runs out of memory begins again at 0."""

    def losses(self, step: int, values: Mapping[str, float]) -> None:
        """The total `loss`, its weighted terms by name, and the learning_rate; told some steps later."""

    def image(self, step: int, image: Tensor, last: bool) -> None:
        """What the generator draws, [3, H, W], before the step's update; on the device, valid until this returns."""


class Silent:
    """A listener that does nothing."""

    def losses(self, step: int, values: Mapping[str, float]) -> None:
        pass

    def image(self, step: int, image: Tensor, last: bool) -> None:
        pass


class History:
    """Called by the loop after every step: collects losses and passes them on, a problem at a time."""

    def __init__(
        self,
        listeners: Sequence[Listener],  # one per row of the search
        on_progress: Callable[[int, Mapping[str, float]], None],  # step and losses of one running problem
    ) -> None:
        self.listeners = listeners
        self.on_progress = on_progress
        self.losses: list[dict[str, list[float]]] = [{} for _ in listeners]  # per problem: term -> per step
        self.steps_taken = [0] * len(listeners)
        self.seconds = [0.0] * len(listeners)
        self._fitted: dict[int, int] = {}  # problem -> the last step that fitted its feature maps
        self._began = time.monotonic()
        self._waiting: list[tuple[int, Sequence[int], tuple[str, ...], Tensor]] = []

    def __call__(self, step: Step) -> None:
        values = torch.stack([*step.terms.values(), step.learning_rate, step.running.to(step.learning_rate)])
        self._waiting.append((step.number, step.problems, tuple(step.terms), values))
        for i, image, last in zip(step.problems, step.images, step.last, strict=True):
            self.listeners[i].image(step.number, image, last)
        if len(self._waiting) >= FETCH_EVERY or step.number == 0:
            self.fetch()

    def fit(self, step: int, problems: Sequence[int], losses: Sequence[float]) -> None:
        """Called after every step that fits feature maps; its steps follow those of the problem's search."""
        for i, value in zip(problems, losses, strict=True):
            self._fitted[i] = number = len(self.losses[i]["loss"]) + step
            self.listeners[i].losses(number, {"features_loss": value})
            self.on_progress(number, {"features_loss": value})

    def show_fitted(self, images: Tensor) -> None:
        """What the generator draws with those feature maps: [B, 3, R, R]."""
        for i, number in self._fitted.items():
            self.listeners[i].image(number, images[i], True)

    def fetch(self) -> None:
        """Copy the waiting losses from the device and pass them on."""
        for number, problems, names, values in self._waiting:
            *terms, rates, running = values.tolist()
            for row, i in enumerate(problems):
                if self._has_stopped(i, number):
                    continue
                weighted = {name: term[row] for name, term in zip(names, terms, strict=True)}
                losses = {"loss": sum(weighted.values())} | weighted | {"learning_rate": rates[row]}
                self.listeners[i].losses(number, losses)
                for name, value in losses.items():  # by place: Ctrl-C in the middle of a fetch repeats it
                    self.losses[i].setdefault(name, [])[number:] = [value]
                if running[row]:  # a problem that just stopped keeps the row that shows why
                    self.steps_taken[i] = number + 1
                self.seconds[i] = time.monotonic() - self._began
                self.on_progress(number, losses)
        self._waiting.clear()

    def _has_stopped(self, i: int, number: int) -> bool:
        return len(self.losses[i].get("loss", ())) < number or self.steps_taken[i] < number
