from __future__ import annotations

import importlib
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import DictConfig, OmegaConf
from torch import Tensor

from inversion.checkpoints import load
from inversion.checkpoints.safetensors_file import save as save_weights
from inversion.generator.stylegan2 import Generator
from tests.training.conftest import needs_features
from training.checkpoints import before, save
from training.data import load_pictures
from training.export import rounding, shipped
from training.train import Trainer, main, start

RECIPES = [
    pytest.param({"features": None}, id="discriminator"),
    pytest.param({"features": {"weight": 1, "side": 32, "width": 4}}, id="both", marks=needs_features),
    pytest.param(
        {"features": {"weight": 1, "side": 32, "width": 4}, "discriminator": None},
        id="features",
        marks=needs_features,
    ),
]


def recipe(settings: DictConfig, **changes: Any) -> DictConfig:
    merged = OmegaConf.merge(settings, changes)
    assert isinstance(merged, DictConfig)
    return merged


def tensors(state: Any, prefix: str = "") -> dict[str, Tensor]:
    """Every tensor of a nested state, by its path."""
    if isinstance(state, Tensor):
        return {prefix: state.clone()}
    items = state.items() if isinstance(state, dict) else enumerate(state) if isinstance(state, list) else []
    return {name: t for key, value in items for name, t in tensors(value, f"{prefix}/{key}").items()}


def assert_same(a: dict[str, Tensor], b: dict[str, Tensor]) -> None:
    assert a.keys() == b.keys()
    for name in a:
        torch.testing.assert_close(a[name], b[name], rtol=0, atol=0, msg=name)


@pytest.mark.parametrize("changes", RECIPES)
def test_two_steps_move_generator_and_judges(settings: DictConfig, changes: dict[str, Any]) -> None:
    trainer = Trainer(recipe(settings, **changes), 0)
    pictures = load_pictures(settings.pictures, 16)
    before_steps = tensors(trainer.state())
    for _ in range(2):
        terms = trainer.train_step(pictures)
    assert all(value.isfinite() for value in terms.values())
    after = tensors(trainer.state())
    for part in ("generator", "averaged", *(judge.name for judge in trainer.judges)):
        moved = [name for name in before_steps if name.startswith(f"/{part}/") and "const" not in name]
        assert any(not torch.equal(before_steps[name], after[name]) for name in moved), part
    assert trainer.shown == 8


@pytest.mark.parametrize("changes", RECIPES)
def test_a_killed_run_continues_bit_for_bit(
    settings: DictConfig, changes: dict[str, Any], tmp_path: Path
) -> None:
    cfg = recipe(settings, **changes)
    pictures = load_pictures(cfg.pictures, 16)
    whole = Trainer(cfg, 0)
    for step in range(4):
        if step == 2:
            save(whole.state(), tmp_path / "checkpoint.pt")
        whole.train_step(pictures)
    resumed = start(cfg, tmp_path / "checkpoint.pt")
    for _ in range(2):
        resumed.train_step(pictures)
    assert_same(tensors(whole.state()), tensors(resumed.state()))


