"""What a Sigma run says: of each rule how it ended, and where in the sealed bytes it matched."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from evidence_kit.errors import EvidenceKitError, Exit


class UnfitError(EvidenceKitError):
    """A rule says something that has no equal here; it is listed, never run in part."""

    exit = Exit.USAGE


class End(StrEnum):
    """How a rule ended. Only `NO_MATCH` says that records were looked at and none fits."""

    MATCHED = "matched"
    NO_MATCH = "no_match"
    NO_RECORDS = "no_records"
    NOT_TRANSLATED = "not_translated"
    FAILED = "failed"

    @property
    def meaning(self) -> str:
        """Return what a person should understand."""
        return _MEANING[self]


_MEANING = {
    End.MATCHED: "records match",
    End.NO_MATCH: "records were looked at, and none matches",
    End.NO_RECORDS: "the case holds no records of this kind, so nothing was looked at",
    End.NOT_TRANSLATED: "the rule was not run",
    End.FAILED: "the rule was run and did not come to an end",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule file as it was read: plain data for pySigma, and the digest of its bytes."""

    file: str
    sha256: str
    id: str
    title: str
    level: str
    data: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """One record that a rule fits; `artifact` and `line` lead back to sealed bytes."""

    artifact: str
    line: int
    time: str
    source: str
    target: str
    action: str
    actor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What one rule said: how it ended, why, and the first of its matches."""

    rule: Rule
    end: End
    reason: str = ""
    looked_at: int = 0  # records
    unseen: tuple[str, ...] = ()  # fields of the rule that not one of these records has
    total: int = 0  # matches, those beyond the limit included
    matches: tuple[Match, ...] = ()
