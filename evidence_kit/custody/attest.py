"""What is signed about one artifact: which bytes, from where, asked how, answered when."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Literal

from evidence_kit.custody import dsse, names, statement
from evidence_kit.custody.keys import PublicKey
from evidence_kit.errors import SignatureError, UntrustedError
from evidence_kit.model.exchange import Exchange
from evidence_kit.model.ports import Signer, Stored
from evidence_kit.model.time import rfc3339
from evidence_kit.model.unit import Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What reading an artifact told, beside its bytes."""

    kind: Literal["page", "object"]
    name: str  # the original name, before it was mapped to the safe alphabet
    page: int
    records: int | None = None
    first_event: str = ""
    last_event: str = ""
    cursor: str | None = None
    object: Mapping[str, str] | None = None


def cursor_digest(cursor: str | None) -> str | None:
    """Return the SHA-256 of a page token: tokens can carry credentials, their digests cannot."""
    return None if cursor is None else hashlib.sha256(cursor.encode()).hexdigest()


def unit_json(unit: Unit) -> dict[str, object]:
    """Return a unit as the ledger and the attestations name it."""
    return {
        "unit": unit.id,
        "source": unit.source,
        "target": {"provider": unit.target.provider, "id": unit.target.id, "name": unit.target.name},
        "region": unit.region,
        "stream": unit.stream,
        "window": unit.window.to_json() if unit.window else None,
    }


def exchange_json(exchange: Exchange) -> dict[str, object]:
    """Return one attempt as the ledger and the attestations record it."""
    request = exchange.request
    return {
        "request": {
            "method": request.method,
            "host": request.host,
            "path": request.path,
            "operation": request.operation,
            "params": dict(request.params),
            "digest": request.digest,
        },
        "attempt": exchange.attempt,
        "sentAt": rfc3339(exchange.sent_at),
        "receivedAt": rfc3339(exchange.received_at),
        "status": exchange.status,
        "requestId": exchange.request_id,
        "headers": dict(exchange.headers),
        "coding": exchange.coding,
        "clockSkew": clock_skew(exchange),
        "error": exchange.error,
        **({"peer": exchange.peer} if exchange.peer else {}),
        **({"caller": exchange.caller} if exchange.caller else {}),
    }


def clock_skew(exchange: Exchange) -> float | None:
    """Return the provider's `Date` minus the middle of the exchange by our clock, in seconds; None if unsaid."""
    provider = _said_at(next((value for name, value in exchange.headers.items() if name.lower() == "date"), ""))
    if provider is None or provider.tzinfo is None:
        return None
    middle: datetime = exchange.sent_at + (exchange.received_at - exchange.sent_at) / 2
    return round((provider - middle).total_seconds(), 1)


@lru_cache(maxsize=64)
def _said_at(date: str) -> datetime | None:
    """Read a `Date` header; a second of a busy provider holds hundreds that are alike."""
    try:
        return parsedate_to_datetime(date) if date else None
    except (ValueError, OverflowError):
        return None


def reading_json(reading: Reading) -> dict[str, object]:
    """Return what reading the artifact told."""
    return {
        "kind": reading.kind,
        "originalName": reading.name,
        "object": dict(reading.object) if reading.object else None,
        "page": reading.page,
        "records": reading.records,
        "firstEvent": reading.first_event,
        "lastEvent": reading.last_event,
        "cursor": cursor_digest(reading.cursor),
    }


def artifact_line(
    *,
    path: str,
    stored: Stored,
    unit: Unit,
    exchange: Exchange,
    reading: Reading,
    context: Mapping[str, object],
    signer: Signer,
    said: Mapping[str, object] | None = None,
) -> bytes:
    """Return the signed attestation of one artifact as a journal line, without line feed.

    `context` is what all artifacts of one acquisition share: case, acquisition and collector. `said` is
    `exchange_json(exchange)`, where that is at hand already.
    """
    predicate = {
        **context,
        **unit_json(unit),
        **(exchange_json(exchange) if said is None else said),
        **reading_json(reading),
        "bytes": stored.size,
    }
    subject = statement.Subject(path, stored.sha256)
    return dsse.sign_line(statement.build(statement.ARTIFACT, [subject], predicate), signer)


def attested(line: bytes, keys: Mapping[str, PublicKey]) -> tuple[str, str]:
    """Return `(path, sha256)` of the one artifact that an attestation line is about, if one of `keys` signed it."""
    envelope = dsse.parse_line(line)
    try:
        said = statement.parse(envelope.verify_among(keys.get), expected=statement.ARTIFACT)
    except UntrustedError as error:
        raise SignatureError("signed by a key that is not this acquisition's") from error
    if len(said.subjects) != 1:
        raise SignatureError("an attestation is about one artifact")
    return names.require_safe(said.subjects[0].name), said.subjects[0].sha256
