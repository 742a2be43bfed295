"""A download that breaks goes on where it stopped, and only where that is the same file."""

from __future__ import annotations

import pytest

from inversion.checkpoints import download
from inversion.checkpoints.download import cached_path, fetch
from inversion.errors import CheckpointError
from tests.inversion.checkpoints.served import CONTENT, SHA256, Server, leftovers


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
