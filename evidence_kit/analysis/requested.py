"""What partners were asked for and have not delivered yet, over all deliveries into a case."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from evidence_kit.acquire.received import requests
from evidence_kit.analysis import bagfiles
from evidence_kit.custody import strict
from evidence_kit.custody.request import Request
from evidence_kit.errors import UsageError
from evidence_kit.model.ports import Vault
from evidence_kit.model.time import Window, parse_instant, rfc3339

# Records need not lie at both ends of a window; a day without any is worth a question.
_QUIET = timedelta(days=1)


@dataclass(slots=True)
class Answered:
    """One request, and what came for it. A span is from the first to the last dated record of a class."""

    asked: Request
    deliveries: set[str] = field(default_factory=set)
    classes: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)
    spans: dict[str, Window] = field(default_factory=dict)
    whole: set[str] = field(default_factory=set)  # acquisitions with which every class and file had come

    def lacking(self) -> Iterator[str]:
        """Yield each class and each file of which nothing came."""
        yield from (f"no {name}" for name in self.asked.classes if name not in self.classes)
        for wanted in self.asked.files:
            if not any(self.asked.answers(wanted, name) for name in self.files):
                yield f"no file `{wanted}`"

    def missing(self) -> Iterator[str]:
        """Yield each part that is still missing."""
        yield from self.lacking()
        for name, span in sorted(self.spans.items()):
            yield from self._quiet(name, span)

    def _quiet(self, name: str, span: Window) -> Iterator[str]:
        window = self.asked.window
        why = "nothing happened then, or it was not delivered"
        if span.start - window.start >= _QUIET:
            yield f"{name}: no record before {rfc3339(span.start)}, asked from {rfc3339(window.start)}; {why}"
        if window.end - span.end >= _QUIET:
            yield f"{name}: no record after {rfc3339(span.end)}, asked to {rfc3339(window.end)}; {why}"

    def said(self, at: datetime) -> list[str]:
        """Return a line for each missing part, with how it stands against the deadline."""
        due = "overdue since" if self.asked.is_late(at) else "due by"
        who = self.asked.partner.get("name") or self.asked.partner.get("id", "")
        return [f"{self.asked.id} to {who}: {part} ({due} {self.asked.deadline})" for part in self.missing()]


def read_answers(vault: Vault) -> tuple[Answered, ...]:
    """Hold every request of a case against everything that was delivered for it."""
    found = {name: Answered(asked) for name, (asked, _) in requests(vault).items()}
    if not found:
        return ()
    for root in bagfiles.bags(vault):
        for ended in bagfiles.units(vault, root):
            answered = found.get(_request_of(ended.unit.settings.get("request", "")))
            if answered is None:
                continue
            answered.deliveries.add(ended.unit.id)
            for finding in ended.outcome.findings if ended.outcome else ():
                if finding.kind == "records_dated":
                    _widen(answered, finding.facts.get("class", ""), finding.facts)
            _take(vault, root, ended.unit.id, answered)
            if not any(answered.lacking()):
                answered.whole.add(ended.acquisition)
    return tuple(found.values())


def _request_of(said: str) -> str:
    return strict.field(strict.decode(said.encode()), "id", str) if said else ""


def _take(vault: Vault, root: str, unit: str, answered: Answered) -> None:
    for name, fields in bagfiles.artifacts(vault, root):
        artifact = strict.field(fields, "artifact", dict)
        facts = artifact.get("object")
        if name != unit or not isinstance(facts, dict) or facts.get("role") != "delivered":
            continue
        answered.files.add(strict.field(artifact, "originalName", str))
        if known := facts.get("class"):
            answered.classes.add(str(known))


def _widen(answered: Answered, name: str, facts: Mapping[str, str]) -> None:
    if name not in answered.asked.classes:
        return
    try:
        start, end = parse_instant(facts["first"]), parse_instant(facts["last"])
    except (KeyError, UsageError):
        return
    known = answered.spans.get(name)
    end = max(end, start + timedelta(microseconds=1))  # one record is a span too
    answered.spans[name] = Window(min(known.start, start), max(known.end, end)) if known else Window(start, end)
