"""Downloads against a server on this machine that can break, lie and count."""

from __future__ import annotations

import contextlib
import errno
import gc
import multiprocessing
import shutil
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inversion.checkpoints import connection, download, transfer
from inversion.checkpoints.download import cached_path, fetch
from inversion.errors import CheckpointError
from tests.inversion.checkpoints.served import CONTENT, SHA256, Behaviour, Handler, QuietServer


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Behaviour]]:
    behaviour = Behaviour()
    handler = type("Bound", (Handler,), {"behaviour": behaviour})
    with QuietServer(("127.0.0.1", 0), handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setenv("INVERSION_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(download, "PAUSE", 0.0)
        yield f"http://127.0.0.1:{httpd.server_port}/nets/net.pkl", behaviour
        httpd.shutdown()
        thread.join()


Server = tuple[str, Behaviour]


def leftovers(path: Path) -> list[str]:
    return sorted(p.name for p in path.parent.iterdir() if p.suffix != ".lock" and p != path)


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


@pytest.mark.parametrize("known", [True, False])
def test_breaks_are_resumed_where_they_happened(known: bool, server: Server) -> None:
    url, behaviour = server
    behaviour.break_after = [100_000, 300_000]
    path = fetch(url, SHA256 if known else None)
    assert path.read_bytes() == CONTENT
    assert [request.get("Range") for request in behaviour.seen] == [None, "bytes=100000-", "bytes=400000-"]


def test_a_later_call_goes_on_from_an_earlier_ones_part(server: Server) -> None:
    url, behaviour = server
    behaviour.break_after = [1000] + [0] * download.ATTEMPTS
    with pytest.raises(CheckpointError, match="1,000 bytes are kept and the next call goes on"):
        fetch(url, SHA256)
    assert not cached_path(url).exists()
    behaviour.seen.clear()
    assert fetch(url, SHA256).read_bytes() == CONTENT
    assert behaviour.seen[0]["Range"] == "bytes=1000-"


def test_a_file_that_changed_meanwhile_is_started_again(server: Server) -> None:
    url, behaviour = server
    behaviour.break_after = [1000] + [0] * download.ATTEMPTS
    with pytest.raises(CheckpointError):
        fetch(url)
    behaviour.content, behaviour.tag = CONTENT[::-1], '"v2"'
    assert fetch(url).read_bytes() == CONTENT[::-1]


def test_without_hash_and_tag_nothing_is_resumed(server: Server) -> None:
    url, behaviour = server
    behaviour.tag = None
    behaviour.break_after = [1000]
    assert fetch(url).read_bytes() == CONTENT
    assert all("Range" not in request for request in behaviour.seen)


def test_a_server_without_ranges_sends_it_all_again(server: Server) -> None:
    url, behaviour = server
    behaviour.ranges = False
    behaviour.break_after = [1000]
    assert fetch(url, SHA256).read_bytes() == CONTENT


def test_a_part_that_is_too_long_is_started_again(server: Server) -> None:
    url, _ = server
    target = cached_path(url)
    target.parent.mkdir(parents=True)
    target.with_name("net.pkl.part").write_bytes(CONTENT + b"more")
    assert fetch(url, SHA256).read_bytes() == CONTENT
    assert leftovers(target) == []


def test_a_part_of_another_file_fails_the_hash_and_is_not_kept(server: Server) -> None:
    url, _ = server
    target = cached_path(url)
    target.parent.mkdir(parents=True)
    target.with_name("net.pkl.part").write_bytes(b"x" * 1000)
    with pytest.raises(CheckpointError, match="does not have the expected sha256"):
        fetch(url, SHA256)
    assert leftovers(target) == []
    assert fetch(url, SHA256).read_bytes() == CONTENT


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


def test_a_wrong_size_is_refused(server: Server) -> None:
    url, _ = server
    with pytest.raises(CheckpointError, match="should have 5 bytes. Got 1,048,576"):
        fetch(url, SHA256, size=5)
    fetch(url, SHA256)
    with pytest.raises(CheckpointError, match="should have 5 bytes. Got 1,048,576; delete it"):
        fetch(url, SHA256, size=5)


def test_more_than_announced_is_refused(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "MAX_UNANNOUNCED", 1000)
    monkeypatch.setattr(transfer, "_range", lambda answer: (0, None))  # a server that does not say
    with pytest.raises(
        CheckpointError, match="sends more than it announced, or than 1,000 bytes; nothing was kept"
    ):
        fetch(server[0], SHA256)
    assert leftovers(cached_path(server[0])) == []


def test_a_server_that_drips_is_given_up_and_what_came_is_kept(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, behaviour = server
    behaviour.drip = 0.02
    monkeypatch.setattr(transfer, "WINDOW", 0.2)
    monkeypatch.setattr(download, "CONNECTIONS", 3)
    with pytest.raises(
        CheckpointError, match=r"3 connections broke.*bytes are kept and the next call goes on"
    ):
        fetch(url, SHA256)
    assert len(behaviour.seen) == 3
    behaviour.drip = 0
    assert fetch(url, SHA256).read_bytes() == CONTENT


def test_a_download_that_takes_too_long_is_given_up(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    url, behaviour = server
    behaviour.drip = 0.02
    monkeypatch.setattr(transfer, "PATIENCE", 0.2)
    monkeypatch.setattr(transfer, "SLOWEST", 1 << 40)
    with pytest.raises(CheckpointError, match="is not here after 0 s; what arrived is kept"):
        fetch(url, SHA256)
    assert len(behaviour.seen) == 1


def test_headers_without_end_are_cut(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    url, behaviour = server
    behaviour.header_drip = 0.05
    monkeypatch.setattr(connection, "ANSWER", 0.2)
    monkeypatch.setattr(download, "ATTEMPTS", 2)
    with pytest.raises(CheckpointError, match="cannot download.*no whole answer came"):
        fetch(url, SHA256)
    assert 1 <= len(behaviour.seen) <= 2


@pytest.mark.parametrize("chunked", [True, False])
def test_bytes_without_end_are_refused(
    chunked: bool, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, behaviour = server
    behaviour.announced, behaviour.chunked, behaviour.endless = False, chunked, True
    monkeypatch.setattr(transfer, "MAX_UNANNOUNCED", 3 * len(CONTENT))
    with pytest.raises(CheckpointError, match="than 3,145,728 bytes; nothing was kept"):
        fetch(url, SHA256)
    with pytest.raises(CheckpointError, match="than 1,048,576 bytes; nothing was kept"):
        fetch(url, SHA256, size=len(CONTENT))
    assert leftovers(cached_path(url)) == []


def test_too_much_announced_is_refused_before_it_comes(server: Server) -> None:
    url, behaviour = server
    behaviour.announce = 10**15
    with pytest.raises(CheckpointError, match="announces 1,000,000,000,000,000 bytes; at most"):
        fetch(url, SHA256)


def test_a_server_that_sends_another_part_is_given_up(server: Server) -> None:
    """Every second connection loses what the first has brought: without a bound it would go on for ever."""
    url, behaviour = server
    behaviour.break_after = [1000 + 100 * i for i in range(1000)]
    behaviour.start = 7
    with pytest.raises(CheckpointError, match="sent another part of the file"):
        fetch(url, SHA256)
    assert len(behaviour.seen) <= 2 * download.ATTEMPTS + 1


def test_a_file_of_unknown_length_is_taken_only_when_its_end_can_be_told(server: Server) -> None:
    url, behaviour = server
    behaviour.announced = False
    with pytest.raises(CheckpointError, match="does not say how long the file is.*generator.size="):
        fetch(url)
    assert not cached_path(url).exists()
    behaviour.chunked = True  # which has an end of its own
    assert fetch(url).read_bytes() == CONTENT


@pytest.mark.parametrize("known", [{"size": len(CONTENT)}, {"sha256": SHA256}])
def test_a_short_answer_of_unknown_length_is_not_the_file(known: dict[str, Any], server: Server) -> None:
    url, behaviour = server
    behaviour.announced = False
    behaviour.break_after = [len(CONTENT) - 1]
    if "size" in known:  # told to be short, and asked for again
        assert fetch(url, **known).read_bytes() == CONTENT
    else:
        with pytest.raises(CheckpointError, match="does not have the expected sha256"):
            fetch(url, **known)


def test_chunks_that_break_off_are_not_the_file(server: Server) -> None:
    url, behaviour = server
    behaviour.chunked, behaviour.tag = True, None
    short = f"{len(CONTENT):x}\r\n".encode() + CONTENT[:1000]
    behaviour.raw = [short] * (download.ATTEMPTS + 1)
    with pytest.raises(CheckpointError, match="cannot download"):
        fetch(url)
    assert not cached_path(url).exists()


def test_a_coding_that_was_not_asked_for_is_refused(server: Server) -> None:
    url, behaviour = server
    behaviour.coding = "gzip"
    with pytest.raises(CheckpointError, match="answers in the coding gzip, though none was asked for"):
        fetch(url)
    assert not cached_path(url).exists()


def test_nothing_of_a_servers_words_reaches_the_terminal_as_it_is(server: Server) -> None:
    url, behaviour = server
    behaviour.reason = "\x1b[2Jall is well"
    behaviour.status = [404]
    with pytest.raises(CheckpointError) as caught:
        fetch(url)
    assert str(caught.value).isprintable() and "all is well" in str(caught.value)


def test_a_web_page_is_no_file(server: Server) -> None:
    url, behaviour = server
    behaviour.content_type = "text/html; charset=utf-8"
    with pytest.raises(CheckpointError, match="answers with a web page"):
        fetch(url)
    assert not cached_path(url).exists()


@pytest.mark.parametrize("status", [403, 404])
def test_a_refusal_is_final_and_says_what_to_do_by_hand(status: int, server: Server) -> None:
    url, behaviour = server
    behaviour.status = [status] * 9
    with pytest.raises(CheckpointError, match=str(status)) as caught:
        fetch(url, SHA256)
    assert url in str(caught.value) and str(cached_path(url)) in str(caught.value)
    assert len(behaviour.seen) == 1


def test_a_passing_fault_of_the_server_is_waited_out(server: Server) -> None:
    url, behaviour = server
    behaviour.status = [503, 429]
    assert fetch(url, SHA256).read_bytes() == CONTENT


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


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/net.pkl",
        "ftp://example.org/net.pkl",
        "file:///etc/passwd",
        "http://127.0.0.1.example.org/net.pkl",
        "http://localhost@example.org/net.pkl",
        "https:///net.pkl",
        "net.pkl",
        "",
    ],
)
def test_only_https_is_fetched(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INVERSION_CACHE", str(tmp_path))
    with pytest.raises(CheckpointError, match="only https addresses"):
        fetch(url)
    assert list(tmp_path.iterdir()) == []


def test_a_redirect_away_from_https_is_not_followed(server: Server) -> None:
    url, behaviour = server
    behaviour.redirect = "http://example.org/net.pkl"
    with pytest.raises(CheckpointError, match="only https addresses are fetched. Got http://example.org"):
        fetch(url)


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
