"""The evidence pack of a framework: per control and per target what is on record, what is missing first."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from evidence_kit.governance.controls.book import Control, Evidence, Framework
from evidence_kit.governance.controls.items import Asked, Fact, Item, State
from evidence_kit.governance.controls.recorded import Records
from evidence_kit.governance.controls.sampling import Population, one_line, population, require_seed
from evidence_kit.governance.controls.target_facts import is_possible
from evidence_kit.governance.controls.vocabulary import FACTS
from evidence_kit.model.unit import Target

MAX_EXCEPTIONS = 25  # of a row; its population lists all
NO_INVENTORY = "no inventory was given, so nothing is known of partners"
NO_PARTNER = "the inventory lists no partner"
NO_TARGET = "nothing was collected about the period, and no inventory was given"
NOTICE = (
    "What is on record, held against what each control asks for; whether a control works is for the auditor to say. "
    "A fact that is shown proves what its row says and no more: `does not prove` and `beyond` name the rest."
)


class Standing(StrEnum):
    """How a row stands, worst first: that is also the order of the pack."""

    MISSING = "missing"
    AGAINST = "against"
    PARTLY = "partly"
    NO_OCCASION = "no_occasion"  # nothing called for it, as far as the records say
    SHOWN = "shown"


_ORDER = tuple(Standing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One fact of one control, about one target or about the cases."""

    control: str
    fact: str  # with its limits
    target: Target | None
    standing: Standing
    said: str
    shown: int
    population: Population
    sample: tuple[Item, ...]
    exceptions: tuple[Item, ...]  # what is not shown, the first of them
    more: int  # exceptions beyond those
    unproved: str

    @property
    def label(self) -> str:
        """Return whom it is about."""
        return self.target.label if self.target else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """All rows of one framework over one period. `impossible` counts pairs that no known source can answer."""

    framework: Framework
    records: Records
    seed: str
    size: int
    rows: tuple[Row, ...]
    impossible: int

    @property
    def counts(self) -> Mapping[str, int]:
        """Return how many rows stand in which way."""
        return {one.value: sum(row.standing is one for row in self.rows) for one in Standing}

    def control(self, name: str) -> Control:
        """Return one of its controls."""
        return next(one for one in self.framework.controls if one.id == name)


def build(framework: Framework, records: Records, *, seed: str, size: int) -> Pack:
    """Tell every fact of every control. Equal records, seed and framework give an equal pack."""
    require_seed(seed)
    teller = _Teller(records, seed, size)
    rows = [row for control in framework.controls for row in teller.rows(control)]
    places = {control.id: at for at, control in enumerate(framework.controls)}
    rows.sort(key=lambda row: (_ORDER.index(row.standing), places[row.control], row.fact, row.label))
    return Pack(
        framework=framework,
        records=records,
        seed=seed,
        size=size,
        rows=tuple(rows),
        impossible=teller.impossible,
    )


class _Teller:
    """Tells each fact about each target once, however many controls ask for it."""

    def __init__(self, records: Records, seed: str, size: int) -> None:
        self._records, self._seed, self._size = records, seed, size
        self._told: dict[tuple[str, tuple[str, str] | None], list[Item]] = {}
        self.impossible = 0

    def rows(self, control: Control) -> Iterator[Row]:
        """Yield the rows of one control."""
        for evidence in control.evidence:
            fact = FACTS[evidence.fact]
            if fact.per == "case":
                yield self._row(control, evidence, None, fact.nothing)
                continue
            targets = list(self._targets(fact, evidence))
            for target in targets:
                yield self._row(control, evidence, target, fact.nothing)
            if not targets and (why := self._nobody(fact)):
                yield self._row(control, evidence, None, why)

    def _targets(self, fact: Fact, evidence: Evidence) -> Iterator[Target]:
        for target in self._records.targets():
            entry = self._records.entry(target)
            if fact.per == "partner":
                if entry is not None and entry.is_partner:
                    yield target
            elif not evidence.limits.family or is_possible(self._records, target, evidence.limits):
                yield target
            else:
                self.impossible += 1

    def _nobody(self, fact: Fact) -> str:
        """Say why a fact is about nobody; empty where no target there is could have it."""
        if fact.per == "partner":
            return NO_INVENTORY if self._records.entries is None else NO_PARTNER
        return "" if self._records.targets() else NO_TARGET

    def _items(self, evidence: Evidence, target: Target | None, fact: Fact) -> list[Item]:
        key = (evidence.said, (target.provider, target.id) if target else None)
        if key not in self._told:
            is_about_nobody = target is None and fact.per != "case"
            asked = Asked(records=self._records, target=target, limits=evidence.limits)
            self._told[key] = [] if is_about_nobody else list(fact.read(asked))
        return self._told[key]

    def _row(self, control: Control, evidence: Evidence, target: Target | None, nothing: str) -> Row:
        fact = FACTS[evidence.fact]
        items = {one_line(item.id): item for item in self._items(evidence, target, fact)}
        names = population(items)
        shown = sum(item.state is State.SHOWN for item in items.values())
        worst = sorted(
            (items[name] for name in names.names if items[name].state is not State.SHOWN),
            key=lambda one: one.state is State.UNKNOWN,
        )
        return Row(
            control=control.id,
            fact=evidence.said,
            target=target,
            standing=_standing(items, shown, is_told=bool(items) or not fact.on_occasion or nothing != fact.nothing),
            said=f"{shown:,} of {len(items):,}" if items else nothing,
            shown=shown,
            population=names,
            sample=tuple(items[name] for name in names.sample(self._seed, self._size)),
            exceptions=tuple(worst[:MAX_EXCEPTIONS]),
            more=max(0, len(worst) - MAX_EXCEPTIONS),
            unproved=fact.unproved,
        )


def _standing(items: Mapping[str, Item], shown: int, *, is_told: bool) -> Standing:
    if not is_told:
        return Standing.NO_OCCASION
    if items and shown == len(items):
        return Standing.SHOWN
    if shown:
        return Standing.PARTLY
    return Standing.AGAINST if any(one.state is State.AGAINST for one in items.values()) else Standing.MISSING
