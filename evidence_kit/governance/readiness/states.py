"""Reads what providers say of their own logging; nothing here is evidence, and nothing is kept but the facts.

Which facts is data: `states.yaml`. Whatever cannot be read is a state of its own and never nothing.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import jmespath

from evidence_kit.acquire.context import Interrupted, UnitContext, World
from evidence_kit.errors import AccessError, EvidenceKitError, OperatorStop, ProviderError
from evidence_kit.governance.readiness.observed import Kind, State, as_value
from evidence_kit.model.document import parse_document
from evidence_kit.model.exchange import Closed, Download, Page, Remark, Stop
from evidence_kit.model.ports import Collector
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.unit import Unit

STATUS = "status"
MAX_VALUE = 8_000  # characters of one fact; longer ones are compared by what fits
_TEXT = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Which facts one operation's answers give."""

    operation: str
    each: str
    subject: str
    subject_param: str
    facts: Mapping[str, tuple[str, Kind]]  # name to path and kind


@cache
def rules() -> Mapping[str, tuple[Rule, ...]]:
    """Return the rules by source."""
    path = files("evidence_kit.governance.readiness") / "states.yaml"
    data: Mapping[str, Any] = parse_document(path.read_bytes(), name="states.yaml").data
    return {str(source): tuple(map(_rule, listed)) for source, listed in data.items()}


def _rule(said: Mapping[str, Any]) -> Rule:
    return Rule(
        operation=said["operation"],
        each=said.get("each", ""),
        subject=said.get("subject", ""),
        subject_param=said.get("subject_param", ""),
        facts={name: (one["path"], one["kind"]) for name, one in said["facts"].items()},
    )


def read_states(units: Sequence[Unit], collectors: Mapping[str, Collector], world: World) -> Iterator[State]:
    """Ask each unit about its logging, and yield what it says and how the asking ended."""
    for unit in units:
        listed = rules().get(unit.source)
        if listed is None:
            continue
        found: list[State] = []
        status, reason = unit.settled or _asked(unit, collectors[unit.source], world, listed, found)
        yield from found
        yield _state(unit, "", STATUS, "status", [status.value, reason if status is not UnitStatus.COMPLETE else ""])


def _asked(
    unit: Unit, collector: Collector, world: World, listed: Sequence[Rule], found: list[State]
) -> tuple[UnitStatus, str]:
    ctx = UnitContext(world=world, limit=collector.spec.limit, unit=unit, record=lambda _: None)
    try:
        return _ending(_facts(collector.acquire(unit, ctx), unit, listed, found))
    except Interrupted:
        raise OperatorStop("stopped while asking about logging") from None
    except Stop as stop:
        return stop.status, stop.reason
    except AccessError as error:
        return UnitStatus.DENIED, error.message
    except (ProviderError, EvidenceKitError) as error:
        return UnitStatus.PARTIAL_ERROR, error.message
    except Exception as error:  # noqa: BLE001 - one collector's bug must not hide what the others say
        return UnitStatus.PARTIAL_ERROR, f"the collector failed: {type(error).__name__}: {error}"[:_TEXT]


@dataclass(slots=True)
class _Pages:
    """How an asking went."""

    count: int = 0
    pending: str = ""
    closed: Closed | None = None


def _ending(done: _Pages) -> tuple[UnitStatus, str]:
    if done.pending:
        return UnitStatus.PARTIAL_TRUNCATED, f"`{done.pending}` ended although its last page promised another"
    if done.closed:
        return done.closed.status, done.closed.reason
    if not done.count:
        return UnitStatus.PARTIAL_TRUNCATED, "nothing was answered; silence is not an empty result"
    return UnitStatus.COMPLETE, ""


def _facts(
    items: Iterable[Page | Download | Remark | Closed], unit: Unit, listed: Sequence[Rule], found: list[State]
) -> _Pages:
    done, pending = _Pages(), set[str]()
    for item in items:
        if isinstance(item, Closed):
            done.closed = item
        if not isinstance(item, Page):
            continue
        done.count += 1
        (pending.add if item.next_cursor is not None else pending.discard)(item.name)
        for rule in listed:
            if rule.operation == item.exchange.request.operation:
                found += _of_page(item, rule, unit)
    done.pending = min(pending, default="")
    return done


def _of_page(page: Page, rule: Rule, unit: Unit) -> Iterator[State]:
    try:
        body = json.loads(page.body)
    except (ValueError, RecursionError) as error:
        raise ProviderError(f"`{rule.operation}` answered what is no JSON") from error
    params = page.exchange.request.params
    for one in _each(rule.each, body):
        subject = jmespath.search(rule.subject, one) if rule.subject else params.get(rule.subject_param, "")
        for name, (path, kind) in rule.facts.items():
            yield _state(unit, str(subject or "")[:_TEXT], name, kind, jmespath.search(path, one))


def _each(path: str, body: object) -> Sequence[object]:
    found = jmespath.search(path, body) if path else [body]
    return found if isinstance(found, list) else []


def _state(unit: Unit, subject: str, name: str, kind: Kind, value: object) -> State:
    text = as_value(value)
    return State(
        source=unit.source,
        target=unit.target.id,
        place=" ".join(filter(None, (unit.region, unit.stream))),
        subject=subject,
        name=name,
        kind=kind,
        value=text if len(text) <= MAX_VALUE else as_value(text[:MAX_VALUE]),
    )
