"""Servers that drip, lie, refuse or send without end: each is given up, with one line that says why."""

from __future__ import annotations

from http.client import HTTPConnection, RemoteDisconnected
from pathlib import Path
from typing import Any

import pytest

from inversion.checkpoints import connection, download, transfer
from inversion.checkpoints.download import cached_path, fetch
from inversion.errors import CheckpointError
from tests.inversion.checkpoints.served import CONTENT, SHA256, Server, leftovers


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
    assert len(behaviour.seen) <= 2  # fewer where the server has not yet read what was cut


@pytest.mark.parametrize("error", [ConnectionResetError(104, "reset by peer"), RemoteDisconnected("closed")])
def test_a_cut_that_the_server_answers_first_says_the_same(
    error: Exception, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_and_reset(self: connection._Prompt) -> None:
        self._cut()
        raise error

    monkeypatch.setattr(HTTPConnection, "getresponse", cut_and_reset)
    monkeypatch.setattr(download, "ATTEMPTS", 1)
    with pytest.raises(CheckpointError, match="cannot download.*no whole answer came"):
        fetch(server[0], SHA256)


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
