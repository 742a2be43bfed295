"""Files that a sweep names arrive on another machine by their content, under their own names."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra import initialize_config_module
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import read_write

from inversion.errors import ConfigError
from inversion.presets import composed
from sweeps.execute import marks, process
from sweeps.execute.shipment import Shipment, files_of, folder_here, refuse_unsent_files
from sweeps.plan.composer import Composer
from sweeps.plan.config import Config
from sweeps.plan.files import KEYS, located, named
from sweeps.plan.fingerprint import fingerprint


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("INVERSION_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The machine of the command, with a photo, a folder of photos and a file that both have in common."""
    folder = tmp_path / "here"
    (folder / "faces").mkdir(parents=True)
    (folder / "me.png").write_bytes(b"\x89PNG\r\n\x1a\nme")
    (folder / "faces/a.png").write_bytes(b"\x89PNG\r\n\x1a\na")
    (folder / "faces/b.png").write_bytes(b"\x89PNG\r\n\x1a\nme")
    (folder / "faces/notes.txt").write_text("no photo")
    monkeypatch.chdir(folder)
    return folder


def test_each_content_is_sent_once_and_lies_there_under_its_own_name(
    here: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[bytes] = []

    def put(content: bytes) -> int:
        sent.append(content)
        return len(sent) - 1

    sweep = tmp_path / "multirun"
    some = Shipment(str(sweep), "mine").with_files(["me.png", "faces"], put)
    shipment = some.with_files([str(here / "me.png"), "gone.png"], put)
    assert len(sent) == 2
    assert shipment.unpack(sent.__getitem__) == {}, "on this machine everything lies where it is said to be"

    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path / "there")
    (here / "me.png").write_bytes(b"another machine's file of the same path")
    fetched: list[int] = []

    def fetch(reference: int) -> bytes:
        fetched.append(reference)
        return sent[reference]

    found = shipment.unpack(fetch)
    assert found.keys() == {"me.png", "faces", str(here / "me.png")}
    assert found["me.png"] == found[str(here / "me.png")]
    assert Path(found["me.png"]).name == "me.png" and Path(found["me.png"]).read_bytes() == sent[0]
    assert sorted(path.name for path in Path(found["faces"]).iterdir()) == ["a.png", "b.png"]
    assert all(cache in Path(path).parents for path in found.values())

    before = len(fetched)
    assert shipment.unpack(fetch) == found and len(fetched) == before, "nothing is fetched twice"
    Path(found["me.png"]).write_bytes(b"damaged")
    shipment.unpack(fetch)
    assert Path(found["me.png"]).read_bytes() == sent[0]


def test_settings_name_their_files_and_no_words(here: Path) -> None:
    words = ["image=me.png", "generator=file", "generator.path=net.pkl", "align.landmarks=mesh"]
    words += ["degradation=inpaint", "degradation.mask=me.png", "loss=lpips", "loss.heads_path=heads.pth"]
    settings = composed(*words)
    assert set(named(settings)) == {"me.png", "net.pkl", "heads.pth"}


def test_every_setting_that_is_called_a_path_is_known() -> None:
    """conf/ has no other name for a file of the user's."""
    settings = composed("generator=file", "generator.path=x", "loss=lpips")
    paths = {name for node in settings.values() if isinstance(node, dict) for name in node if "path" in name}
    assert paths and paths <= KEYS


def test_a_job_reads_the_files_of_its_machine_and_records_what_was_asked_for(
    here: Path, tmp_path: Path
) -> None:
    place = tmp_path / "moved.png"
    place.write_bytes((here / "me.png").read_bytes())
    settings = composed("image=me.png", "degradation=inpaint", "degradation.mask=me.png")
    usual, moved = Config.of(settings), Config.of(settings, {"me.png": str(place)})
    assert moved.values == usual.values and moved.values["image"] == "me.png"
    assert moved.input["image"] == moved.degradation["mask"] == str(place)
    before = fingerprint(usual.values, "photo", "net")
    (here / "me.png").unlink()
    assert fingerprint(located(moved.values, moved.here), "photo", "net") == before


