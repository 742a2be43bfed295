"""Every launcher and optuna give one parent with all its children. Needs the extras: make test-launchers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.serving import PATIENCE, wait_for
from tests.end_to_end.sweeping import ENVIRONMENT, TIMED, Store, assert_every_history_is_complete

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

# Two nodes of one CPU each, as two machines would be; they end with this process.
CLUSTER = """
import sys
from ray.cluster_utils import Cluster
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
cluster.add_node(num_cpus=1)
cluster.wait_for_nodes()
print("address", cluster.address, flush=True)
sys.stdin.read()
cluster.shutdown()
"""
# Two jobs that wait for each other, on one GPU that Ray is told of; each prints which GPUs it sees.
TOGETHER = """
import os, sys, time
from pathlib import Path
import ray
from hydra import compose, initialize_config_module
from omegaconf import OmegaConf
from conf.schema import register

register()
with initialize_config_module("conf", version_base=None):
    words = ["launcher=ray", f"launcher.gpus={sys.argv[1]}", "launcher.cpus=1"]
    launcher = compose("config", words, return_hydra_config=True).hydra.launcher.ray
init, remote = (OmegaConf.to_container(node, resolve=True) for node in (launcher.init, launcher.remote))
ray.init(**init, num_cpus=2, num_gpus=1, include_dashboard=False)

@ray.remote(**remote)
def job(own, other):
    Path(own).touch()
    for _ in range(600):
        if Path(other).exists():
            return os.environ.get("CUDA_VISIBLE_DEVICES")
        time.sleep(0.1)
    return "alone"

