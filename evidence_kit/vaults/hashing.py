"""The digest of a file on this machine: each byte is read once, into a buffer that is used again."""

import hashlib
import os
import threading
from queue import SimpleQueue

CHUNK = 1 << 18  # stays in a processor's second-level cache between reading and hashing
LARGE = 8 << 20  # from here on a second thread reads while the first one hashes
_RING = 4  # buffers between the two
_mine = threading.local()


def digest(handle: int, size: int) -> tuple[str, int]:
    """Return SHA-256 and size of what `handle` holds from where it stands; `size` is only what to expect."""
    return _side_by_side(handle) if size >= LARGE else _alone(handle)


def _alone(handle: int) -> tuple[str, int]:
    buffer: bytearray | None = getattr(_mine, "buffer", None)
    if buffer is None:
        buffer = _mine.buffer = bytearray(CHUNK)
    view, buffers = memoryview(buffer), [buffer]
    whole, size = hashlib.sha256(), 0
    while got := os.readv(handle, buffers):
        whole.update(view[:got])
        size += got
    return whole.hexdigest(), size


def _side_by_side(handle: int) -> tuple[str, int]:
    empty: SimpleQueue[bytearray | None] = SimpleQueue()
    filled: SimpleQueue[tuple[bytearray, int] | Exception | None] = SimpleQueue()
    for _ in range(_RING):
        empty.put(bytearray(CHUNK))
    reader = threading.Thread(target=_read, args=(handle, empty, filled), name="reader", daemon=True)
    reader.start()
    whole, size = hashlib.sha256(), 0
    try:
        while (part := filled.get()) is not None:
            if isinstance(part, Exception):
                raise part
            buffer, got = part
            whole.update(memoryview(buffer)[:got])
            size += got
            empty.put(buffer)
    finally:
        empty.put(None)
        reader.join()
    return whole.hexdigest(), size


def _read(
    handle: int,
    empty: "SimpleQueue[bytearray | None]",
    filled: "SimpleQueue[tuple[bytearray, int] | Exception | None]",
) -> None:
    """Fill buffers until the end, an error, or nobody takes them any more; whoever hashes is always told."""
    try:
        while (buffer := empty.get()) is not None:
            got = os.readv(handle, [buffer])
            if not got:
                break
            filled.put((buffer, got))
    except Exception as error:  # noqa: BLE001 - raised again where the digest is awaited
        filled.put(error)
    else:
        filled.put(None)
