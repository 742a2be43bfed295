"""Many problems in as few optimizer passes as memory allows."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

from inversion.errors import explain
from inversion.images import downsample_area
from inversion.losses.perceptual_loss import PerceptualLoss
from inversion.model import Model
from inversion.passes import OnProgress, ignore, restore
from inversion.restoration import Problem, Refusal, Restoration
from inversion.runtime.memory import free_bytes, is_out_of_memory
from inversion.search.history import Listener, Silent
from inversion.search.objective import feature_distances

log = logging.getLogger(__name__)

SHARE = 0.5  # of the free memory; the rest is for the backward pass
# Larger batches are hardly faster, and a killed process would lose more. Measured with a 64 px generator, blur, one
# core, ms per problem and step at 1, 2, 4, 8, 16, 32, 64 problems: bf16 19.8 13.2 10.7 8.3 7.7 7.4 7.0; fp32 28.5 20.3
# 16.1 13.9 12.6 12.2 11.6. Throughput never falls, so up to here only memory limits a pass.
LARGEST_PASS = {"cpu": 32, "cuda": 256, "mps": 32}

Bar = Callable[[Sequence[Problem]], AbstractContextManager[OnProgress]]


def restore_all(
    model: Model,
    loss: PerceptualLoss,
    problems: Sequence[Problem],  # alike as in `restore`
    size: int | None = None,  # problems in one pass; None: as many as memory allows
    listen: Callable[[Problem], Listener] = lambda problem: Silent(),
    bar: Bar = lambda problems: nullcontext(ignore),  # opened around each pass, told of its steps
    on_smaller: Callable[[int], None] = lambda size: None,  # told the next size when a pass did not fit
) -> Iterator[tuple[Problem, Restoration | Refusal]]:
    """Restore all problems, a pass at a time, each with its result as soon as its pass is over.

    A pass that does not fit into memory is tried again in halves. Raises KeyboardInterrupt after the results of a pass
    that Ctrl-C ended.
    """
    if size is None:
        few = len(problems) < 2
        size = 1 if few else problems_that_fit(model, loss, problems[0].hyperparameters.samples)
    waiting = list(problems)
    while waiting:
        batch = waiting[:size]
        results: list[Restoration | Refusal]
        try:
            with bar(batch) as on_progress:
                results = restore(model, loss, batch, [listen(problem) for problem in batch], on_progress)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            if len(batch) == 1:
                results = [Refusal(batch[0], explain(error))]
            else:
                size = len(batch) // 2
                log.warning(
                    "%d problems in one pass do not fit into memory; going on with %d", len(batch), size
                )
                on_smaller(size)
                results = []
        if not results:  # here, where no traceback keeps what filled the memory
            release_memory()
            continue
        waiting = waiting[len(batch) :]
        yield from zip(batch, results, strict=True)
        if any(isinstance(result, Restoration) and result.status == "KILLED" for result in results):
            raise KeyboardInterrupt


def release_memory() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def problems_that_fit(model: Model, loss: PerceptualLoss, samples: int = 1) -> int:
    """Measured: free memory over what one problem's forward pass keeps for its backward pass, at least 1.

    samples: searches per problem.
    """
    device = model.w_avg.device
    fit = SHARE * free_bytes(device) / bytes_per_problem(model, loss)
    return max(1, int(min(fit, LARGEST_PASS[device.type]) / samples))


def bytes_per_problem(model: Model, loss: PerceptualLoss) -> int:
    """Memory that autograd keeps between the forward and the backward pass: what a second problem adds."""
    return kept_bytes(model, loss, 2) - kept_bytes(model, loss, 1)


def kept_bytes(model: Model, loss: PerceptualLoss, batch: int) -> int:
    """What the forward pass of so many problems keeps, networks included."""
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        # Itself, an output would hold the node that holds it, and neither would ever be freed.
        return tensor.detach()

    synthesis = model.synthesis
    ws = model.w_avg.expand(batch, synthesis.architecture.num_ws, -1).clone().requires_grad_()
    noises = [ws.new_zeros(batch, 1, side, side).requires_grad_() for side in synthesis.noise_resolutions]
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        images = synthesis(ws, noises)
        features = [
            feature
            for distance in feature_distances(loss, images.device)
            for feature in distance.features(downsample_area(images, distance.resolution))
        ]
    return sum(kept.values()) + sum(feature.nbytes for feature in features)
