"""The custody record of a case as a model: sections of fields, each with what the case says and where it says so.

Nothing here is checked; that is what `verify` is for. Nothing here knows of a layout either. No artifact is opened,
and of a journal only its first line: a bag of any size is told from its seal and its record.
"""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from evidence_kit.acquire.case import read_description
from evidence_kit.analysis.history import Told, read_log
from evidence_kit.custody import log
from evidence_kit.custody.log import State
from evidence_kit.report.custody import sources as custody_sources
from evidence_kit.report.custody.chain import movement
from evidence_kit.report.custody.digging import Found, dig
from evidence_kit.report.custody.fields import GROUPS, RECORD
from evidence_kit.report.custody.sources import Bag
from evidence_kit.report.custody.spec import BAG, Spec
from evidence_kit.vaults.local import LocalVault

NOT_RECORDED = "not recorded"
NOTICE = (
    "This is what the case says about itself. Nothing was checked to write it: no hash, no signature, no time-stamp."
    " `evidence-kit verify` checks all of it, against a trust policy that is the reader's own."
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is said: a file of the case, and the path in it."""

    file: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field. Without values nobody recorded it; `remains` is what a person must still say."""

    label: str
    values: tuple[str, ...] = ()
    more: int = 0  # values beyond those
    place: Place | None = None  # None: this program has no place for it
    remains: str = ""
    absent: str = NOT_RECORDED  # what to say where there are no values


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Fields about one thing: the case, one acquisition, or one event."""

    title: str
    fields: tuple[Field, ...]
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Everything of one kind."""

    id: str
    title: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The whole record, and how far it can be believed."""

    case: str
    title: str
    notice: str
    sections: tuple[Section, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """What was read of a case."""

    description: Mapping[str, object]
    events: Sequence[Told]
    state: State
    bags: Sequence[Bag]
    checkpoint: Mapping[str, object]
    stamps: Mapping[int, str]  # size of the log → the earliest time-stamp over it


def build(vault: LocalVault) -> Record:
    """Gather the record of a case; EmptyError where there is none, and the error of a file that cannot be read."""
    description = read_description(vault)
    events, state = read_log(vault)
    case = _Case(
        description=description,
        events=events,
        state=state,
        bags=[custody_sources.read_bag(vault, known, state) for known in state.acquisitions.values()],
        checkpoint=custody_sources.read_checkpoint(vault),
        stamps=custody_sources.stamped_sizes(events),
    )
    sections = tuple(_section(case, group, title) for group, title in GROUPS.items())
    return Record(case=state.case, title=dig(description, "title").text, notice=NOTICE, sections=sections)


def _section(case: _Case, group: str, title: str) -> Section:
    specs = [spec for spec in RECORD if spec.group == group]
    return Section(id=group, title=title, parts=tuple(_parts(case, group, specs)))


def _parts(case: _Case, group: str, specs: Sequence[Spec]) -> Iterator[Part]:
    if group == "custody":
        yield _standing(case)
        for event in case.events:
            yield _event(case, event, specs)
        return
    about_case = [spec for spec in specs if not spec.file.startswith(BAG)]
    about_bags = [spec for spec in specs if spec.file.startswith(BAG)]
    if about_case:
        yield Part(title="", fields=tuple(_of_case(case, spec) for spec in about_case))
    if about_bags and not case.bags:
        yield Part(title="acquisitions", note="nothing has been collected", fields=tuple(map(_unsaid, about_bags)))
    for one in case.bags if about_bags else ():
        yield Part(title=one.path, note=one.note, fields=tuple(_of_bag(one, spec) for spec in about_bags))


def _of_case(case: _Case, spec: Spec) -> Field:
    if spec.file == log.LOG:
        fitting = [event for event in case.events if event.type == spec.event]
        found = Found.joined(dig(custody_sources.document(event), spec.path) for event in fitting)
        return _field(spec, found, absent=NOT_RECORDED if fitting else "no such event")
    if spec.file == log.CHECKPOINT:
        return _field(spec, dig(case.checkpoint, spec.path))
    return _field(spec, dig(case.description, spec.path)) if spec.file else _unsaid(spec)


def _of_bag(one: Bag, spec: Spec) -> Field:
    inner = spec.file.removeprefix(f"{BAG}/")
    place = Place(f"{one.path}/{inner}", spec.path)
    if spec.way in {"lines", "manifest"}:
        return _field(spec, Found(one.lines if spec.way == "lines" else one.digests), place)
    if spec.way == "units":
        return _field(spec, Found.bounded(one.units if spec.path == "units[]" else one.findings), place)
    document = one.documents.get(inner, {})
    if spec.way == "command" and isinstance(words := document.get(spec.path), list):
        return _field(spec, Found.of(shlex.join(str(word) for word in words)), place)
    return _field(spec, dig(document, spec.path), place)


def _event(case: _Case, event: Told, specs: Sequence[Spec]) -> Part:
    document = custody_sources.document(event)
    fields = []
    for spec in specs:
        if spec.event not in {"", event.type}:
            continue
        found = dig(document, spec.path)
        if spec.way == "giver":
            found = Found.of(event.giver)
        elif spec.way == "receiver":
            found = Found.of(event.receiver)
        elif spec.way == "movement":
            found = Found.of(movement(event.type))
        elif spec.way == "stamped":
            found = Found.of(next((case.stamps[size] for size in sorted(case.stamps) if size > event.seq), ""))
        if found.values or spec.way != "rare":
            absent = "not time-stamped" if spec.way == "stamped" else NOT_RECORDED
            fields.append(_field(spec, found, absent=absent))
    return Part(title=f"event {event.seq}, {event.type}", fields=tuple(fields))


def _standing(case: _Case) -> Part:
    """Say who has custody now, and what is pending."""
    custody = case.state.custody
    holder = Field(
        label="custodian now",
        values=(f"{custody.holder.name}, keyid {custody.holder.keyid}",),
        place=Place(log.LOG, _taken(case)),
    )
    offer = f"to {custody.offer.to.name}, by event {custody.offer.seq}" if custody.offer else "none"
    holds = tuple(f"{name}: {reason}" for name, reason in custody.holds.items())
    return Part(
        title="",
        fields=(
            holder,
            Field(
                label="hand-over on offer", values=(offer,), place=Place(log.LOG, f"{log.OFFERED}: transfer.to.name")
            ),
            Field(
                label="holds that stand",
                values=holds or ("none",),
                place=Place(log.LOG, f"{log.HELD}: hold.{{id,reason}}"),
            ),
        ),
    )


def _taken(case: _Case) -> str:
    """Return where the log names the key of whoever has custody."""
    keyid = case.state.custody.holder.keyid
    for event in reversed(case.events):
        if event.type in {log.OPENED, log.ACCEPTED} and event.keyid == keyid:
            return f"{event.type}: actor.{{name,keyid}}"
        if event.type == log.ROTATED and dig(event.fields, "newKey.keyid").text == keyid:
            return f"{event.type}: newKey.keyid"
    return log.OPENED


def _field(spec: Spec, found: Found, place: Place | None = None, absent: str = NOT_RECORDED) -> Field:
    if spec.way == "present" and found.values:
        found = Found.of("recorded")
    if found.is_empty and spec.file != log.CASE:
        found = Found.of("none")  # a person who lists nothing said nothing; a program that does means it
    kind = log.TIMESTAMPED if spec.way == "stamped" else spec.event if spec.group != "custody" else ""
    where = f"{kind}: {spec.path}" if kind else spec.path
    return Field(
        label=spec.label,
        values=found.values,
        more=found.more,
        place=place or Place(spec.file, where),
        remains=spec.remains,
        absent=absent,
    )


def _unsaid(spec: Spec) -> Field:
    place = Place(spec.file, spec.path) if spec.file else None
    return Field(label=spec.label, place=place, remains=spec.remains)


def as_json(record: Record) -> dict[str, object]:
    """Return the record as plain data."""
    return {
        "apiVersion": "evidence-kit/custody-record.v1",
        "case": record.case,
        "title": record.title,
        "notice": record.notice,
        "sections": [
            {"name": section.id, "title": section.title, "parts": [_part_json(part) for part in section.parts]}
            for section in record.sections
        ],
    }


def _part_json(part: Part) -> dict[str, object]:
    return {"name": part.title, "note": part.note, "fields": [_field_json(field) for field in part.fields]}


def _field_json(field: Field) -> dict[str, object]:
    said: dict[str, object] = {
        "name": field.label,
        "recorded": bool(field.values),
        "values": list(field.values),
        "moreValues": field.more,
        "file": field.place.file if field.place else None,
        "path": field.place.path if field.place else None,
    }
    return said | ({"remains": field.remains} if field.remains else {})
