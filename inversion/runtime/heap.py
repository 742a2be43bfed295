"""What a process that lives for many searches need not do again and again: page memory in, look through imports."""

from __future__ import annotations

import ctypes
import gc
import sys

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4  # malloc.h of glibc


KEEP = {M_MMAP_MAX: 0, M_TRIM_THRESHOLD: -1, M_TOP_PAD: 256 * 2**20}
DEFAULT = {M_MMAP_MAX: 65536, M_TRIM_THRESHOLD: 128 * 2**10, M_TOP_PAD: 128 * 2**10}


def keep_heap(keep: bool = True) -> bool:
    """Serve large tensors from a heap that is never trimmed; True where the C library is glibc.

    By itself glibc returns every large tensor to the system and has it paged in anew. Costs resident memory (the peak
    stays allocated), saves the page faults of every step. Can be switched back (keep=False), which is how
    benchmarks/speed.py measures it. Source: mallopt(3).
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):  # musl has neither
        return False
    return all([mallopt(name, value) == 1 for name, value in (KEEP if keep else DEFAULT).items()])


def enable_gc() -> None:
    """Let Python's collector begin, with what exists by now left out: to be called once libraries are imported.

    torch and MLflow bring a million objects that stay, and a look at them takes 0.2 s; a start had eight of them.
    So run.py begins with gc.disable(). Does nothing where the collector runs already. Source: gc.freeze.
    """
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