def begun(sweep: Path, command: str) -> Shipment:
    marks.make(sweep, command, process.tags())
    return Shipment(str(sweep), command)


def test_who_sees_the_mark_shares_the_folder(cache: Path, tmp_path: Path) -> None:
    sweep = tmp_path / 'multirun, "it\'s" mine'
    shipment = begun(sweep, "mine")
    assert shipment.shares_folder and folder_here(str(sweep), "mine") == str(sweep)
    another = begun(sweep, "theirs")  # a second command in the same folder
    assert shipment.shares_folder and another.shares_folder
    (sweep / ".marks/mine").unlink()  # as in another machine's folder of the same path
    assert not shipment.shares_folder and another.shares_folder
    assert folder_here(str(sweep), "mine") == str(cache / "sweeps/mine")


def test_every_job_has_the_folder_of_its_machine(cache: Path, tmp_path: Path) -> None:
    """Whatever is in its name."""
    shipment = begun(tmp_path / 'multirun, "it\'s" mine', "mine")
    words = ["input=synthetic", "reg=0.1"]
    with initialize_config_module("conf", version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        config = loader.load_configuration("config", words, run_mode=RunMode.MULTIRUN)
        job = Composer(shipment.with_folder(config)).job(words, 3)
    assert job.hydra.sweep.dir == shipment.sweep
    (Path(shipment.sweep) / ".marks/mine").unlink()
    assert job.hydra.sweep.dir == str(cache / "sweeps/mine")


def test_files_of_every_point_are_found(here: Path) -> None:
    points = [
        ["reg=0.1", f"image={image}", *more]
        for image in ("me.png", "faces")
        for more in ([], ["degradation=inpaint", "degradation.mask=hole.png"])
    ]
    with initialize_config_module("conf", version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        config = loader.load_configuration("config", [], run_mode=RunMode.MULTIRUN)
        assert set(files_of(config, points)) == {"me.png", "faces", "hole.png"}


def test_files_that_follow_from_other_settings_are_found(here: Path) -> None:
    """Of each point its own, however plain the setting is that they follow from."""
    words = ["image=me.png", "degradation=inpaint", "degradation.mask='masks/${seed}.png'"]
    points = [[*words, f"seed={seed}", f"reg={reg}"] for seed in range(3) for reg in (0.1, 0.2)]
    points.append(["image=me.png", "degradation=inpaint", "degradation.mask=${image}"])
    with initialize_config_module("conf", version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        config = loader.load_configuration("config", [], run_mode=RunMode.MULTIRUN)
        assert set(files_of(config, points)) == {"me.png", *(f"masks/{seed}.png" for seed in range(3))}


@pytest.mark.parametrize(
    ("words", "is_refused"),
    [
        (["image=me.png"], True),
        (["image=choice(me.png,faces)"], True),
        (["degradation=inpaint", "degradation.mask=hole.png"], True),
        (["reg=0.1", "image=null", "input=synthetic"], False),
    ],
)
@pytest.mark.parametrize("sweeper", ["hydra_plugins.hydra_optuna_sweeper.optuna_sweeper.OptunaSweeper", None])
@pytest.mark.parametrize("address", ["head:6379", "null"])
def test_a_search_that_cannot_send_its_files_is_refused_before_it_starts(
    words: list[str], is_refused: bool, sweeper: str | None, address: str, here: Path
) -> None:
    pytest.importorskip("hydra_plugins.hydra_ray_launcher")
    asked = [
        "launcher=ray",
        f"launcher.address='{address}'" if address != "null" else "launcher.address=null",
    ]
    with initialize_config_module("conf", version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        config = loader.load_configuration("config", [*asked, *words], run_mode=RunMode.MULTIRUN)
        if sweeper is not None:
            with read_write(config):
                config.hydra.sweeper._target_ = sweeper
        if is_refused and sweeper is not None and address != "null":
            with pytest.raises(
                ConfigError, match=r"OptunaSweeper sends no files to a Ray cluster\. Got .*would work"
            ):
                refuse_unsent_files(config)
        else:
            refuse_unsent_files(config)
