"""The digest of a file on this machine: each byte is read once, into a buffer that is used again."""

import contextlib
import hashlib
import os
import threading

CHUNK = 1 << 19  # stays in a processor's second-level cache between reading and hashing
LARGE = 8 << 20  # from here on the disk is asked for what comes next while this is hashed
_ASKED = 4 << 20  # bytes at a time
_mine = threading.local()


def digest(handle: int, size: int) -> tuple[str, int]:
    """Return SHA-256 and size of what `handle` holds from where it stands; `size` is only what to expect.

    One thread reads and hashes. A second one that reads ahead has to hand each buffer to another processor, whose
    cache does not hold it: that took longer than reading and hashing in turn.
    """
    buffer: bytearray | None = getattr(_mine, "buffer", None)
    if buffer is None:
        buffer = _mine.buffer = bytearray(CHUNK)
    view, buffers = memoryview(buffer), [buffer]
    whole, done, asked = hashlib.sha256(), 0, 0
    while got := os.readv(handle, buffers):
        whole.update(view[:got])
        done += got
        if size >= LARGE and asked < done + _ASKED // 2:
            asked = max(asked, done)
            _ask_for(handle, asked)
            asked += _ASKED
    return whole.hexdigest(), done


def _ask_for(handle: int, start: int) -> None:
    """Have the kernel fetch what comes next, where it takes such advice."""
    if hasattr(os, "posix_fadvise"):
        with contextlib.suppress(OSError):  # it is only advice
            os.posix_fadvise(handle, start, _ASKED, os.POSIX_FADV_WILLNEED)
