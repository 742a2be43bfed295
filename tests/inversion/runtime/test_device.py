"""Where the optimization runs, and what fp32 means there."""

from __future__ import annotations

import pytest
import torch

from inversion.errors import ConfigError
from inversion.runtime.device import choose_device


def test_fp32_is_fp32_from_here_on() -> None:
    """TF32 keeps 10 bits of 23: a blur by it would be wrong in its third digit."""
    torch.backends.cudnn.allow_tf32 = True
    choose_device("cpu")
    assert not torch.backends.cudnn.allow_tf32
    assert not torch.backends.cuda.matmul.allow_tf32


def test_a_device_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(ConfigError, match=r"auto or one of .*cpu.* Got tpu"):
        choose_device("tpu")