print("seen", ray.get([job.remote(*names) for names in (sys.argv[2:], sys.argv[:1:-1])]))
"""
GRID = ["steps=2,3", "reg=0.1,0.5"]
LOCAL = ["launcher=slurm", "hydra/launcher=submitit_local", "hydra.launcher.cpus_per_task=1"]
RUNNING = "tags.kind = 'job' and attributes.status = 'RUNNING'"


def assert_one_parent_with_four_children(store: Store, done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 of 4 done" in done.stdout
    (parent,) = store.parents()
    assert parent.info.status == "FINISHED"
    children = store.runs(f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'")
    assert [run.info.status for run in children] == ["FINISHED"] * 4
    assert len({run.data.tags["fingerprint"] for run in children}) == 4
    assert_every_history_is_complete(store, children)


def test_slurm_by_its_local_executor(store: Store) -> None:
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    assert_one_parent_with_four_children(store, store.sweep(*GRID, *LOCAL, TIMED, timeout=600))


def test_a_pack_that_its_cluster_starts_again_does_what_is_missing(store: Store) -> None:
    """Slurm requeues a job by running what was submitted once more; here the test does that."""
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    grid = ["steps=300", "reg=0.1,0.2,0.3,0.4,0.5,0.6", "launcher.points_per_job=6", "launcher.batch_size=2"]
    sweep = store.start(*grid, *LOCAL)
    endings = store.folder / "multirun" / ".endings"
    wait_for(lambda: len(lines_of(endings)) >= 2 or sweep.poll() is not None, "a pass is done")
    wait_for(lambda: bool(store.runs(RUNNING)) or sweep.poll() is not None, "the next pass has begun")
    job = int(store.runs(RUNNING)[0].data.tags["pid"])
    assert job != sweep.pid
    os.kill(job, signal.SIGKILL)
    assert sweep.wait(PATIENCE) == 1
    before = {run.info.run_id for run in store.finished()}
    assert 2 <= len(before) < 6

    (submitted,) = store.folder.glob("multirun/.submitit/*/*_submitted.pkl")
    environment = {"SUBMITIT_EXECUTOR": "local", "SUBMITIT_LOCAL_JOB_ID": submitted.name.split("_")[0]}
    environment |= {f"SUBMITIT_LOCAL_{name}": "0" for name in ("GLOBALID", "LOCALID", "NODEID")}
    again = subprocess.run(
        [sys.executable, "-m", "submitit.core._submit", str(submitted.parent)],
        cwd=store.folder,
        env=ENVIRONMENT | environment,
        capture_output=True,
        text=True,
    )
    assert again.returncode == 0, again.stdout + again.stderr
    finished = store.finished()
    assert before < {run.info.run_id for run in finished} and len(finished) == 6
    assert len({run.data.tags["fingerprint"] for run in finished}) == 6
    done = store.sweep(*grid, *LOCAL)
    assert done.returncode == 0 and "6 of 6 done" in done.stdout, done.stdout + done.stderr
    assert len(store.finished()) == 6


def test_joblib_runs_packs_as_passes(store: Store) -> None:
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    packs = ["launcher=joblib", "launcher.jobs=2", "launcher.points_per_job=3", TIMED]
    done = store.sweep("steps=2,3", "reg=0.1,0.5,0.9", *packs)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 of 6 done" in done.stdout
    finished = store.finished()
    assert len({run.data.tags["fingerprint"] for run in finished}) == len(finished) == 6
    assert_every_history_is_complete(store, finished)
    assert len(list(store.folder.glob("timed/*/.packs/*"))) == 2
    assert len(list(store.folder.glob("timed/*/[0-9]*/result.json"))) == 6


@pytest.fixture
def cluster() -> Iterator[str]:
    """The address of a Ray cluster of two nodes."""
    pytest.importorskip("hydra_plugins.hydra_ray_launcher")
    process = subprocess.Popen(
        [sys.executable, "-c", CLUSTER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT | {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "1"},
    )
    assert process.stdin and process.stdout
    try:
        for line in process.stdout:
            if line.startswith("address"):
                yield line.split()[1]
                break
        else:
            raise RuntimeError("no Ray cluster came up")
    finally:
        process.stdin.close()
        process.wait(timeout=120)


def test_a_ray_cluster_of_two_nodes(store: Store, cluster: str) -> None:
    weights = f"generator.path={store.weights.name}"  # relative paths start where the sweep was started
    packs = "launcher.points_per_job=2"
    done = store.sweep(
        *GRID, packs, "launcher=ray", f"launcher.address='{cluster}'", TIMED, weights, timeout=900
    )
    assert_one_parent_with_four_children(store, done)
    workers = {run.data.tags["pid"] for run in store.finished()}
    assert len(workers) >= 2


@pytest.mark.parametrize(("gpus", "seen"), [("0.5", "0"), ("0", "")])
def test_two_jobs_of_ray_share_a_gpu_and_those_that_ask_for_none_see_none(
    tmp_path: Path, gpus: str, seen: str
) -> None:
    pytest.importorskip("hydra_plugins.hydra_ray_launcher")
    done = subprocess.run(
        [sys.executable, "-c", TOGETHER, gpus, str(tmp_path / "a"), str(tmp_path / "b")],
        capture_output=True,
        text=True,
        timeout=300,
        env=ENVIRONMENT | {"RAY_USAGE_STATS_ENABLED": "0", "CUDA_VISIBLE_DEVICES": "0"},
    )
    assert f"seen {[seen, seen]}" in done.stdout, done.stdout + done.stderr


def test_a_sweep_of_four_processes_records_two_hundred_points_whole(store: Store) -> None:
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    regs = ",".join(str(number / 100) for number in range(1, 101))
    done = store.sweep("steps=2,3", f"reg={regs}", "launcher=joblib", "launcher.jobs=4", timeout=3600)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "200 of 200 done" in done.stdout
    finished = store.finished()
    assert len(finished) == len({run.data.tags["fingerprint"] for run in finished}) == 200
    assert store.runs("attributes.status != 'FINISHED'") == []
    assert_every_history_is_complete(store, finished)
    client = store.client()
    for run in finished:
        names = {artifact.path for artifact in client.list_artifacts(run.info.run_id)}
        assert names >= {
            "original.png",
            "degraded.png",
            "restored.png",
            "panel.png",
            "loss.png",
            "config.yaml",
        }


def test_optuna_gets_the_objective_and_a_parent(store: Store) -> None:
    pytest.importorskip("hydra_plugins.hydra_optuna_sweeper")
    search = ["hydra/sweeper=optuna", "hydra.sweeper.n_trials=4"]
    done = store.sweep(*search, "steps=2", "reg=tag(log, interval(0.01, 1.0))", timeout=600)
    assert_one_parent_with_four_children(store, done)
    best = max(run.data.metrics["psnr"] for run in store.finished())
    results = (store.folder / "multirun" / "optimization_results.yaml").read_text()
    assert float(results.split("best_value: ")[1]) == pytest.approx(best)


def lines_of(endings: Path) -> list[str]:
    return [line for path in endings.glob("*.jsonl") for line in path.read_text().splitlines()]
