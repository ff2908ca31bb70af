"""Asking a partner for evidence: what the agreement allows to be asked, and the request in words."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from evidence_kit.custody.request import Request
from evidence_kit.errors import UsageError
from evidence_kit.governance.inventory import Entry
from evidence_kit.governance.permitted import Refusal, allowance, ended
from evidence_kit.model.document import did_you_mean
from evidence_kit.model.time import Window, rfc3339
from evidence_kit.sources.connector_grammar import EVIDENCE

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_TAIL = 6
_GPG = "gpg --armor --detach-sign SHA256SUMS"
_CMS = "openssl cms -sign -binary -in SHA256SUMS -signer cert.pem -inkey key.pem -outform DER -out SHA256SUMS.p7s"
MAX_TEXT = 4000  # characters of a scope; a request is a page, not a file


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the operator wants to have. `despite` says why it is asked for although no clause allows it."""

    scope: str
    window: Window
    classes: tuple[str, ...]
    formats: tuple[str, ...]
    files: tuple[str, ...]
    legal_basis: tuple[str, ...]
    deadline: date
    despite: str = ""


def refused(entry: Entry, classes: Sequence[str], at: datetime) -> tuple[Refusal, ...]:
    """Return what the agreement with a partner has against asking for `classes`."""
    agreement, label = entry.agreement, entry.target.label
    if agreement is None:
        return ()
    if over := ended(entry, at):
        return (over,)
    outside = [name for name in classes if name not in agreement.evidence]
    if not outside:
        return ()
    reason = f"asks for {', '.join(outside)}; the agreement allows {allowance(agreement.evidence)}"
    return (Refusal(target=label, source="", clause=agreement.reference, reason=reason),)


def make(entry: Entry, wish: Wish, *, case: str, asker: Mapping[str, str], at: datetime, random: bytes) -> Request:
    """Return the request; `random` makes its id one that nobody can guess."""
    _require(wish, at)
    agreement = entry.agreement
    clauses = dict(agreement.evidence) if agreement else {}
    tail = "".join(_ALPHABET[octet % len(_ALPHABET)] for octet in random[:_TAIL])
    return Request(
        id=f"REQ-{at:%Y%m%dT%H%M%SZ}-{tail}",
        issued_at=at.replace(microsecond=0),
        case=case,
        partner={"name": entry.target.name, "id": entry.target.id, "provider": entry.target.provider},
        asker=asker,
        scope=wish.scope,
        window=wish.window,
        classes={name: clauses.get(name, "") for name in wish.classes},
        formats=wish.formats,
        files=wish.files,
        legal_basis=wish.legal_basis or (agreement.legal_basis if agreement else ()),
        agreement=agreement.reference if agreement else "",
        contact_role=agreement.contact_role if agreement else "",
        deadline=wish.deadline,
        despite=wish.despite,
    )


def _require(wish: Wish, at: datetime) -> None:
    for name in wish.classes:
        if name not in EVIDENCE:
            raise UsageError(f"unknown class of evidence `{name}`", hint=did_you_mean(name, EVIDENCE))
    if not wish.classes:
        raise UsageError("which evidence?", hint=f"`--class` one of: {', '.join(EVIDENCE)}")
    if not wish.scope.strip() or len(wish.scope) > MAX_TEXT:
        raise UsageError(f"a scope has 1 to {MAX_TEXT:,} characters", hint="say what is asked for in a few sentences")
    if wish.deadline < at.date():
        raise UsageError(f"the deadline {wish.deadline} is over", hint="name a day to come")


def written(asked: Request) -> bytes:
    """Return the request as people read it; the envelope beside it is over its digest."""
    window = asked.window.to_json()
    name = asked.partner.get("name") or asked.partner.get("id", "")
    classes = [f"- {known}" + (f" ({clause})" if clause else "") for known, clause in asked.classes.items()]
    files = [f"- `{wanted}`" for wanted in asked.files]
    basis = ", ".join(asked.legal_basis) or "not stated"
    agreement = asked.agreement or "none on record"
    lines = [
        f"# Request for evidence {asked.id}",
        "",
        f"To: {name}" + (f", {asked.contact_role}" if asked.contact_role else ""),
        f"From: {asked.asker.get('name', '')} (signing key {asked.asker.get('keyid', '')})",
        f"Date: {rfc3339(asked.issued_at)}",
        f"Our reference: {asked.case}",
        f"Please answer by: {asked.deadline}",
        "",
        "## What we ask for",
        "",
        *textwrap.wrap(" ".join(asked.scope.split()), 100),
        "",
        f"Window: from {window['start']} to {window['end']}, the end not included.",
        "",
        *classes,
        *(["", "Files that we expect:", "", *files] if files else []),
        "",
        f"Format: {', '.join(asked.formats) or 'as your system exports it'}, unchanged.",
        f"Agreement: {agreement}. Legal basis: {basis}.",
        *([f"Asked for although the agreement does not name it: {asked.despite}."] if asked.despite else []),
        "",
        "## How to deliver",
        "",
        f"1. Put each class into a folder of its name, such as `{next(iter(asked.classes))}/`, and nothing else.",
        "2. Add the digests: `find . -type f ! -name SHA256SUMS -exec sha256sum {} + > SHA256SUMS`.",
        f"3. Sign that list if you can: `{_GPG}`, or",
        f"   `{_CMS}`.",
        f"4. Name {asked.id} when you deliver. You get a signed receipt over every file.",
        "",
    ]
    return "\n".join(lines).encode()
