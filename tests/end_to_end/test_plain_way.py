"""The shortest command: any file name works, what is done is said, and a repeated one shows its pictures."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from inversion.faces.sample import sample_photo
from tests.end_to_end.sweeping import ENVIRONMENT, PROJECT, Store

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own, under current SQLAlchemy
NAME = "we \"ird', [1] {x} = # ~ ü 照片 $b (1).jpg"


def start(store: Store, *overrides: str) -> subprocess.CompletedProcess[str]:
    single = [word for word in store.command() if word not in ("-m", "input=synthetic")]
    return subprocess.run(
        [*single, *overrides], capture_output=True, text=True, timeout=600, cwd=store.folder, env=ENVIRONMENT
    )


def test_a_photo_of_any_name_is_restored_and_a_repeated_command_shows_its_pictures(store: Store) -> None:
    shutil.copy(sample_photo(), store.folder / NAME)
    first = start(store, f"image={NAME}", "steps=2", "max_size=null")
    assert first.returncode == 0, first.stderr
    assert f"{NAME} is taken as undamaged" in first.stdout and "degraded=true" in first.stdout
    (run,) = store.runs()
    assert (run.info.status, run.data.tags["photo"]) == ("FINISHED", NAME)
    again = start(store, f"image={NAME}", "steps=2", "max_size=null")
    assert again.returncode == 0, again.stderr
    assert f"its pictures are in {run.data.tags['folder']}; rerun=true does it again" in again.stdout
    assert "photo_restored.png" in again.stdout
    assert len(store.runs()) == 1


@pytest.mark.slow
def test_a_grid_over_photos_of_any_name_has_a_run_for_each(store: Store) -> None:
    from PIL import Image

    shutil.copy(sample_photo(), store.folder / NAME)
    Image.open(sample_photo()).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(store.folder / "b, (2).png")
    done = store.sweep(f"image={NAME},b, (2).png", "input=photo", "steps=2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert {run.data.tags["photo"] for run in store.runs()} == {NAME, "b, (2).png"}


def test_a_name_without_its_setting_gets_the_command_that_works(store: Store) -> None:
    shutil.copy(sample_photo(), store.folder / "my photo.jpg")
    done = subprocess.run(
        [sys.executable, str(PROJECT / "run.py"), "image=my", "photo.jpg"],
        capture_output=True,
        text=True,
        cwd=store.folder,
        env=ENVIRONMENT,
    )
    assert done.returncode == 1
    assert "python run.py 'image=my photo.jpg'" in done.stderr and "Traceback" not in done.stderr
