"""Memory that one batch frees is there for the next one."""

import ctypes
import sys
from contextlib import suppress

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # glibc's <malloc.h>, as its mallopt(3) names them


def keep_freed_memory() -> None:
    """Let this process keep the memory that tensors free; does nothing where the C library is not glibc.

    glibc gives blocks of 32 MiB and more, and the free end of its heap, back to the system at once. A batch's maps are
    such blocks: each step then has their pages mapped and zeroed again, 16,384 for a map of 64 MiB. With the thresholds
    at 1 and 2 GiB what was freed is used again, and given back when the process ends. An older glibc, which takes no
    threshold above 32 MiB, is left as it is.
    """
    if sys.platform != "linux":
        return
    with suppress(AttributeError):  # another C library has no mallopt
        mallopt = ctypes.CDLL(None).mallopt
        if mallopt(MMAP_THRESHOLD, 1 << 30):
            mallopt(TRIM_THRESHOLD, (1 << 31) - 1)
