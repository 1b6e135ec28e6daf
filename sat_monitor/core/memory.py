"""Memory that is used again: what a fresh page costs is more than what is written to it."""

from __future__ import annotations

import ctypes
from functools import cache

#: Numbers of malloc.h (glibc): when the heap's end goes back, what is mapped on its own, how many heaps there are.
_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8
_NEVER = (1 << 31) - 1


@cache
def keep_freed_memory() -> bool:
    """Have the C library keep what this process frees for what it asks for next; whether it does (glibc only).

    By default arrays of megabytes go back to the system when they are freed, and the next block's come as fresh pages
    that must be cleared: on a virtual machine this took a third of the time of scoring a scene.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return False
    settings = ((_MMAP_MAX, 0), (_TRIM_THRESHOLD, _NEVER), (_ARENA_MAX, 1))
    return all(bool(mallopt(number, value)) for number, value in settings)
