"""Check the chain of CloudTrail digests of one trail in one region; it reports every defect and stops at none.

A digest names the one before it by place, hash and signature, and begins when that one ended. Following names
alone would miss two consecutive deletions (aws-cli #7054), following times alone a replaced file; both are
checked.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from evidence_kit.custody.cloudtrail.digest import Digest, LogClaim, Previous, check_signature
from evidence_kit.errors import EmptyError, Exit, ProviderProofError
from evidence_kit.model.check import Defect
from evidence_kit.model.time import Window, rfc3339
from evidence_kit.model.unit import Finding

# A digest covers an hour and arrives within the next; later than that, none was made or it is gone.
LATE = timedelta(hours=2)

_Place = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainResult:
    """What the digests of one trail in one region prove.

    `total` counts distinct digests, `valid` those that AWS signed; `logs` are the claims of the latter only.
    """

    valid: int
    total: int
    defects: tuple[Defect, ...]
    findings: tuple[Finding, ...]
    logs: tuple[LogClaim, ...]


def check_chain(digests: Sequence[Digest], keys: Mapping[str, bytes], *, window: Window | None = None) -> ChainResult:
    """Check the digests of one `trail_id`, in any order; EmptyError if there is none.

    With `window`, every digest that ends after its start is expected; without, none before the earliest given.
    """
    if not digests:
        raise EmptyError("there is no CloudTrail digest to check")
    distinct = _distinct(digests)
    unsigned = tuple(_signature_defect(digest, keys) for digest in distinct)
    own = _commonest(distinct)
    valid = tuple(
        digest for digest, defect in zip(distinct, unsigned, strict=True) if not defect and digest.trail_id == own
    )
    # A digest that AWS did not sign still holds its place in the chain, but proves no time.
    chain, sound = _chain((*valid, *distinct), own), _chain(valid, own)
    defects = (
        *(defect for defect in unsigned if defect),
        *_foreign(distinct, own),
        *_duplicates(distinct),
        *_broken_links(chain, sound or chain, window),
        *_overlaps(sound),
    )
    return ChainResult(
        valid=len(valid),
        total=len(distinct),
        defects=defects,
        findings=(*_moved(valid), *_unlogged(sound), *_edges(sound, window)),
        logs=tuple(log for digest in valid for log in digest.logs),
    )


def _distinct(digests: Iterable[Digest]) -> tuple[Digest, ...]:
    """Drop exact copies and put the rest in order; a lost signature is taken from a copy or the successor."""
    ordered = sorted(digests, key=lambda d: (d.start, d.end, d.bucket, d.key, d.sha256, d.signature))
    claimed = {_place(d.previous): d.previous.signature for d in ordered if d.previous}
    known = {(_place(d), d.sha256): d.signature for d in ordered if d.signature}
    kept: dict[tuple[_Place, str, str, bool], Digest] = {}
    for digest in ordered:
        place = _place(digest)
        signature = digest.signature or known.get((place, digest.sha256)) or claimed.get(place, "")
        copy = (place, digest.sha256, signature, digest.misplaced)
        kept.setdefault(copy, replace(digest, signature=signature))
    return tuple(kept.values())


def _signature_defect(digest: Digest, keys: Mapping[str, bytes]) -> Defect | None:
    try:
        check_signature(digest, keys)
    except ProviderProofError as error:
        return Defect.of(error, digest.name)
    return None


def _commonest(digests: Iterable[Digest]) -> tuple[str, str, str, str]:
    counts = Counter(digest.trail_id for digest in digests)
    return min(counts, key=lambda trail_id: (-counts[trail_id], trail_id))


def _chain(digests: Iterable[Digest], own: tuple[str, str, str, str]) -> tuple[Digest, ...]:
    """Return the ordinary digests of the trail by start, one a place: the first given."""
    places: dict[_Place, Digest] = {}
    for digest in digests:
        if digest.trail_id == own and not digest.backfill:
            places.setdefault(_place(digest), digest)
    return tuple(sorted(places.values(), key=lambda d: (d.start, d.end)))


def _foreign(digests: Iterable[Digest], own: tuple[str, str, str, str]) -> Iterator[Defect]:
    for digest in digests:
        if digest.trail_id != own:
            theirs, ours = "/".join(digest.trail_id), "/".join(own)
            yield _defect(digest, f"`{digest.name}` belongs to {theirs}, but is filed under {ours}")


def _duplicates(digests: Iterable[Digest]) -> Iterator[Defect]:
    copies: defaultdict[_Place, list[Digest]] = defaultdict(list)
    for digest in digests:
        if not digest.misplaced:
            copies[_place(digest)].append(digest)
    for first, *others in copies.values():
        for other in others:
            what = "bytes" if other.sha256 != first.sha256 else "signatures"
            yield _defect(other, f"`{other.name}` and `{first.name}` are the same digest with different {what}")


def _broken_links(chain: Sequence[Digest], sound: Sequence[Digest], window: Window | None) -> Iterator[Defect]:
    """Yield what is wrong between each digest and the one that it names as previous."""
    places = {_place(digest): digest for digest in chain}
    starts = (window.start,) if window else tuple(digest.start for digest in sound)
    for digest in chain:
        if digest.previous is None:
            continue
        before = places.get(_place(digest.previous))
        if before is not None:
            yield from _mismatches(before, digest, digest.previous)
        elif digest.start > min(starts):
            yield _missing(digest, digest.previous, sound, min(starts))


def _mismatches(before: Digest, digest: Digest, said: Previous) -> Iterator[Defect]:
    if before.sha256 != said.sha256:
        yield _defect(
            before,
            f"`{before.name}` is not the digest that `{digest.name}` follows: it was altered or replaced",
            expected=said.sha256,
            found=before.sha256,
        )
    if before.signature != said.signature:
        yield _defect(before, f"the signature of `{before.name}` is not the one that `{digest.name}` says it has")
    if digest.start != before.end:
        yield _defect(
            digest,
            f"`{digest.name}` starts at {rfc3339(digest.start)}, "
            f"but the digest before it ended at {rfc3339(before.end)}",
        )


def _missing(digest: Digest, said: Previous, sound: Iterable[Digest], begin: datetime) -> Defect:
    """Describe the hole before `digest`, from where coverage last ended; more than one digest may be gone."""
    since = max((d.end for d in sound if d.end < digest.start), default=begin)
    return Defect(
        verdict=Exit.PROVIDER_PROOF,
        subject=f"s3://{said.bucket}/{said.key}",
        message=f"the digest before `{digest.name}` is missing; "
        f"nothing proves what was delivered from {rfc3339(since)} to {rfc3339(digest.start)}",
        facts=(("start", rfc3339(since)), ("end", rfc3339(digest.start))),
    )


def _overlaps(sound: Sequence[Digest]) -> Iterator[Defect]:
    """Yield digests that cover time twice; between a digest and its own predecessor the link check tells."""
    for furthest, digest in _with_furthest(sound):
        linked = digest.previous and _place(digest.previous) == _place(furthest)
        if digest.start < furthest.end and not linked:
            yield _defect(digest, f"`{digest.name}` covers time that `{furthest.name}` covers as well")


def _unlogged(sound: Sequence[Digest]) -> Iterator[Finding]:
    """Yield the spans between the end of one chain and the start of the next."""
    for furthest, digest in _with_furthest(sound):
        if digest.previous is None and digest.start > furthest.end:
            yield _not_logged(furthest.end, digest.start, digest)


def _with_furthest(sound: Sequence[Digest]) -> Iterator[tuple[Digest, Digest]]:
    """Yield each digest but the first with the one before it, by start, that reaches furthest."""
    furthest: Digest | None = None
    for digest in sound:
        if furthest is not None:
            yield furthest, digest
        furthest = digest if furthest is None or digest.end > furthest.end else furthest


def _edges(sound: Sequence[Digest], window: Window | None) -> Iterator[Finding]:
    """Yield what `window` asks for beyond the first and the last digest."""
    if window is None:
        return
    if sound and sound[0].previous is None and sound[0].start > window.start:
        yield _not_logged(window.start, min(sound[0].start, window.end), sound[0])
    last = max((digest.end for digest in sound), default=window.start)
    if window.end - last > LATE or not sound:
        span = Window(max(last, window.start), window.end)
        yield Finding(
            kind="no_digest_after",
            message=f"no digest covers {rfc3339(span.start)} to {rfc3339(span.end)}: logging or validation was "
            "stopped, or the newest digests were deleted or are not delivered yet",
            window=span,
        )


def _not_logged(start: datetime, end: datetime, digest: Digest) -> Finding:
    return Finding(
        kind="not_logged",
        message=f"AWS started a new chain at {rfc3339(digest.start)}; before it, from {rfc3339(start)} to "
        f"{rfc3339(end)}, logging or validation was off, or the last digests of an older chain were deleted",
        window=Window(start, end),
        facts={"digest": digest.name},
    )


def _moved(digests: Sequence[Digest]) -> Iterator[Finding]:
    moved = [d for d in digests if d.stored not in {None, (d.bucket, d.key)}]
    if moved:
        first = moved[0]
        yield Finding(
            kind="digest_moved",
            message=f"{len(moved)} of {len(digests)} digests were not found where CloudTrail delivered them "
            f"(`s3://{first.bucket}/{first.key}`): they are copies",
            facts={"digest": first.name},
        )


def _place(named: Digest | Previous) -> _Place:
    return (named.bucket, named.key)


def _defect(digest: Digest, message: str, **facts: str) -> Defect:
    return Defect(verdict=Exit.PROVIDER_PROOF, subject=digest.name, message=message, facts=tuple(facts.items()))
