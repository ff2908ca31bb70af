"""What a worker writes into its spool for the coordinator: our own records one after another, and nothing else.

A frame is a length of four bytes and a pickle. Whoever reads one takes the classes named here and no others, so
that a spool can hold data and never a call.
"""

import copyreg
import io
import pickle
from collections.abc import Callable, Iterator
from types import MappingProxyType
from typing import BinaryIO, cast

from evidence_kit.errors import ChainError

_HEAD = 4
# A page of an earlier run travels whole, as part of what it told; its body is at most 64 MB.
MAX_FRAME = 80 << 20
_KNOWN = frozenset(
    {
        ("datetime", "datetime"),
        ("datetime", "timedelta"),
        ("datetime", "timezone"),
        ("evidence_kit.acquire.afar.frames", "read_only"),
        ("evidence_kit.acquire.recorder", "Artifact"),
        ("evidence_kit.acquire.recorder", "Attempt"),
        ("evidence_kit.custody.attest", "Reading"),
        ("evidence_kit.model.exchange", "Exchange"),
        ("evidence_kit.model.exchange", "Recorded"),
        ("evidence_kit.model.exchange", "Request"),
        ("evidence_kit.model.ports", "Stored"),
        ("evidence_kit.model.status", "UnitStatus"),
        ("evidence_kit.model.time", "Window"),
        ("evidence_kit.model.unit", "Finding"),
        ("evidence_kit.model.unit", "Outcome"),
        ("evidence_kit.model.unit", "Target"),
        ("evidence_kit.model.unit", "Unit"),
    }
)


def read_only(one: dict[str, object]) -> MappingProxyType[str, object]:
    """Return the read-only mapping that was written; its own class has no name that pickle finds."""
    return MappingProxyType(one)


class _Writer(pickle.Pickler):
    """Writes read-only mappings as well, which frozen records default to."""

    dispatch_table = copyreg.dispatch_table.copy() | {MappingProxyType: lambda one: (read_only, (dict(one),))}


class _Reader(pickle.Unpickler):
    """Reads nothing but the records of this program."""

    def find_class(self, module: str, name: str) -> Callable[..., object]:
        """Return what a frame may hold."""
        if (module, name) not in _KNOWN:
            raise pickle.UnpicklingError(f"`{module}.{name}` is nothing that a spool holds")
        return cast("Callable[..., object]", super().find_class(module, name))


def frame(record: object) -> bytes:
    """Return one record as a frame."""
    out = io.BytesIO()
    _Writer(out, protocol=pickle.HIGHEST_PROTOCOL).dump(record)
    return len(out.getbuffer()).to_bytes(_HEAD, "big") + out.getbuffer()


def frames(stream: BinaryIO) -> Iterator[object]:
    """Yield the records of a spool, one in memory at a time; ChainError where it is not what `frame` writes."""
    while head := stream.read(_HEAD):
        size = int.from_bytes(head, "big")
        if len(head) < _HEAD or size > MAX_FRAME:
            raise ChainError("a worker's spool is torn")
        body = stream.read(size)
        if len(body) < size:
            raise ChainError("a worker's spool is torn")
        yield thaw(body)


def thaw(body: bytes) -> object:
    """Return the record of one frame without its length."""
    try:
        return _Reader(io.BytesIO(body)).load()
    except Exception as error:  # whatever bytes that are no pickle may raise
        raise ChainError(f"a worker's spool cannot be read: {type(error).__name__}: {error}"[:300]) from error
