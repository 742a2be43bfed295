"""One search at a time, the others wait; however one ends, the page learns it."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from inversion.errors import ConfigError
from inversion.faces.sample import sample_photo
from inversion.generator.discriminator import Discriminator
from inversion.generator.stylegan2 import Generator
from sweeps.app import searches as module
from sweeps.app.searches import Search, Searches
from sweeps.app.uploads import Upload
from tests.end_to_end.sweeping import Store, write_weights

# A search that does what the word after its folder says.
STAND_IN = """
import json, os, pathlib, signal, sys, time
signal.signal(signal.SIGTERM, signal.default_int_handler)  # as run_jobs does
folder, word = sys.argv[1:3]
pathlib.Path(folder, "images").mkdir(parents=True)
if word == "die": sys.exit("Killed")
if word == "kill": print("UserWarning: of a library", flush=True); os.kill(os.getpid(), signal.SIGKILL)
if word == "wait":
    try: time.sleep(600)
    except KeyboardInterrupt: word = "KILLED"
print("much is said on the way")
print(json.dumps({"status": word, "reason": "ConfigError: why" if word == "FAILED" else "", "folder": folder}))
"""
Make = Callable[..., Search]


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Searches]:
    made = Searches(tmp_path / "outputs", (sys.executable, "-c", STAND_IN))
    yield made
    made.close()


@pytest.fixture
def add(queue: Searches, upload: Callable[..., Upload]) -> Make:
    return lambda word, **changed: queue.add(upload(**changed), [word], 100)


def until(condition: Callable[[], object], seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def test_searches_run_one_after_the_other_in_their_order(queue: Searches, add: Make) -> None:
    first, second, third = add("wait", id="p1"), add("FINISHED", id="p2"), add("FINISHED", id="p3")
    until(lambda: first.state == "running")
    assert [queue.ahead(s) for s in (first, second, third)] == [0, 1, 2] and len(queue) == 3
    assert queue.needed() == {"p1", "p2", "p3"}
    queue.stop(first)
    until(lambda: third.is_over)
    assert [s.state for s in (first, second, third)] == ["KILLED", "FINISHED", "FINISHED"]
    assert len(queue) == 0 and queue.needed() == frozenset()
    assert len({s.folder for s in (first, second, third)}) == 3
    assert queue.get(second.id) is second


def test_what_waits_can_be_taken_out(queue: Searches, add: Make) -> None:
    first, second = add("wait"), add("FINISHED")
    queue.stop(second)
    assert second.state == "KILLED" and len(queue) == 1
    queue.stop(first)
    until(lambda: first.is_over)


def test_a_search_that_fails_or_dies_says_why_and_the_next_begins(queue: Searches, add: Make) -> None:
    failed, dead, killed, fine = add("FAILED"), add("die"), add("kill"), add("FINISHED")
    until(lambda: fine.is_over)
    assert (failed.state, failed.reason) == ("FAILED", "why")
    assert (dead.state, dead.reason) == ("FAILED", "Killed")
    assert killed.state == "KILLED" and killed.reason.startswith("its process was killed by signal 9")
    assert fine.state == "FINISHED"


def test_a_search_that_cannot_even_start_does_not_stop_the_queue(queue: Searches, add: Make) -> None:
    good, queue.command = queue.command, ("/nowhere/python",)
    failed = add("FINISHED")
    until(lambda: failed.is_over)
    assert failed.state == "FAILED" and "nowhere" in failed.reason
    queue.command = good
    fine = add("FINISHED")
    until(lambda: fine.state == "FINISHED")


def test_the_queue_has_an_end(queue: Searches, add: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_QUEUE", 2)
    running = add("wait")
    until(lambda: running.state == "running")
    add("FINISHED"), add("FINISHED")
    with pytest.raises(ConfigError, match="2 restorations wait already"):
        add("FINISHED")


def test_closing_ends_what_runs_and_forgets_what_waits(queue: Searches, add: Make) -> None:
    first, second = add("wait"), add("FINISHED")
    until(lambda: first.state == "running")
    queue.close()
    assert first.state == "KILLED" and second.state == "waiting"


def test_progress_is_what_the_record_holds_so_far(add: Make) -> None:
    search = add("wait")
    until(lambda: (search.folder / "images").is_dir())
    assert (search.step(), search.frames()) == (0, [])
    for step in (0, 30, 10):
        Image.new("RGB", (4, 4)).save(search.folder / "images" / f"progress_{step:04d}.png")
    assert search.step() == 30 and search.frames()[-1].name == "progress_0030.png"
    (search.folder / "losses.csv").write_text("step,loss\n" + "0,1\n" * 51)
    assert search.step() == 51
    assert search.files() == []  # nothing is shown before it is over


def test_words_of_the_command_line_become_words_of_the_page() -> None:
    plain = module.in_words_of_page(
        "ConfigError: Nothing blanked found: no patch. Got photo 1; give degradation.box="
    )
    assert "Paint over" in plain and "degradation" not in plain
    assert module.in_words_of_page("OSError: disk full") == "disk full"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # MLflow's own, under current SQLAlchemy
def test_a_real_search_is_an_ordinary_run_and_the_same_again_is_not_searched(
    tmp_path: Path,
    tiny_generator: Generator,
    tiny_discriminator: Discriminator,
    upload: Callable[..., Upload],
) -> None:
    store = Store(tmp_path, write_weights(tmp_path / "tiny.safetensors", tiny_generator, tiny_discriminator))
    words = [word for word in store.command()[3:] if word != "input=synthetic" and "hydra" not in word]
    words += [f"image={sample_photo()}", "degradation=blur", "degraded=true", "steps=3", "samples=2"]
    queue = Searches(tmp_path / "outputs")
    try:
        first, again = queue.add(upload(), words, 3), queue.add(upload(), words, 3)
        until(lambda: again.is_over, 120)
    finally:
        queue.close()
    assert (first.state, first.reason, again.state) == ("FINISHED", "", "FINISHED"), first.reason
    (run,) = store.runs()
    assert (run.info.run_id, run.data.tags["degradation"]) == (first.run()["id"], "blur")
    assert {"result.png", "sample_1.png", "sample_2.png", "photo_restored.png"} <= set(first.files())
    assert json.loads((first.folder / "result.json").read_text())["status"] == "FINISHED"
    assert again.was_done_before and again.folder == first.folder
