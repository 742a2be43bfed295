"""The built wheel, installed without a checkout, in a folder of its own: a restoration, a sweep, its report."""

from __future__ import annotations

import json
import os
import site
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

import inversion

pytestmark = pytest.mark.slow
PROJECT = Path(__file__).parents[2]
FAST = ["steps=2", "precision=fp32", "tracking.image_every=0", "tracking.animation_frames=0"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the files that git knows: a build in place would leave its folders behind."""
    source = tmp_path_factory.mktemp("source")
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(
        listed, cwd=PROJECT, capture_output=True, text=True, check=True
    ).stdout.splitlines():
        if (PROJECT / name).is_file() and not name.startswith(("tests/", "docs/")):
            place = source / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(PROJECT / name)
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--no-deps",
            "--quiet",
            "--wheel-dir",
            str(folder),
            str(source),
        ],
        check=True,
    )
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of an environment with the wheel; what it depends on is that of this environment."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    (packages,) = folder.glob("lib/python*/site-packages")
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--no-deps", "--quiet", "--prefix", str(folder)]
        + ["--ignore-installed", str(wheel)],
        check=True,
    )
    # After the wheel's own packages. A .pth line that starts with import would be run, such as an editable install's.
    (packages / "shared.pth").write_text("\n".join(site.getsitepackages()) + "\n")
    return folder / "bin"


def run(installed: Path, folder: Path, *arguments: str) -> str:
    """What the console command says, from a folder that knows of no checkout."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    # pip wrote this interpreter before it
    script = (installed / "inversion-sweeps").read_text().partition("\n")[2]
    done = subprocess.run(
        [installed / "python", "-c", script, *arguments],
        cwd=folder,
        env=environment | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_has_what_the_package_reads_and_nothing_else(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert f"inversion_sweeps-{inversion.__version__}" in wheel.name
    needed = ["inversion/weights/portraits.safetensors", "inversion/py.typed", "conf/config.yaml"]
    needed += [
        "conf/experiment/blurred.png",
        "hydra_plugins/batched_launcher.py",
        "sweeps/report/assets/report.css",
        "sweeps/app/assets/page.html",
    ]
    assert set(needed) <= names
    for folder in ("conf", "sweeps/assets", "sweeps/report/assets", "sweeps/app/assets", "inversion/weights"):
        there = {str(path.relative_to(PROJECT)) for path in (PROJECT / folder).rglob("*") if path.is_file()}
        assert {name for name in there if "__pycache__" not in name} <= names
    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == {"conf", "inversion", "sweeps", "hydra_plugins"}


def test_the_installed_command_restores_sweeps_and_reports_where_a_person_stands(
    installed: Path, tmp_path: Path
) -> None:
    where = subprocess.run(
        [installed / "python", "-c", "import conf, inversion, sweeps; print(conf.__file__)"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
    ).stdout
    assert where.startswith(str(installed.parent))
    assert "inversion-sweeps degradation=blur" in run(installed, tmp_path, "--help").replace(
        "-c ", "inversion-sweeps "
    )

    run(installed, tmp_path, "degradation=blur", *FAST)
    (result,) = tmp_path.glob("outputs/*/*/result.json")
    assert json.loads(result.read_text())["status"] == "FINISHED"
    assert (result.parent / "restored.png").is_file() and (tmp_path / "mlflow.db").is_file()

    mine = tmp_path / "mine" / "experiment"
    mine.mkdir(parents=True)
    (mine / "own.yaml").write_text(
        "# @package _global_\nhydra: {mode: MULTIRUN, sweeper: {params: {reg: '0.1,0.2', steps: '2,3'}}}\n"
    )
    said = run(
        installed,
        tmp_path,
        "--config-dir",
        "mine",
        "+experiment=own",
        "launcher=batched",
        "degradation=blur",
        *FAST[1:],
    )
    assert "4 of 4 done" in said
    assert len(list(tmp_path.glob("multirun/*/*/*/result.json"))) == 4
    (report,) = tmp_path.glob("multirun/*/*/report.html")
    assert report.stat().st_size > 10_000

    assert "Nothing is missing" in run(installed, tmp_path, "missing")
    run(installed, tmp_path, "report", "inversion", "--output", "all.html")
    assert (tmp_path / "all.html").stat().st_size > 10_000
    assert not [path for path in installed.parent.rglob("mlflow.db*")]


def test_an_experiment_finds_its_own_picture_from_any_folder(installed: Path, tmp_path: Path) -> None:
    text = run(installed, tmp_path, "+experiment=deblur_kernels", "--cfg", "job", "--resolve")
    (line,) = [line for line in text.splitlines() if line.startswith("image:")]
    assert Path(line.split()[1]).is_file()
