"""Takes a partner's delivery as it lies there: every file whole, then the partner's own proof held against them."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import cast

from evidence_kit.collectors.intake import proofs
from evidence_kit.collectors.intake.delivery import (
    CHECKSUMS,
    DELIVERED,
    KEY,
    SIGNATURE,
    Delivery,
    Item,
    Listing,
    listing,
)
from evidence_kit.collectors.intake.judging import Judge
from evidence_kit.collectors.intake.matching import Names, match
from evidence_kit.collectors.intake.verdicts import Answer, Checked, Verdicts, plain
from evidence_kit.collectors.intake.watching import CHUNK, Watch
from evidence_kit.errors import AccessError, EvidenceKitError, ProviderError, UsageError
from evidence_kit.model.delivered import Places
from evidence_kit.model.exchange import Download, Exchange, Request, Stop, Stream
from evidence_kit.model.exchange import Item as Yielded
from evidence_kit.model.ports import Context
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.unit import Scope, Unit

OPERATION = "intake.read"
_HERE = "this machine"
# Signatures that bring a list of their own, and so sign no one file beside them.
ENVELOPES = (".json", ".jsonl", ".dsse", ".sigstore", ".intoto", ".bundle")


class IntakeFiles:
    """Acquires one delivery; `access` opens the places that a person names."""

    def __init__(self, spec: SourceSpec, access: object) -> None:
        self.spec = spec
        self._places = cast("Places", access)

    def units(self, scope: Scope, ctx: Context) -> Iterator[Unit]:
        """Yield one unit for the whole delivery, which remembers what lay there."""
        del ctx
        delivery = Delivery.of(scope.params)
        found = listing(delivery, self._places)
        for signature in found.of(SIGNATURE):
            if not signature.name.lower().endswith(ENVELOPES):
                found.signed_by(signature)
        counted = {"files": str(len(found.items)), "listing": found.digest}
        settings = {**delivery.to_params(), **counted}
        yield Unit(source=self.spec.name, target=scope.target, stream=delivery.stream, settings=settings)

    def acquire(self, unit: Unit, ctx: Context) -> Iterator[Yielded]:
        """Yield every file, then what the proofs say of them and how the request is answered."""
        delivery, sent_at = Delivery.of(unit.settings), ctx.now()
        found = listing(delivery, self._places)
        ctx.record(Exchange(request=_looked(delivery, found), sent_at=sent_at, received_at=ctx.now()))
        verdicts = Verdicts()
        if found.digest != unit.settings["listing"]:
            yield from verdicts.remark("changed_meanwhile", "what lies there is not what was planned to be taken")
        yield from _Run(delivery, found, verdicts, ctx).items()


class _Run:
    """One delivery on its way in."""

    def __init__(self, delivery: Delivery, found: Listing, verdicts: Verdicts, ctx: Context) -> None:
        self._delivery, self._listing, self._verdicts, self._ctx = delivery, found, verdicts, ctx
        self._watched: dict[str, Watch] = {}
        self._seen: dict[str, str] = {}  # SHA-256 of what was read as a proof, before it was taken

    def items(self) -> Iterator[Yielded]:
        """Yield everything."""
        material = proofs.material(self._listing, self._read)
        given = proofs.gather(self._listing, self._read, material.get(KEY))
        taken = [item for item in self._listing.items if item.left.plain]
        listed = match(given.claims, Names.of(item.name for item in taken), given.folders)
        judge = Judge(self._delivery, given, listed, self._verdicts)
        for item in self._listing.items:
            if not item.left.plain:
                yield from judge.no_file(item.name)
        window = self._delivery.request.window if self._delivery.request else None
        for item in taken:
            is_proof = item.role == DELIVERED and item.name in given.names
            dated = window if item.role == DELIVERED and not is_proof else None
            make = partial(Watch, item.name, judge.algorithms(item.name), dated)
            yield self._download(item, make, judge, role=CHECKSUMS if is_proof else item.role)
            watch = self._finished(item, make)
            if watch is not None:
                yield from judge.file(item, watch, self._seen.get(item.name))
        for signature in self._listing.of(SIGNATURE):
            if signature.name not in given.enveloped:
                signed, checked = self._detached(signature, material)
                yield from judge.signature(signature.name, signed, checked)
        yield from judge.whole([item for item in taken if item.role == DELIVERED])
        yield from self._verdicts.rest()
        if (closed := self._verdicts.closed()) is not None:
            yield closed

    def _detached(self, signature: Item, material: Mapping[str, bytes]) -> tuple[str, Checked]:
        """Check a signature over another file; return which file that is, and what came of it."""
        try:
            signed = self._listing.signed_by(signature)
        except UsageError as error:
            return "a file that nobody named", Checked(Answer.NOT_CHECKED, error.message)
        data = self._read(signature, proofs.MAX_SIGNATURE)
        return signed.name, proofs.detached(material, data, self._again(signed))

    def _download(self, item: Item, make: "partial[Watch]", judge: Judge, role: str) -> Download:
        facts = {
            "role": role,
            "class": self._delivery.class_of(item.name) if role == DELIVERED else "",
            "modified": item.left.modified,
            "proof": ", ".join(judge.proofs_of(item.name))[:500],
        }
        known = {name: value for name, value in facts.items() if value}
        return Download(name=item.name, open=partial(self._open, item, make, judge), object=known)

    @contextmanager
    def _open(self, item: Item, make: "partial[Watch]", judge: Judge) -> Iterator[Stream]:
        sent_at = self._ctx.now()
        watch = make()
        self._watched[item.name] = watch
        try:
            with item.place.open(item.left.name) as stream:
                chunks = watch.passed(iter(partial(stream.read, CHUNK), b""))
                yield Stream(
                    exchange=Exchange(request=_request(item), sent_at=sent_at, received_at=self._ctx.now()),
                    chunks=_translated(item.name, chunks),
                    size=item.left.size,
                    claimed=judge.claimed(item.name),
                )
        except AccessError as error:
            raise Stop(UnitStatus.DENIED, plain(error.message)) from error
        except EvidenceKitError as error:
            raise Stop(UnitStatus.PARTIAL_ERROR, plain(error.message)) from error

    def _finished(self, item: Item, make: "partial[Watch]") -> Watch | None:
        """Return what was learnt from a file. One that an earlier run has stored is read again, to be judged."""
        watch = self._watched.get(item.name)
        if watch is None:
            watch = make()
            for _ in watch.passed(self._chunks(item)):
                pass
        return watch if watch.digests else None

    def _read(self, item: Item, limit: int) -> bytes:
        """Return a small file whole, and remember which bytes that were."""
        if item.left.size > limit:
            raise ProviderError(f"`{item.name}` of {item.left.size:,} bytes is no proof: that is too large")
        data = b"".join(self._chunks(item, limit))
        self._seen[item.name] = hashlib.sha256(data).hexdigest()
        return data

    def _again(self, item: Item) -> Iterator[bytes]:
        """Yield a file once more, and raise unless it is the one that was stored."""
        total = hashlib.sha256()
        for chunk in self._chunks(item):
            total.update(chunk)
            yield chunk
        watch = self._watched.get(item.name)
        if watch and watch.digests and watch.digests["sha256"] != total.hexdigest():
            raise Stop(UnitStatus.PARTIAL_ERROR, f"`{item.name}` was changed while its signature was checked")

    def _chunks(self, item: Item, limit: int | None = None) -> Iterator[bytes]:
        with item.place.open(item.left.name) as stream:
            size = 0
            while chunk := stream.read(CHUNK):
                size += len(chunk)
                if limit is not None and size > limit:
                    raise ProviderError(f"`{item.name}` grew beyond {limit:,} bytes while it was read")
                yield chunk


def _translated(name: str, chunks: Iterator[bytes]) -> Iterator[bytes]:
    try:
        yield from chunks
    except OSError as error:
        raise Stop(UnitStatus.PARTIAL_ERROR, f"`{name}` cannot be read: {(error.strerror or '').lower()}") from error


def _looked(delivery: Delivery, found: Listing) -> Request:
    """Return the look at what lies there, as it goes on record."""
    params = {"paths": list(delivery.paths), "files": len(found.items), "listing": found.digest}
    return Request(method="LIST", host=_HERE, path="", operation="intake.list", params=params, digest=found.digest)


def _request(item: Item) -> Request:
    place = item.place.host or _HERE
    digest = hashlib.sha256(f"{OPERATION}\n{place}\n{item.name!a}".encode()).hexdigest()
    return Request(method="READ", host=place, path=item.left.name, operation=OPERATION, digest=digest)
