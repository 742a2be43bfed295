"""For a process that runs many searches: keep freed memory, and leave imported objects out of garbage collection."""

from __future__ import annotations

import ctypes
import gc
import sys

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4  # malloc.h of glibc


KEEP = {M_MMAP_MAX: 0, M_TRIM_THRESHOLD: -1, M_TOP_PAD: 256 * 2**20}
DEFAULT = {M_MMAP_MAX: 65536, M_TRIM_THRESHOLD: 128 * 2**10, M_TOP_PAD: 128 * 2**10}


def keep_heap(keep: bool = True) -> bool:
    """Serve large tensors from a heap that is never trimmed; True where the C library is glibc.

    By default glibc returns every large tensor to the system when it is freed, and the next one is paged in anew. This
    saves those page faults in every step and costs resident memory: the peak stays allocated. keep=False restores the
    default, with which benchmarks/speed.py compares. Source: mallopt(3).
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):  # musl has neither
        return False
    return all([mallopt(name, value) == 1 for name, value in (KEEP if keep else DEFAULT).items()])


def enable_gc() -> None:
    """Turn on Python's garbage collection, objects that exist by now excepted: call it once libraries are imported.

    torch and MLflow create a million objects that stay; one collection that visits them takes 0.2 s, and a start had
    eight. So run.py starts with gc.disable(). Does nothing where the collector is on. Source: gc.freeze.
    """
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
