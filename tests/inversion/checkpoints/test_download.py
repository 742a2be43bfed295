"""A file arrives once, whole and as it was announced; what cannot is told."""

from __future__ import annotations

import contextlib
import errno
import gc
import multiprocessing
import shutil
import threading
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from inversion.checkpoints import download
from inversion.checkpoints.download import cached_path, fetch
from inversion.errors import CheckpointError
from tests.inversion.checkpoints.served import CONTENT, SHA256, Server, leftovers


def test_a_file_arrives_whole_and_once(server: Server) -> None:
    url, behaviour = server
    path = fetch(url, SHA256, len(CONTENT))
    assert path == cached_path(url) and path.read_bytes() == CONTENT
    assert fetch(url, SHA256) == path
    assert len(behaviour.seen) == 1
    assert leftovers(path) == []


def test_progress_counts_up_to_the_whole(server: Server) -> None:
    seen: list[tuple[int, int | None]] = []
    fetch(server[0], SHA256, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_nothing_is_shown_without_a_terminal(server: Server, capfd: pytest.CaptureFixture[str]) -> None:
    fetch(server[0], SHA256)
    assert capfd.readouterr() == ("", "")


def test_a_terminal_gets_a_bar(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    fetch(server[0], SHA256)
    assert "net.pkl" in capsys.readouterr().err


def test_a_wrong_hash_is_refused_and_nothing_kept(server: Server) -> None:
    url, _ = server
    with pytest.raises(CheckpointError, match=f"expected sha256 {'0' * 64}. Got {SHA256}; nothing was kept"):
        fetch(url, "0" * 64)
    assert not cached_path(url).exists() and leftovers(cached_path(url)) == []


def test_a_cached_file_that_was_changed_is_refused(server: Server) -> None:
    url, behaviour = server
    path = fetch(url, SHA256)
    path.write_bytes(b"changed")
    with pytest.raises(CheckpointError, match="delete it to download it again"):
        fetch(url, SHA256)
    assert len(behaviour.seen) == 1


def test_an_unknown_hash_is_recorded_and_checked_from_then_on(server: Server) -> None:
    url, _ = server
    path = fetch(url)
    assert path.with_name("net.pkl.sha256").read_text() == f"{SHA256}  net.pkl\n"
    assert fetch(url) == path
    path.write_bytes(b"changed")
    with pytest.raises(CheckpointError, match=f"sha256 {SHA256}. Got"):
        fetch(url)


def test_offline_with_a_full_cache_needs_no_network(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    url, _ = server
    path = fetch(url, SHA256)
    monkeypatch.setattr(urllib.request.OpenerDirector, "open", no_network)
    assert fetch(url, SHA256) == path
    by_hand = cached_path("https://example.org/other.pkl")
    by_hand.parent.mkdir(parents=True)
    shutil.copy(path, by_hand)
    assert fetch("https://example.org/other.pkl") == by_hand


def no_network(*arguments: Any, **options: Any) -> None:
    raise urllib.error.URLError(OSError(errno.ENETUNREACH, "Network is unreachable"))


def test_offline_without_the_file_says_at_once_what_to_do_by_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INVERSION_CACHE", str(tmp_path))
    monkeypatch.setattr(urllib.request.OpenerDirector, "open", no_network)
    monkeypatch.setattr(download.time, "sleep", lambda seconds: pytest.fail("waited"))
    with pytest.raises(CheckpointError, match="Network is unreachable") as caught:
        fetch("https://example.org/nets/net.pkl")
    target = tmp_path / "example.org" / "nets" / "net.pkl"
    assert f"download it elsewhere and put it at {target}, or set INVERSION_CACHE" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_full_disk_is_told_and_the_part_is_kept(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    url, behaviour = server
    behaviour.break_after = [1000] + [0] * download.ATTEMPTS
    with pytest.raises(CheckpointError):
        fetch(url, SHA256)
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))
    with pytest.raises(CheckpointError, match="1,047,576 bytes do not fit .* 1,000 free"):
        fetch(url, SHA256)
    assert cached_path(url).with_name("net.pkl.part").stat().st_size == 1000


def test_a_disk_that_fills_up_meanwhile_is_told(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: Any, **options: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(download, "transfer", full)
    with pytest.raises(CheckpointError, match=r"cannot keep .* \(No space left on device\); free some space"):
        fetch(server[0])


@pytest.mark.parametrize("sha256", ["", "abc", "g" * 64, SHA256 + "0"])
def test_a_hash_that_is_none_is_refused(sha256: str) -> None:
    with pytest.raises(CheckpointError, match="64 hexadecimal digits"):
        fetch("https://example.org/net.pkl", sha256)


def test_cached_paths_stay_in_the_cache_and_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INVERSION_CACHE", str(tmp_path))
    urls = [
        "https://a.org/net.pkl",
        "https://b.org/net.pkl",
        "https://a.org/x/net.pkl",
        "https://a.org/net.pkl?version=1",
        "https://a.org/net.pkl?version=2",
        "https://a.org/%2e%2e/%2e%2e/up.pkl",
        "https://a.org/..%2f..%2fdown.pkl",
        "https://a.org/a b\\c.pkl",
    ]
    paths = [cached_path(url) for url in urls]
    assert len(set(paths)) == len(urls)
    assert all(path.resolve().is_relative_to(tmp_path.resolve()) for path in paths)
    with pytest.raises(CheckpointError, match="should name a file"):
        cached_path("https://a.org/")


def test_the_cache_is_in_the_home_folder_unless_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("INVERSION_CACHE", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert download.cache_folder() == tmp_path / ".cache" / "inversion-sweeps"


def test_no_connection_is_left_open(server: Server) -> None:
    url, behaviour = server
    for status in ([404], [416], [503] * download.ATTEMPTS):
        behaviour.status = status
        with contextlib.suppress(CheckpointError):
            fetch(url, SHA256)
    gc.collect()  # an open socket would warn here, and warnings are errors


def test_threads_that_ask_at_once_download_once(server: Server) -> None:
    url, behaviour = server
    paths: list[Path] = []
    threads = [threading.Thread(target=lambda: paths.append(fetch(url, SHA256))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert paths == [cached_path(url)] * 4 and len(behaviour.seen) == 1


def test_processes_that_ask_at_once_download_once(server: Server) -> None:
    url, behaviour = server
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        paths = pool.starmap(fetch, [(url, SHA256)] * 4)
    assert paths == [cached_path(url)] * 4 and cached_path(url).read_bytes() == CONTENT
    assert len(behaviour.seen) == 1
