"""Opening one blob: the one that was listed or, where it was changed meanwhile, the one that is there now."""

import base64
import binascii
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

from evidence_kit.collectors.azure.blob_listing import ALL, Blob, blobs_of, listing
from evidence_kit.collectors.azure.blob_wire import VERSION, Changed
from evidence_kit.collectors.web.wire import Ask, WebWire
from evidence_kit.model.exchange import Retryable, Stop, Stream
from evidence_kit.model.ports import Context
from evidence_kit.model.status import UnitStatus

OPERATION = "GetBlob"


@dataclass(slots=True, kw_only=True)
class Opener:
    """Opens a blob, pinned by its ETag. `now` is what the listing says after the blob was changed."""

    wire: WebWire
    ctx: Context
    url: str  # of the container
    blob: Blob
    include: str = ALL  # what could be listed beside the present blobs
    now: Blob | None = field(default=None, init=False)

    @contextmanager
    def open(self) -> Iterator[Stream]:
        """Open it; a blob that was changed since it was listed is looked up anew, for the next attempt."""
        blob = self.now or self.blob
        try:
            with self.wire.stream(self.ctx, self._ask(blob), etag=blob.etag) as stream:
                promised = tuple(filter(None, (blob.said.get("md5", ""), stream.claimed.get("md5", ""))))
                yield replace(stream, chunks=_summed(stream.chunks, promised))
        except Changed:
            self.now = self._again()
            raise

    def _ask(self, blob: Blob) -> Ask:
        pinned = {"If-Match": blob.etag} if blob.etag else {}
        return Ask(
            operation=OPERATION,
            url=f"{self.url}/{quote(blob.key, safe='/=')}",
            params=blob.params(),
            headers={"x-ms-version": VERSION, **pinned},
        )

    def _again(self) -> Blob:
        """Ask the listing what the blob is now; Stop if it is no longer there."""
        answer = self.wire.call(self.ctx, listing(self.url, self.blob.key, self.include), result="Blobs")
        self.ctx.record(answer.exchange)
        for found in blobs_of(self.blob.place, answer.parsed):
            if found.is_same(self.blob) and not found.deleted:
                return found
        raise Stop(UnitStatus.PARTIAL_ERROR, "it was deleted or replaced after it had been listed")


def _summed(chunks: Iterator[bytes], promised: tuple[str, ...]) -> Iterator[bytes]:
    """Pass the body on; its end comes only if it is what the provider said it would be."""
    hashed: Any = hashlib.md5(usedforsecurity=False)
    for chunk in chunks:
        hashed.update(chunk)
        yield chunk
    if any(_decoded(one) != hashed.digest() for one in promised):
        raise Retryable("the MD5 of what arrived is not the one that the provider names")


def _decoded(md5: str) -> bytes:
    try:
        return base64.b64decode(md5, validate=True)
    except binascii.Error:
        return b""
