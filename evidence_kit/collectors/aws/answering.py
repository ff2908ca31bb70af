"""Holds answers against their questions: what was asked for and not answered, and answers to another question.

A server that is wrong, or somebody in between with a memory, can answer one question with what another was answered:
whole, signed for by nothing, and of the right shape. What tells the two apart is what stands in the answer.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import jmespath

from evidence_kit.model.exchange import Exchange
from evidence_kit.model.unit import Finding

UNANSWERED = "not_answered"
FOREIGN = "answers_another_question"
ALIKE = "answered_alike"
FIELDS = frozenset({"path", "some"})
MAX_NAMED = 25  # ids that a finding spells out; the pages hold the rest
_REMEMBERED = 4096  # answers: a cache that repeats itself does so soon
_SHORTEST = 4  # of a name that is looked for in a body: shorter ones stand there by chance


@dataclass(slots=True)
class Asked:
    """What one call asks for by id, and what of it the pages of its answer have named so far."""

    operation: str
    path: str
    wanted: Sequence[str]
    some: bool  # whether the service says nothing of an id of which there is nothing
    named: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, call: Mapping[str, Any], values: Mapping[str, object]) -> "Asked | None":
        """Return what a call has to be held against; None where its source does not say how."""
        said = call.get("answers")
        if said is None:
            return None
        bound = values[call["each"]["as"]]
        wanted = [str(one) for one in bound] if isinstance(bound, list) else [str(bound)]
        return cls(str(call["operation"]), str(said["path"]), wanted, bool(said.get("some", False)))

    def read(self, parsed: Mapping[str, Any]) -> Finding | None:
        """Note what a page names; return a finding where it names what was not asked for."""
        found = jmespath.search(self.path, parsed) or []
        names = [str(one) for one in found if one is not None]
        self.named.update(names)
        foreign = list(dict.fromkeys(name for name in names if name not in self.wanted))
        return self._finding(FOREIGN, foreign, "was not asked for and came") if foreign else None

    def missing(self) -> Finding | None:
        """Return a finding for what was asked for and has not come, once all pages have."""
        missing = [] if self.some else [name for name in self.wanted if name not in self.named]
        return self._finding(UNANSWERED, missing, "was asked for and did not come") if missing else None

    def _finding(self, kind: str, ids: Sequence[str], what: str) -> Finding:
        more = f" and {len(ids) - 1:,} more" if len(ids) > 1 else ""
        facts = {"asked": str(len(self.wanted)), "count": str(len(ids)), "ids": ", ".join(ids[:MAX_NAMED])}
        return Finding(kind=kind, message=f"{self.operation}: {ids[0]}{more} {what}", facts=facts)


@dataclass(slots=True)
class Alike:
    """Answers that name what they were asked about, to notice one that comes again when something else is asked.

    Many things are truly described alike, in the same bytes. Only a description that names another thing, and not
    the one asked about, is told; as a finding, since two things may both point to one of them.
    """

    seen: dict[tuple[str, str], str] = field(default_factory=dict)

    def read(self, call: Mapping[str, Any], values: Mapping[str, object], body: bytes, sha256: str) -> Finding | None:
        """Remember an answer about one thing; return a finding if it is the answer about another.

        What an earlier run has stored comes without its digest.
        """
        name = call.get("each", {}).get("as")
        asked = values.get(name) if isinstance(name, str) else None
        if not isinstance(asked, str) or len(asked) < _SHORTEST:
            return None
        operation, digest = str(call["operation"]), sha256 or hashlib.sha256(body).hexdigest()
        if asked.encode() in body:
            self.seen.setdefault((operation, digest), asked)
            return None
        if (other := self.seen.get((operation, digest), asked)) == asked:
            return None
        message = f"{operation} of {asked} was answered, byte for byte, as of {other}, which it names"
        return Finding(kind=ALIKE, message=message, facts={"asked": asked, "named": other, "sha256": digest})


class Repeats:
    """The answers of one client by the service's own ids of them, each of which it gives once."""

    def __init__(self) -> None:
        self._guard = Lock()
        self._known: OrderedDict[tuple[str, str], str] = OrderedDict()

    def is_again(self, question: str, exchange: Exchange) -> bool:
        """Say whether this very answer, its id and its bytes, was the answer to another question."""
        if not exchange.request_id or exchange.replayed:
            return False
        key = (exchange.request_id, exchange.sha256)
        with self._guard:
            first = self._known.setdefault(key, question)
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return first != question


def wrong_fields(call: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with how a call says what its answers name."""
    said = call.get("answers")
    if said is None:
        if "batch" in call.get("each", {}):
            yield "several things are asked for at once, and no `answers` says what came of them"
        return
    if not isinstance(said, Mapping) or not isinstance(said.get("path"), str) or set(said) - FIELDS:
        yield "`answers` is a `path`, and perhaps `some`"
    elif not isinstance(call.get("each", {}).get("as"), str):
        yield "`answers` needs an `each` that binds one name"