def test_the_checkpoint_before_the_last_is_kept(settings: DictConfig, tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint.pt"
    trainer = Trainer(settings, 0)
    save(trainer.state(), checkpoint)
    trainer.train_step(load_pictures(settings.pictures, 16))
    save(trainer.state(), checkpoint)
    assert start(settings, checkpoint).step == 1
    checkpoint.unlink()  # killed between two renames
    (tmp_path / "checkpoint.part").write_bytes(b"half a file")
    assert start(settings, checkpoint).step == 0
    assert before(checkpoint).exists()


def test_growth_keeps_the_learned_picture(settings: DictConfig) -> None:
    """The new size's RGB layer adds nothing at first: the larger picture is the smaller one, upsampled."""
    small = Trainer(settings, 0)
    small.train_step(load_pictures(settings.pictures, 16))
    large = Trainer(settings, 1)
    large.grow_from(small.state())
    z = torch.randn([3, 8], generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        ws = small.averaged.mapping(z)
        noises = small.averaged.synthesis.noise_constants(3)
        wide = large.averaged.synthesis.noise_constants(3)
        wide[: len(noises)] = noises
        expected = small.averaged.synthesis(ws, noises)
        more = large.averaged.synthesis(large.averaged.mapping(z), wide)
        coarse = large.averaged.synthesis(large.averaged.mapping(z), wide, resolution=16)
    torch.testing.assert_close(coarse, expected)
    assert more.shape == (3, 3, 32, 32)
    inside = more[:, :, 4:-4, 4:-4].unfold(2, 2, 2).unfold(3, 2, 2).mean(dim=(4, 5))
    assert (inside - expected[:, :, 2:-2, 2:-2]).abs().max() < expected.abs().max()
    own = dict(small.judges[0].network.named_parameters())
    kept = [
        name
        for name, p in large.judges[0].network.named_parameters()
        if name in own and "fromrgb" not in name
    ]
    assert kept
    for name in kept:
        torch.testing.assert_close(large.judges[0].network.get_parameter(name), own[name])


def test_a_checkpoint_continues_wider_when_the_settings_say_so(settings: DictConfig, tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint.pt"
    narrow = Trainer(settings, 0)
    narrow.train_step(load_pictures(settings.pictures, 16))
    save(narrow.state(), checkpoint)
    wide = start(
        recipe(settings, architecture={"channel_base": 256, "channel_max": 12, "w_dim": 10}), checkpoint
    )
    z = torch.randn([2, 8], generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(wide.averaged(z), narrow.averaged(z), rtol=1e-4, atol=1e-4)
    assert sum(p.numel() for p in wide.averaged.parameters()) > sum(
        p.numel() for p in narrow.averaged.parameters()
    )
    assert wide.seconds == narrow.seconds and wide.shown == 0


def test_a_run_goes_through_its_stages_and_ships(settings: DictConfig, tmp_path: Path) -> None:
    config = tmp_path / "settings.yaml"
    OmegaConf.save(settings, config)
    plain: dict[str, Any] = OmegaConf.to_container(settings)  # type: ignore[assignment]
    main([f"{key}={_text(value)}" for key, value in plain.items()])
    state = torch.load(Path(settings.folder) / "checkpoint.pt", weights_only=True)
    assert state["stage"] == 1 and state["resolution"] == 32 and state["shown"] == 16
    assert len(list(Path(settings.folder).glob("samples_*.png"))) >= 2
    checkpoint = shipped(state)
    path = tmp_path / "net.safetensors"
    save_weights(checkpoint, path)
    assert rounding(checkpoint, path) == 0
    again = load(path)
    assert again.w_std == pytest.approx(checkpoint.w_std)
    z = torch.randn([2, 8], generator=torch.Generator().manual_seed(0))
    exact, stored = Generator(checkpoint.architecture), Generator(again.architecture)
    exact.load_state_dict(checkpoint.generator)
    stored.load_state_dict(again.generator)
    torch.testing.assert_close(exact(z), stored(z))
    begun = start(recipe(settings, init=str(path), stages=[settings.stages[1]]), tmp_path / "none.pt")
    torch.testing.assert_close(begun.averaged(z), exact(z))


def _text(value: Any) -> str:
    """As on a command line."""
    if value is None:
        return "null"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {_text(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_text(v) for v in value) + "]"
    return str(value)


@pytest.mark.slow
def test_two_processes_train_one_net(settings: DictConfig, tmp_path: Path) -> None:
    """Each shows its own pictures; what both learn is the mean, so both hold the same net."""
    config = tmp_path / "settings.yaml"
    OmegaConf.save(settings, config)
    script = (
        "import sys, torch; from omegaconf import OmegaConf; from training import together\n"
        "from training.train import Trainer; from training.data import load_pictures\n"
        "cfg = OmegaConf.load(sys.argv[1]); together.join(); trainer = Trainer(cfg, 0)\n"
        "pictures = load_pictures(cfg.pictures, 16)\n"
        "for _ in range(2): trainer.train_step(pictures)\n"
        "torch.save(trainer.state(), f'{sys.argv[1]}.{together.rank()}')\n"
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    team = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(config)],
            env={**os.environ, **team, "RANK": str(rank)},
            cwd=Path(__file__).parents[2],
        )
        for rank in range(2)
    ]
    try:
        assert [process.wait(timeout=600) for process in processes] == [0, 0]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    first, second = (torch.load(f"{config}.{rank}", weights_only=True) for rank in range(2))
    assert_same(tensors(first), tensors(second))
    assert first["shown"] == 2 * 2 * settings.batch_size


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("graph", [False, True])
@pytest.mark.parametrize("changes", RECIPES)
def test_steps_on_a_gpu_in_bf16(
    settings: DictConfig, changes: dict[str, Any], graph: bool, tmp_path: Path
) -> None:
    cfg = recipe(settings, **changes, device="cuda", precision="bf16", graph=graph)
    trainer = Trainer(cfg, 0)
    pictures = load_pictures(cfg.pictures, 16).cuda()
    for _ in range(6):
        terms = trainer.train_step(pictures)
    assert all(value.isfinite() for value in terms.values())
    save(trainer.state(), tmp_path / "checkpoint.pt")
    assert start(cfg, tmp_path / "checkpoint.pt").train_step(pictures).keys() == terms.keys()


@pytest.mark.parametrize("changes", RECIPES)
def test_a_step_makes_nothing_on_another_device(
    settings: DictConfig, changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a GPU would refuse, seen without one: the meta device does not mix with the CPU either."""
    # Imported by meta kernels, once Generator is not itself.
    importlib.import_module("torch.distributed.tensor")

    def at_home(draw: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def drawn(*arguments: Any, generator: Any = None, **options: Any) -> Tensor:
            assert generator is None or torch.device(options.get("device", "cpu")) == generator.device
            return draw(*arguments, **options)

        return drawn

    class Random:
        def __init__(self, device: Any) -> None:
            self.device = torch.device(device)

        def manual_seed(self, seed: int) -> Random:
            return self

    trainer = Trainer(recipe(settings, **changes, device="meta"), 0)
    pictures = load_pictures(settings.pictures, 16).to("meta")
    monkeypatch.setattr(torch, "Generator", Random)
    monkeypatch.setattr(torch, "autocast", lambda *arguments, **options: nullcontext())
    for name in ("rand", "randn", "randint"):
        monkeypatch.setattr(torch, name, at_home(getattr(torch, name)))
    for _ in range(2):
        terms = trainer.train_step(pictures)
    assert all(value.device.type == "meta" for value in terms.values())
