"""A StyleGAN3 pickle on the command line: a grid over tasks and spaces, batched."""

from __future__ import annotations

from pathlib import Path

import pytest

from inversion.latents.latents_file import load_latents
from tests.end_to_end.sweeping import Store, assert_every_history_is_complete
from tests.inversion.checkpoints import written

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own, under current SQLAlchemy
GRID = ["degradation=blur,grayscale", "space=w,w+", "loss=pixel", "steps=4", "reg=0.1"]


@pytest.mark.slow
@pytest.mark.parametrize("net", ["t", "r"])
def test_a_grid_over_tasks_and_spaces_is_restored(net: str, tmp_path: Path) -> None:
    store = Store(tmp_path, written.stylegan3_file(tmp_path / "net.pkl", net))
    done = store.sweep(*GRID, "launcher=batched")
    assert done.returncode == 0, done.stdout + done.stderr
    runs = store.finished()
    settings = {(run.data.params["degradation._target_"], run.data.params["space"]) for run in runs}
    assert len(runs) == len(settings) == 4
    assert_every_history_is_complete(store, runs)
    assert not any("noise" in run.data.metrics for run in runs)
    for run in runs:
        latents = load_latents(Path(run.data.tags["folder"]) / "latents.npz")
        assert tuple(latents.ws.shape) == (1, 8, 16) and latents.noises == []
