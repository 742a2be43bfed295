"""A server that asks who is there (`mlflow server --app-name basic-auth`); no password is written anywhere."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.serving import Server
from tests.end_to_end.sweeping import ENVIRONMENT, FAST, PROJECT, Store

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # warnings: MLflow's own

RIGHT, WRONG = "two horses in a lake", "three horses in a lake"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    pytest.importorskip("flask_wtf", reason="the server's passwords need pip install -e '.[server]'")
    server = Server(tmp_path / "server", password=RIGHT)
    try:
        server.start()
        yield server
    finally:
        server.kill()


def ask(
    store: Store, server: Server, password: str | None, *command: str
) -> subprocess.CompletedProcess[str]:
    environment = ENVIRONMENT | {"MLFLOW_TRACKING_URI": server.uri}
    if password is not None:
        environment |= {"MLFLOW_TRACKING_USERNAME": "admin", "MLFLOW_TRACKING_PASSWORD": password}
    asked = [sys.executable, *command]
    return subprocess.run(asked, cwd=store.folder, env=environment, capture_output=True, text=True)


def run(store: Store, *overrides: str) -> list[str]:
    weights = ["generator=small_file", f"generator.path={store.weights}"]
    return [str(PROJECT / "run.py"), *overrides, *FAST, *weights, "steps=2"]


def test_the_right_password_opens_everything_a_wrong_one_is_told_in_one_line(
    store: Store, server: Server
) -> None:
    single = run(store, "hydra.run.dir=single")
    sweep = run(store, "-m", "reg=1,2", "launcher=joblib", "launcher.jobs=2", "hydra.sweep.dir=sweep")
    watch, sync = ["-m", "sweeps", "watch", "--once"], ["-m", "sweeps", "sync"]
    refused = "those of 'admin' were not accepted"
    wrong = [(None, single, "none were given"), (WRONG, sweep, refused), (WRONG, watch, refused)]
    for password, command, what in wrong:
        done = ask(store, server, password, *command)
        said = done.stdout + done.stderr
        assert done.returncode == 1, said
        assert said.count(what) == 1 and "Set MLFLOW_TRACKING_USERNAME" in said, said
        assert "Traceback" not in said and "API request" not in said, said

    shown = {}
    for name, command in {"single": single, "sweep": sweep, "watch": watch, "sync": sync}.items():
        done = ask(store, server, RIGHT, *command)
        assert done.returncode == 0, done.stdout + done.stderr
        shown[name] = done.stdout
    assert "2 of 2 done" in shown["sweep"] and f"MLflow: {server.uri}/#/experiments/" in shown["sweep"]
    assert "FINISHED, 2 of 2 done" in shown["watch"]
    assert "0 runs brought in" in shown["sync"]
    assert (store.folder / "sweep/report.html").is_file()

    own = {server.folder / "auth.ini"}
    for path in {path for path in store.folder.rglob("*") if path.is_file()} - own:
        content = path.read_bytes()
        assert RIGHT.encode() not in content and WRONG.encode() not in content, path
