"""A server on this machine that can break, lie and count."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from inversion.checkpoints import download
from tests.inversion.checkpoints.served import Behaviour, Handler, QuietServer


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
