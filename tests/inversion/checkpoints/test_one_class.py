"""A class that is folded into the first layer gives the pictures of the conditional net."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from inversion.checkpoints import load
from inversion.checkpoints.one_class import choose_class
from inversion.checkpoints.sources import file
from inversion.errors import CheckpointError
from inversion.generator.statistics import w_statistics
from inversion.generator.stylegan2 import Generator
from tests.inversion.checkpoints import written


@pytest.mark.parametrize("class_index", [0, 1, 2])
def test_codes_are_those_of_the_conditional_net_with_this_label(class_index: int, tmp_path: Path) -> None:
    whole = load(written.nvidia(tmp_path / "net.pkl", "conditional"))
    one = choose_class(whole, class_index)
    conditional, unconditional = Generator(whole.architecture), Generator(one.architecture)
    conditional.load_state_dict(whole.generator)
    unconditional.load_state_dict(one.generator)
    z = torch.randn(20, whole.architecture.z_dim, generator=torch.Generator().manual_seed(3))
    label = torch.eye(3)[class_index].expand(20, 3)
    torch.testing.assert_close(unconditional.mapping(z), conditional.mapping(z, label), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(one.w_avg, w_statistics(unconditional.mapping)[0])
    assert one.architecture.c_dim == 0 and one.w_std is None


def test_nvidias_own_codes_come_out_of_each_class(tmp_path: Path) -> None:
    """tests/reference holds ws of NVIDIA's mapping network for its labels c."""
    r = {k: torch.from_numpy(v) for k, v in written.reference("nvidia_conditional").items()}
    whole = load(written.nvidia(tmp_path / "net.pkl", "conditional"))
    one_hot = [i for i, c in enumerate(r["c"]) if sorted(c.tolist()) == [0, 0, 1]]
    assert one_hot
    for i in one_hot:
        one = choose_class(whole, int(r["c"][i].argmax()))
        generator = Generator(one.architecture)
        generator.load_state_dict(one.generator)
        torch.testing.assert_close(
            generator.mapping(r["z"][i : i + 1]), r["ws"][i : i + 1], rtol=0, atol=1e-4
        )


def test_two_classes_of_one_file_are_two_generators(tmp_path: Path) -> None:
    path = written.nvidia(tmp_path / "net.pkl", "conditional")
    digests = {file(str(path), class_index=index).sha256 for index in (None, 0, 1)}
    assert len(digests) == 3
    assert file(str(path), class_index=1).sha256 in digests


@pytest.mark.parametrize(
    ("net", "class_index", "message"),
    [
        ("conditional", 3, r"class_index=3, but the checkpoint has classes 0 to 2"),
        ("conditional", -1, r"class_index=-1, but the checkpoint has classes 0 to 2"),
        ("skip", 0, "is unconditional: it has no classes"),
    ],
)
def test_a_class_that_is_not_there_is_refused(
    net: str, class_index: int, message: str, tmp_path: Path
) -> None:
    with pytest.raises(CheckpointError, match=message):
        choose_class(load(written.nvidia(tmp_path / "net.pkl", net)), class_index)
