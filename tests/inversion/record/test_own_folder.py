"""A record removes and writes nothing but its own files, whatever its folder holds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from inversion.errors import ConfigError
from inversion.record.folder_recorder import FolderRecorder
from inversion.record.own_folder import MANIFEST, OwnFolder, is_inside, read_manifest


def written(folder: Path, *names: str) -> OwnFolder:
    """An earlier record with these files."""
    own = OwnFolder(folder)
    for name in names:
        own.keep(name, b"earlier")
    return own


def listing(folder: Path, *names: str) -> None:
    """Change a manifest by hand."""
    (folder / MANIFEST).write_text(json.dumps({"files": names, "run": {}}))


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_opened_anew_a_folder_loses_what_its_record_lists_and_nothing_else(tmp_path: Path) -> None:
    written(tmp_path, "panel.png", "images/progress_0000.png")
    (tmp_path / "images" / "me.png").write_bytes(b"mine")
    (tmp_path / "run.log").write_bytes(b"Hydra's")
    OwnFolder(tmp_path)
    assert files(tmp_path) == ["images/me.png", MANIFEST, "run.log"]
    assert (tmp_path / "images" / "me.png").read_bytes() == b"mine"


def test_a_folder_that_no_record_has_used_loses_nothing(tmp_path: Path) -> None:
    for name in ("images/progress_0000.png", "losses.csv", "result.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"mine")
    OwnFolder(tmp_path)
    assert files(tmp_path) == ["images/progress_0000.png", "losses.csv", "result.json"]


def test_a_foreign_file_in_the_way_is_refused_by_name_and_kept(tmp_path: Path) -> None:
    (tmp_path / "panel.png").write_bytes(b"mine")
    own = OwnFolder(tmp_path)
    for refused in (
        lambda: own.check(["loss.png", "panel.png"]),
        lambda: own.claim("panel.png"),
        lambda: own.keep("panel.png", b"the record's"),
    ):
        with pytest.raises(ConfigError, match=r"panel\.png is in the way.*hydra\.run\.dir=FOLDER"):
            refused()
    assert (tmp_path / "panel.png").read_bytes() == b"mine"
    assert "panel.png" not in read_manifest(tmp_path).get("files", [])


def test_own_files_are_written_again_and_again(tmp_path: Path) -> None:
    own = written(tmp_path, "tags.json")
    own.check(["tags.json"])
    assert own.keep("tags.json", b"new").read_bytes() == b"new"
    assert written(tmp_path, "tags.json").claim("tags.json") == tmp_path / "tags.json"


@pytest.mark.parametrize("outside", ["../x", "sub/../../x", "{folder}/x", "sub/../../x/."])
def test_a_listed_name_that_leads_out_of_the_folder_removes_nothing(tmp_path: Path, outside: str) -> None:
    (tmp_path / "x").write_bytes(b"mine")
    run = tmp_path / "run"
    (run / "sub").mkdir(parents=True)
    listing(run, outside.format(folder=tmp_path))
    OwnFolder(run)
    assert (tmp_path / "x").read_bytes() == b"mine"


def test_a_listed_link_is_removed_and_what_it_shows_is_not(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"mine")
    run = tmp_path / "run"
    run.mkdir()
    (run / "link.png").symlink_to(tmp_path / "x")
    listing(run, "link.png")
    OwnFolder(run)
    assert not (run / "link.png").is_symlink() and (tmp_path / "x").read_bytes() == b"mine"


def test_a_listed_name_behind_a_linked_folder_removes_nothing(tmp_path: Path) -> None:
    elsewhere, run = tmp_path / "album", tmp_path / "run"
    elsewhere.mkdir()
    run.mkdir()
    (elsewhere / "me.png").write_bytes(b"mine")
    (run / "images").symlink_to(elsewhere, target_is_directory=True)
    listing(run, "images/me.png")
    OwnFolder(run)
    assert (elsewhere / "me.png").read_bytes() == b"mine"


@pytest.mark.parametrize("name", [None, 3, "", "/etc/hosts", "..", "a/../../b", ["panel.png"]])
def test_what_is_no_name_inside_the_folder_is_told(tmp_path: Path, name: object) -> None:
    assert not is_inside(tmp_path, name)
    assert is_inside(tmp_path, "panel.png") and is_inside(tmp_path, "images/progress_0000.png")


@pytest.mark.parametrize(
    "content",
    [
        "no json",
        "[]",
        "{}",
        '{"files": 3}',
        '{"files": null}',
        '{"files": "ab"}',
        '{"files": {"a": 1}}',
        '{"files": ["a"]}',
    ],
)
def test_a_record_json_of_another_tool_is_refused_and_nothing_is_removed(
    tmp_path: Path, content: str
) -> None:
    (tmp_path / MANIFEST).write_text(content)
    (tmp_path / "a").write_bytes(b"mine")
    with pytest.raises(ConfigError, match=r"record\.json is in the way"):
        OwnFolder(tmp_path)
    assert files(tmp_path) == ["a", MANIFEST] and (tmp_path / MANIFEST).read_text() == content


def test_names_that_are_no_text_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text('{"files": [1, null, ["a"], {"a": 1}, "a"], "run": {}}')
    (tmp_path / "a").write_bytes(b"the record's")
    OwnFolder(tmp_path)
    assert files(tmp_path) == [MANIFEST]


def test_a_listed_folder_is_no_file_and_stays(tmp_path: Path) -> None:
    (tmp_path / "album").mkdir()
    listing(tmp_path, "album")
    OwnFolder(tmp_path)
    assert (tmp_path / "album").is_dir()


def test_a_name_is_listed_before_its_file_is_written(tmp_path: Path) -> None:
    own = OwnFolder(tmp_path)
    path = own.claim("progress.webp")
    assert not path.exists() and read_manifest(tmp_path)["files"] == ["progress.webp"]


def test_the_manifest_lists_files_artifacts_and_the_run_each_once(tmp_path: Path) -> None:
    own = written(tmp_path, "b.png", "a.png", "b.png")
    for name in ("b.png", "b.png"):
        own.list_artifacts([name])
    own.describe_run({"name": "ü", "id": None})
    own.describe_run({"id": "7"})
    assert read_manifest(tmp_path) == {
        "files": ["b.png", "a.png"],
        "artifacts": ["b.png"],
        "run": {"name": "ü", "id": "7"},
    }


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_bytes(b"")
    with pytest.raises(OSError, match="taken"):
        OwnFolder(tmp_path / "taken")


def test_a_photo_named_like_a_picture_of_the_record_survives_a_run_in_its_own_folder(tmp_path: Path) -> None:
    """hydra.run.dir=. with the photo panel.png: images of a person are never overwritten."""
    (tmp_path / "panel.png").write_bytes(b"mine")
    for _ in range(2):
        recorder = FolderRecorder(OwnFolder(tmp_path))
        recorder.log_image("progress", Image.new("RGB", (2, 2)), 0)
        with pytest.raises(ConfigError, match="panel.png is in the way"):
            recorder.folder.check(["panel.png"])
        recorder.finish("FAILED", "in the way")
    assert (tmp_path / "panel.png").read_bytes() == b"mine"
