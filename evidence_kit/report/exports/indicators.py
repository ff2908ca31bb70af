"""Indicators: addresses, accounts and keys that are named, or that a saved question returns. Never secrets."""

import hashlib
import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from evidence_kit.errors import UsageError
from evidence_kit.model.document import did_you_mean
from evidence_kit.report.events.addresses import is_ip

# Kind → the column of `evidence` that it stands in.
KINDS: Mapping[str, str] = {"address": "src_ip", "account": "actor", "key": "credential"}
MAX_INDICATORS = 100  # of one document; a receiver reads them one by one
MAX_VALUE = 400  # characters; all of them go on record in one event, which holds a megabyte
# What opens something by itself. A public key id such as `AKIA…` does not; what belongs to it does.
_SECRETS = tuple(
    re.compile(pattern)
    for pattern in (
        r"-----BEGIN [A-Z ]*PRIVATE KEY",
        r"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}",  # a JSON web token
        r"(?<![A-Za-z0-9/+=])(?=[A-Za-z0-9/+]*[/+])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])",  # an AWS secret access key
        r"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{20,}|glpat-[\w-]{18,})",
        r"\bxox[abeoprs]-[\w-]{10,}",
        r"\bsk-[A-Za-z0-9_-]{20,}",
        r"\bya29\.[\w-]{20,}",
        r"(?i)\b(?:bearer|password|passwd|secret)[=: ]\S+",
    )
)


@dataclass(frozen=True, slots=True, order=True)
class Indicator:
    """One value and what it is. `said` is what leaves the house: a key only as its fingerprint."""

    kind: str
    value: str

    @property
    def column(self) -> str:
        """Return where it stands in the evidence."""
        return KINDS[self.kind]

    @property
    def said(self) -> str:
        """Return the value as documents have it."""
        return fingerprint(self.value) if self.kind == "key" else self.value


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to look for, and what of a question's answer is not looked for."""

    indicators: tuple[Indicator, ...]
    left_out: Mapping[str, int]


def fingerprint(key: str) -> str:
    """Return what stands for a key's id: whoever knows the id can compute it, nobody else learns it."""
    return f"sha256:{hashlib.sha256(key.encode()).hexdigest()}"


def parse_indicator(text: str) -> Indicator:
    """Read `KIND=VALUE`; UsageError for what is none, and for what looks like a secret, which it does not repeat."""
    kind, equals, value = text.partition("=")
    if not equals or not value:
        raise UsageError("an indicator is `KIND=VALUE`", hint=f"kinds are: {', '.join(KINDS)}")
    if looks_secret(value):
        raise UsageError(
            f"this {kind[:20]!a} looks like a secret", hint="name a key by its id, never by what opens it"
        )
    if kind not in KINDS:
        raise UsageError(f"unknown kind of indicator `{kind[:40]}`", hint=did_you_mean(kind, KINDS))
    if len(value) > MAX_VALUE:
        raise UsageError(f"an indicator of more than {MAX_VALUE:,} characters")
    if kind == "address" and not is_ip(value):
        raise UsageError(f"`{value[:80]}` is no address", hint="one IPv4 or IPv6 address, such as `198.51.100.7`")
    return Indicator(kind, _plain(kind, value))


def looks_secret(value: str) -> bool:
    """Say whether a text looks like something that opens something."""
    return any(pattern.search(value) for pattern in _SECRETS)


def wanted(named: Sequence[Indicator], columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Wanted:
    """Return the indicators that were named, then those in the answer to a question, each once.

    Of an answer, the columns of `KINDS` count. What is no address, too long or looks like a secret is left out.
    """
    found = dict.fromkeys(named)
    places = [(kind, columns.index(column)) for kind, column in KINDS.items() if column in columns]
    left = {"not usable": 0, "beyond the bound": 0}
    seen: set[tuple[str, str]] = set()
    for row in rows:
        for kind, at in places:
            value = row[at]
            if not isinstance(value, str) or not value or (kind, value) in seen:
                continue
            seen.add((kind, value))
            if not _is_usable(kind, value):
                left["not usable"] += 1
            elif (one := Indicator(kind, _plain(kind, value))) not in found:
                if len(found) < MAX_INDICATORS:
                    found[one] = None
                else:
                    left["beyond the bound"] += 1
    if len(found) > MAX_INDICATORS:
        raise UsageError(f"more than {MAX_INDICATORS} indicators in one document", hint="make several")
    return Wanted(tuple(found), {name: count for name, count in left.items() if count})


def _is_usable(kind: str, value: str) -> bool:
    return len(value) <= MAX_VALUE and not looks_secret(value) and (kind != "address" or is_ip(value))


def _plain(kind: str, value: str) -> str:
    """Return a value as documents have it: an IPv6 address can be written in many ways, and is in one."""
    return str(ipaddress.ip_address(value)) if kind == "address" else value
