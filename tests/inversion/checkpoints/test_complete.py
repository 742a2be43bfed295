"""A generator with gaps is completed so that it draws the same pictures."""

from __future__ import annotations

import pytest
import torch

from inversion.checkpoints.complete import complete_generator
from inversion.errors import CheckpointError
from inversion.generator.statistics import w_statistics
from inversion.generator.stylegan2 import Generator


def test_a_whole_generator_is_left_as_it_is(tiny_generator: Generator) -> None:
    tensors = dict(tiny_generator.state_dict())
    whole = complete_generator(tensors, tiny_generator.architecture)
    assert whole.keys() == tensors.keys() and all(whole[name] is tensors[name] for name in tensors)


def test_missing_noise_inputs_become_silent_ones(tiny_generator: Generator) -> None:
    tensors = {k: v for k, v in tiny_generator.state_dict().items() if "noise" not in k}
    tiny_generator.load_state_dict(complete_generator(tensors, tiny_generator.architecture))
    ws = torch.randn(1, tiny_generator.architecture.num_ws, 16)
    loud = [torch.randn(1, 1, r, r) for r in tiny_generator.synthesis.noise_resolutions]
    silent = [torch.zeros_like(noise) for noise in loud]
    assert torch.equal(tiny_generator.synthesis(ws, loud), tiny_generator.synthesis(ws, silent))


def test_a_missing_mean_is_measured(tiny_generator: Generator) -> None:
    tensors = {k: v for k, v in tiny_generator.state_dict().items() if k != "mapping.w_avg"}
    whole = complete_generator(tensors, tiny_generator.architecture)
    torch.testing.assert_close(whole["mapping.w_avg"], w_statistics(tiny_generator.mapping)[0])
    assert "mapping.w_avg" not in tensors


def test_other_gaps_are_refused(tiny_generator: Generator) -> None:
    tensors = {k: v for k, v in tiny_generator.state_dict().items() if k != "mapping.fc1.weight"}
    with pytest.raises(CheckpointError, match="lacks mapping.fc1.weight"):
        complete_generator(tensors, tiny_generator.architecture)
