"""Which process works on a run, and whether it is still there."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path

POLL = 0.5  # seconds


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


def is_gone(tags: Mapping[str, str]) -> bool:
    """Whether the process that a run names has certainly ended.

    Of another machine's processes nothing is known, but that Slurm starts a job again only once its first life is
    over.
    """
    if is_here(tags):
        return started(int(tags["pid"])) != tags.get("process_started")
    job, _, life = tags.get("slurm_job", "").partition(".")
    mine = int(os.environ.get("SLURM_RESTART_COUNT", 0))
    return job != "" and job == os.environ.get("SLURM_JOB_ID") and life.isdigit() and mine > int(life)


def is_here(tags: Mapping[str, str]) -> bool:
    """Whether a run names a process of this machine."""
    return tags.get("host") == socket.gethostname() and tags.get("pid", "").isdigit()


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
    """Interrupt this worker, as Ctrl-C would, when the process that started it is killed: nobody wants its result."""
    parent = os.getppid()
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell that starts a sweep with & leaves it so
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(POLL)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)  # wakes it up, too

    if not any(thread.name == end_with_parent.__name__ for thread in threading.enumerate()):
        threading.Thread(target=watch, name=end_with_parent.__name__, daemon=True).start()
