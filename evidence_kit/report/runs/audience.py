"""What a report leaves out for others than ourselves: the playbook policy's fields, wherever their values show.

Records are minimised field by field. Texts about them, such as the reason of a step or a finding, lose the values
that these fields have anywhere in the evidence. Names of files, targets and the people in the chain of custody stay.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from enum import Enum
from typing import Any, TypeVar

from evidence_kit.analysis.minimise import Minimiser
from evidence_kit.analysis.timeline.asked import Asked
from evidence_kit.analysis.timeline.rows import Evidence
from evidence_kit.playbook.model import Policy
from evidence_kit.report.case.holding import Pointer
from evidence_kit.report.case.model import CaseReport, Event

INTERNAL = "internal"
T = TypeVar("T")
_ABOUT_RECORDS = ("runs", "findings", "disagreements", "coverage", "gaps", "deadlines", "requests", "unread")
_TELLING = 4  # letters; a shorter value stands in words that have nothing to do with it


@dataclass(slots=True)
class Sieve:
    """Minimises record after record, and remembers what each value became."""

    minimiser: Minimiser
    became: dict[str, str] = field(default_factory=dict)
    _told: dict[str, str] = field(
        default_factory=dict
    )  # texts that were looked at: most of a report stand many times

    def __call__(self, row: Mapping[str, object]) -> Mapping[str, object]:
        """Return a record without what the policy takes out."""
        self.became |= self.minimiser.raw(str(row.get("raw") or "{}"))[1]
        return self.minimiser.row(row)

    def over(self, evidence: Evidence) -> Evidence:
        """Return evidence that shows itself minimised, once every record of it has been looked at."""
        told = replace(evidence, minimise=self)
        for records in (told.events(Asked()), told.untimed(Asked())):
            for _ in records:
                pass  # the sieve remembers
        return told

    def text(self, text: str) -> str:
        """Return a text without the values of fields that are taken out."""
        if text not in self._told:
            told = text
            for said in sorted(_within(text, self.became), key=len, reverse=True):  # what holds another goes first
                told = told.replace(said, self.became[said])
            self._told[text] = told
        return self._told[text]

    def report(self, made: CaseReport) -> CaseReport:
        """Return a report whose texts about records say no more than the records do."""
        told = {name: self._all(getattr(made, name)) for name in _ABOUT_RECORDS}
        return replace(made, **told, events=self._summaries(made.events), overrides=self._summaries(made.overrides))

    def _summaries(self, events: tuple[Event, ...]) -> tuple[Event, ...]:
        """Return events that say less and still lead to the same files, by the same digests."""
        return tuple(replace(one, summary=self.text(one.summary)) for one in events)

    def _all(self, value: T) -> T:
        found: Any = value
        if isinstance(value, str) and not isinstance(value, Enum):
            found = self.text(value)
        elif isinstance(value, tuple):
            found = tuple(map(self._all, value))
        elif is_dataclass(value) and not isinstance(value, type | Pointer):  # a pointer has to lead there
            found = replace(value, **{one.name: self._all(getattr(value, one.name)) for one in fields(value)})
        result: T = found
        return result


def _within(text: str, values: Mapping[str, str]) -> Iterator[str]:
    return (said for said in values if len(said) >= _TELLING and said in text)


def said_of(policy: Policy, audience: str) -> str:
    """Return in words what a report for somebody leaves out; nothing for ourselves."""
    if audience == INTERNAL:
        return ""
    parts = [f"without {', '.join(policy.drop)}"] if policy.drop else []
    parts += [f"pseudonyms for {', '.join(policy.pseudonymise)}"] if policy.pseudonymise else []
    return f"for: {audience}{''.join(f'; {part}' for part in parts)}"
