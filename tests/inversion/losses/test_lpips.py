from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from inversion.errors import CheckpointError, ConfigError
from inversion.features.vgg16 import VGG16
from inversion.losses import lpips
from inversion.losses.lpips import LPIPS
from inversion.presets import composed
from sweeps.execute import networks
from sweeps.plan.config import Config
from tests.conftest import TOLERANCE
from tests.inversion.random_vgg16 import tensors

CPU = torch.device("cpu")
REFERENCE = Path(__file__).parents[2] / "reference" / "lpips_formula.npz"


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "both.pth"
    torch.save(tensors(), path)
    return path


@pytest.fixture
def heads_file(tmp_path: Path) -> Path:
    path = tmp_path / "heads.pth"
    torch.save({name: tensor for name, tensor in tensors().items() if name.startswith("lin")}, path)
    return path


def test_it_is_what_the_lpips_package_computes(weights: Path) -> None:
    rng = np.random.RandomState(1)
    a, b = (rng.uniform(-1, 1, (3, 3, 32, 48)).astype(np.float32) for _ in range(2))
    b[1] = 0.9 * a[1]
    a[2], b[2] = -1, 1
    loss = LPIPS(vgg_path=str(weights), heads_path=str(weights)).bind(None, CPU)
    features, target = loss.features(torch.from_numpy(a)), loss.features(torch.from_numpy(b))
    reference = np.load(REFERENCE)
    np.testing.assert_allclose(loss(features, target), reference["distance"], **TOLERANCE[torch.float32])
    for i, layer in enumerate(reference["layers"]):
        ours = loss(features[i : i + 1], target[i : i + 1])
        np.testing.assert_allclose(ours, layer, **TOLERANCE[torch.float32])


def test_levels_add_the_distances_of_halved_images_down_to_16_px(weights: Path) -> None:
    rng = torch.Generator().manual_seed(2)
    a, b = (torch.rand([2, 3, 64, 64], generator=rng) * 2 - 1 for _ in range(2))
    paths: dict[str, Any] = {"vgg_path": str(weights), "heads_path": str(weights)}
    one, all_levels = LPIPS(**paths).bind(None, CPU), LPIPS(**paths, levels=9).bind(None, CPU)
    whole, half = (
        one(one.features(a), one.features(b)),
        [torch.nn.functional.avg_pool2d(x, 2) for x in (a, b)],
    )
    together = all_levels(all_levels.features(a), all_levels.features(b))
    torch.testing.assert_close(together, whole + one(one.features(half[0]), one.features(half[1])))
    with pytest.raises(ConfigError, match="loss.levels must be .* Got 0"):
        LPIPS(**paths, levels=0).bind(None, CPU)


def test_building_needs_no_weights() -> None:
    assert LPIPS().resolution == 256
    with pytest.raises(ValueError, match="call bind"):
        LPIPS().features(torch.zeros(1, 3, 32, 32))


def test_vgg_is_fetched_with_its_hash_and_said_to_be_large_when_no_path_is_given(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("INVERSION_CACHE", str(tmp_path))
    asked = []

    def fetch(url: str, sha256: str | None = None, size: int | None = None) -> Path:
        asked.append((url, sha256, size))
        return weights

    monkeypatch.setattr(lpips, "fetch", fetch)
    caplog.set_level("INFO", logger=lpips.__name__)
    assert LPIPS(heads_path=str(weights)).bind(None, CPU).vgg is not None
    assert asked == [(lpips.VGG_URL, lpips.VGG_SHA256, 553_433_881)]
    place = tmp_path / "download.pytorch.org" / "models" / "vgg16-397923af.pth"
    for words in ("528 MB", str(place), "loss.vgg_path=FILE", "loss=discriminator"):
        assert caplog.text.count(words) == 1
    place.parent.mkdir(parents=True)
    place.touch()
    caplog.clear()
    LPIPS(heads_path=str(weights)).bind(None, CPU)
    assert not caplog.text


def test_heads_come_from_the_installed_package_without_importing_it(
    heads_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site" / "lpips"
    (package / "weights" / "v0.1").mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('imported')")
    heads_file.rename(package / "weights" / "v0.1" / "vgg.pth")
    monkeypatch.syspath_prepend(str(package.parent))
    assert lpips.installed_heads() == package / "weights" / "v0.1" / "vgg.pth"
    assert "lpips" not in sys.modules


def test_missing_heads_are_explained(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install lpips==0\.1\.4 --no-deps"):
        LPIPS(vgg_path=str(weights)).bind(None, CPU)


def test_missing_heads_are_told_before_a_published_net_is_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    config = Config.of(composed("generator=ffhq1024", "loss.vgg_path=null"))
    monkeypatch.setattr(networks, "build", lambda *_: pytest.fail("the generator was loaded"))
    monkeypatch.setitem(config.generator, "_target_", "builtins.print")
    with pytest.raises(ConfigError, match=r"pip install lpips==0\.1\.4 --no-deps"):
        networks.networks(config)


@pytest.mark.parametrize("setting", ["vgg_path", "heads_path"])
def test_missing_files_are_refused_by_setting(weights: Path, setting: str) -> None:
    paths: dict[str, Any] = {"vgg_path": str(weights), "heads_path": str(weights), setting: "nowhere.pth"}
    with pytest.raises(ConfigError, match=rf"loss\.{setting} must be a file. Got nowhere\.pth"):
        LPIPS(**paths).bind(None, CPU)


@pytest.mark.parametrize(
    ("head", "got"),
    [(None, "none"), (torch.ones(1, 3, 1, 1), "shape"), (-torch.ones(1, 128, 1, 1), "shape .*, minimum -1")],
)
def test_wrong_heads_are_refused(heads_file: Path, head: torch.Tensor | None, got: str) -> None:
    stored = torch.load(heads_file, weights_only=True) | {"lin1.model.1.weight": head}
    torch.save({name: tensor for name, tensor in stored.items() if tensor is not None}, heads_file)
    with pytest.raises(CheckpointError, match=f"lin1.model.1.weight .* with {got}"):
        lpips.read_heads(heads_file)


@pytest.mark.skipif(importlib.util.find_spec("lpips") is None, reason="the package lpips is not installed")
def test_the_published_heads_are_read() -> None:
    heads = lpips.read_heads(lpips.installed_heads())
    assert [len(head) for head in heads] == [64, 128, 256, 512, 512]
    sums = [head.sum().item() for head in heads]
    assert sums == pytest.approx([6.9260, 8.8583, 17.5150, 51.5213, 47.0349], abs=1e-4)


def test_gradients_are_finite_where_all_features_are_zero(weights: Path) -> None:
    bound = LPIPS(vgg_path=str(weights), heads_path=str(weights)).bind(None, CPU)
    loss = replace(bound, vgg=VGG16({name: torch.zeros_like(tensor) for name, tensor in tensors().items()}))
    x = torch.zeros(1, 3, 16, 16, requires_grad=True)
    loss(loss.features(x), bound.features(x.detach())).sum().backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()
