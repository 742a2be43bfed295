"""Read hostile files in processes of their own, and measure what each costs.

python -m tests.hostile.measured [KIND [NAME ...]]     the table of all cases
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.hostile.case import MB, Case

KILL_CPU, KILL_WALL = 25, 1200  # seconds after which a reader is given up
KILL_MEMORY = 4096 * MB  # beyond what the process had
SCREEN = 24 * 80  # characters


@dataclass(frozen=True)
class Verdict:
    """What came of one file."""

    name: str
    code: int  # exit code; negative: the signal
    cpu: float  # seconds
    memory: int  # bytes beyond those before it was read, and beyond the file's own
    said: str  # on the terminal

    def faults(self, case: Case) -> list[str]:
        """What is wrong with it; empty when the answer is as it should be."""
        found = []
        if self.code != (0 if case.accepted else 1):
            found.append(f"exit code {self.code}")
        if self.cpu > case.cpu:
            found.append(f"{self.cpu:.1f} s")
        if self.memory > case.limit:
            found.append(f"{self.memory / MB:,.0f} MB")
        if "Traceback" in self.said:
            found.append("traceback")
        if not case.accepted and len(self.said.splitlines()) != 1:
            found.append(f"{len(self.said.splitlines())} lines")
        if len(self.said) > SCREEN:
            found.append(f"{len(self.said):,} characters")
        if any(not c.isprintable() and c != "\n" for c in self.said):
            found.append("control characters")
        return found


def measure(cases: Sequence[str], kind: str = "") -> Iterator[Verdict]:
    """In another process, which imports everything once and forks for each case. cases: names; none: all of a kind."""
    command = [sys.executable, "-m", "tests.hostile.measured", "--worker", kind, *cases]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as worker:
        assert worker.stdout is not None
        for line in worker.stdout:
            yield Verdict(**json.loads(line))
    if worker.returncode:
        raise RuntimeError(f"the process that reads hostile files ended with {worker.returncode}")


def _measure_one(case: Case, notes: Path, folder: Path) -> Verdict:
    """notes: where this and its forks write what they found; folder: for the file itself."""
    writer = os.fork()
    if writer == 0:  # in a process of its own, so that its memory is not measured
        try:
            (notes / "path.txt").write_bytes(os.fsencode(case.make(folder)))
        except BaseException:
            traceback.print_exc()
        os._exit(0)
    os.waitpid(writer, 0)
    path = Path(os.fsdecode((notes / "path.txt").read_bytes()))
    before = _memory("VmSize")
    reader = os.fork()
    if reader == 0:
        try:
            _read(case, path, notes)
        finally:
            os._exit(98)
    _, status, usage = os.wait4(reader, 0)
    code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
    peak = notes / "peak.txt"
    memory = int(peak.read_text()) - before if peak.exists() else KILL_MEMORY
    own = path.stat().st_size if path.is_file() else 0
    said = (notes / "said.txt").read_bytes().decode("utf-8", "backslashreplace")
    return Verdict(case.name, code, usage.ru_utime + usage.ru_stime, max(0, memory - min(own, memory)), said)


def _read(case: Case, path: Path, notes: Path) -> None:
    """Never returns."""
    from tests.hostile.readers import run

    output = os.open(notes / "said.txt", os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    signal.alarm(KILL_WALL)
    resource.setrlimit(resource.RLIMIT_CPU, (KILL_CPU, KILL_CPU + 1))
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (_memory("VmSize") + KILL_MEMORY, hard))
    code = 99
    try:
        code = run(case.reader, path)
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    (notes / "peak.txt").write_text(str(_memory("VmPeak")))
    os._exit(code)


def _memory(field: str) -> int:
    """Bytes of address space that this process has (VmSize), or ever had (VmPeak)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(field))


def _worker(kind: str, names: Sequence[str]) -> None:
    from tests.hostile.cases import CASES
    from tests.hostile.readers import warm_up

    warm_up()

    for case in CASES:
        if (kind and case.kind != kind) or (names and case.name not in names):
            continue
        with tempfile.TemporaryDirectory() as notes, tempfile.TemporaryDirectory() as folder:
            sys.stdout.write(json.dumps(asdict(_measure_one(case, Path(notes), Path(folder)))) + "\n")
            sys.stdout.flush()


def _table(kind: str, names: Sequence[str]) -> None:
    from tests.hostile.cases import CASES

    cases = {case.name: case for case in CASES}
    held = count = 0
    for verdict in measure(names, kind):
        case = cases[verdict.name]
        faults = verdict.faults(case)
        count, held = count + 1, held + (not faults)
        said = " ".join(verdict.said.split())[-90:]
        result = ", ".join(faults) or "held"
        sys.stdout.write(
            f"{case.kind} | {case.reader} | {case.name} | {verdict.cpu:.1f} s | {verdict.memory / MB:,.0f} MB | "
            f"{result} | {said!r}\n"
        )
        sys.stdout.flush()
    sys.stdout.write(f"{held} of {count} held\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        _worker(sys.argv[2], sys.argv[3:])
    else:
        _table(sys.argv[1] if len(sys.argv) > 1 else "", sys.argv[2:])
