"""What a change of rules does to cases: which controls read otherwise now, and in which cases that shows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from evidence_kit.errors import UsageError
from evidence_kit.governance.controls.book import Control, Framework
from evidence_kit.governance.controls.packing import Row, build
from evidence_kit.governance.controls.recorded import Records

NO_RULE = "no rule"
_SEED, _NO_SAMPLE = "0", 0  # how a control stands does not hang on a sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One control whose rule differs, or that is new or gone."""

    control: str
    kind: str  # `changed`, `added`, `removed`, `reworded`
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One case and how one changed control stands in it by the old rules and by the new ones."""

    case: str
    control: str
    before: str
    after: str
    rows_differ: bool  # other facts, or other targets, or the same that stand otherwise

    @property
    def is_affected(self) -> bool:
        """Whether it stands otherwise now; other rows may stand as the old ones did."""
        return self.before != self.after


def changes(old: Framework, new: Framework) -> tuple[Change, ...]:
    """Return every control that differs; UsageError where these are two frameworks."""
    if old.name != new.name:
        raise UsageError(f"`{old.name}` and `{new.name}` are two frameworks", hint="give an older file of the same")
    before, after = ({one.id: one for one in framework.controls} for framework in (old, new))
    return tuple(_changes(before, after))


def _changes(before: dict[str, Control], after: dict[str, Control]) -> Iterator[Change]:
    for name in dict.fromkeys((*before, *after)):
        was, is_now = before.get(name), after.get(name)
        facts = tuple(tuple(one.said for one in control.evidence) if control else () for control in (was, is_now))
        if was is None or is_now is None:
            kind = "added" if was is None else "removed"
        elif was.evidence != is_now.evidence:
            kind = "changed"
        elif was != is_now:
            kind = "reworded"
        else:
            continue
        yield Change(control=name, kind=kind, before=facts[0], after=facts[1])


def effects(old: Framework, new: Framework, records: Records) -> tuple[Effect, ...]:
    """Return, for each case and each changed control, how it stands before and after."""
    changed = {one.control for one in changes(old, new)}
    found: list[Effect] = []
    for case in records.cases:
        alone = replace(records, cases=(case,), answers=[one for one in records.answers if one.case == case.id])
        before, after = (_told(framework, changed, alone) for framework in (old, new))
        for name in sorted(changed):
            was, is_now = before.get(name, []), after.get(name, [])
            found.append(
                Effect(
                    case=case.id,
                    control=name,
                    before=_summed(was) if name in before else NO_RULE,
                    after=_summed(is_now) if name in after else NO_RULE,
                    rows_differ=list(map(_key, was)) != list(map(_key, is_now)),
                )
            )
    return tuple(found)


def _told(framework: Framework, names: set[str], records: Records) -> dict[str, list[Row]]:
    """Return the rows of some controls."""
    kept = tuple(one for one in framework.controls if one.id in names)
    rows = build(replace(framework, controls=kept), records, seed=_SEED, size=_NO_SAMPLE).rows
    return {one.id: [row for row in rows if row.control == one.id] for one in kept}


def _key(row: Row) -> tuple[str, str, str]:
    return row.fact, row.label, row.standing.value


def _summed(rows: Sequence[Row]) -> str:
    counts: dict[str, int] = {}
    for row in rows:
        counts[row.standing.value] = counts.get(row.standing.value, 0) + 1
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or "no row"
