"""Which process works on a run, and whether it is still there."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

POLL = 0.5  # seconds
GRACE = 300.0  # seconds in which a worker whose parent is gone closes its records


def tags() -> dict[str, str]:
    """What a run says of the process that works on it."""
    slurm = os.environ.get("SLURM_JOB_ID")
    requeued = {} if slurm is None else {"slurm_job": f"{slurm}.{os.environ.get('SLURM_RESTART_COUNT', 0)}"}
    return {
        "host": socket.gethostname(),
        "pid": str(os.getpid()),
        "process_started": started(os.getpid()) or "",
        **requeued,
    }


def is_gone(tags: Mapping[str, Any]) -> bool:
    """Whether the process that a run names has certainly ended.

    tags: as `tags` gives them, or what a damaged file has in their place, which names no process.

    Of another machine's processes nothing is known, but that Slurm starts a job again only once its first life is
    over.
    """
    pid = _number(tags.get("pid"))
    if pid is not None and is_here(tags):
        return started(pid) != tags.get("process_started")
    job, _, life = str(tags.get("slurm_job", "")).partition(".")
    before, mine = _number(life), _number(os.environ.get("SLURM_RESTART_COUNT", "0"))
    if job == "" or job != os.environ.get("SLURM_JOB_ID") or before is None or mine is None:
        return False
    return mine > before


def has_ended(tags: Mapping[str, Any]) -> bool | None:
    """Whether the process that a run names has ended; None where that cannot be told from here."""
    is_over = is_gone(tags)
    return is_over if is_over or is_here(tags) else None


def is_here(tags: Mapping[str, Any]) -> bool:
    """Whether a run names a process of this machine."""
    return tags.get("host") == socket.gethostname() and _number(tags.get("pid")) is not None


def _number(text: object) -> int | None:
    """A process's or a start's, as its digits; None for anything else that a file or the environment may hold."""
    return int(text) if isinstance(text, str) and re.fullmatch("[0-9]{1,18}", text) else None


def describe(tags: Mapping[str, str]) -> str:
    return f"process {tags.get('pid', '?')} on {tags.get('host', '?')}"


def started(pid: int) -> str | None:
    """When a process started, in words that a later process of the same number cannot repeat; None: it has ended."""
    if Path("/proc/self/stat").exists():
        try:
            # proc(5), from field 3 on
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        except OSError:
            return None
        # Z: ended, its parent has not looked yet
        return None if fields[0] in "ZX" else f"{boot}:{fields[19]}"
    asked = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True)
    return asked.stdout.strip() or None


def end_with_parent() -> None:
    """Interrupt this worker, as Ctrl-C would, when the process that started it is killed: nobody wants its result.

    A pool's worker takes that for the end of one task and waits for the next one: it is ended `GRACE` later.
    """
    parent = os.getppid()
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell that starts a sweep with & leaves it so
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(POLL)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)  # wakes it up, too
        time.sleep(GRACE)
        os._exit(1)

    if not any(thread.name == end_with_parent.__name__ for thread in threading.enumerate()):
        threading.Thread(target=watch, name=end_with_parent.__name__, daemon=True).start()
