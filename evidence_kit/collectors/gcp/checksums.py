"""What Cloud Storage promises of an object's stored bytes, held against the bytes that arrive.

Promised by the listing and again by the answer's `x-goog-hash`; every promise made is checked. CRC-32C is all that a
composite object has.
"""

import base64
import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace

from evidence_kit.model.exchange import Exchange, Retryable, Stop, Stream
from evidence_kit.model.status import UnitStatus

_TRIES = 3  # bytes that are wrong so often were not damaged on the way


@dataclass(slots=True, kw_only=True)
class Promise:
    """Checksums as Google writes them: in Base64, those of CRC-32C big-endian. Empty where there is none."""

    md5: str = ""
    crc32c: str = ""
    size: int | None = None
    generation: str = ""
    _failed: int = 0

    @property
    def is_checkable(self) -> bool:
        """Say whether there is a checksum."""
        return bool(self.md5 or self.crc32c)

    @contextmanager
    def kept_by(
        self, record: Callable[[Exchange], None], opened: Callable[[], AbstractContextManager[Stream]]
    ) -> Iterator[Stream]:
        """Open an object whose bytes have to be those that were promised; what is not goes on `record`."""
        try:
            with opened() as stream:
                found = stream.exchange.headers.get("x-goog-generation", self.generation)
                if found != self.generation:
                    record(replace(stream.exchange, error="other generation"))
                    raise Retryable(f"generation {self.generation} was asked for and {found} answered")
                yield replace(stream, chunks=self._summed(record, stream))
        except Stop as stop:
            if stop.status.is_whole:  # what was listed was there
                raise Stop(UnitStatus.PARTIAL_ERROR, f"not there any more: {stop.reason}") from stop
            raise

    def _summed(self, record: Callable[[Exchange], None], stream: Stream) -> Iterator[bytes]:
        import google_crc32c

        md5, crc32c, size = hashlib.md5(usedforsecurity=False), 0, 0
        for chunk in stream.chunks:
            md5.update(chunk)
            crc32c = google_crc32c.extend(crc32c, chunk)
            size += len(chunk)
            yield chunk
        found = {"md5": _text(md5.digest()), "crc32c": _text(crc32c.to_bytes(4, "big"))}
        if wrong := self._broken(found, size, stream.claimed):
            self._failed += 1
            record(replace(stream.exchange, error="other checksum"))
            if self._failed >= _TRIES:
                raise Stop(UnitStatus.INTEGRITY_FAILED, f"{wrong}, {self._failed} times over")
            raise Retryable(wrong)

    def _broken(self, found: Mapping[str, str], size: int, claimed: Mapping[str, str]) -> str:
        """Return which promise does not hold; empty if all do."""
        if self.size is not None and size != self.size:
            return f"{size:,} bytes arrived where the listing has {self.size:,}"
        listed = {"md5": self.md5, "crc32c": self.crc32c}
        for who, promised in (("the listing", listed), ("`x-goog-hash`", claimed)):
            for name, ours in found.items():
                if promised.get(name) and promised[name] != ours:
                    return f"the {name.upper()} of what arrived is not the one in {who}"
        return ""


def _text(digest: bytes) -> str:
    return base64.b64encode(digest).decode()
