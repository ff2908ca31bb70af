"""Facts about cases: what their custody logs and their verification say, within a period."""

from collections.abc import Iterator, Mapping

from evidence_kit.custody import log
from evidence_kit.governance.controls.items import Asked, Item, shown
from evidence_kit.governance.controls.recorded import CaseRecord, EventRecord, Records
from evidence_kit.model.time import parse_instant, rfc3339

_NOT_VERIFIED = "not verified for this pack: no trust policy was given"


def _checked(records: Records, *names: str) -> Iterator[Item]:
    """Yield each case with how the questions of its verification were answered."""
    for case in records.in_period():
        if not case.checks:
            yield shown(f"case {case.id}", _NOT_VERIFIED, by=None)
            continue
        found = {name: case.checks[name] for name in names if name in case.checks}
        failed = [name for name, one in found.items() if one.status == "fail"]
        silent = [name for name in names if name not in found or found[name].status == "not_checked"]
        if failed:
            yield shown(f"case {case.id}", f"fails: {', '.join(failed)}", by=False)
        elif silent:
            yield shown(f"case {case.id}", f"not checked: {', '.join(silent)}", by=None)
        else:
            yield shown(f"case {case.id}", f"verified: {', '.join(names)}; log head {case.head}", by=True)


def custody_unbroken(asked: Asked) -> Iterator[Item]:
    """Yield each case: whether its log is whole, signed by trusted keys, and extended event by event."""
    yield from _checked(asked.records, "trust", "log", "custody", "case", "layout")


def evidence_intact(asked: Asked) -> Iterator[Item]:
    """Yield each case: whether every stored byte is what was sealed."""
    yield from _checked(asked.records, "seal", "tagmanifest", "manifest", "files")


def provider_proofs_hold(asked: Asked) -> Iterator[Item]:
    """Yield each case: whether proofs that providers themselves signed agree with the evidence."""
    yield from _checked(asked.records, "proofs")


def _acquisitions(records: Records) -> Iterator[tuple[CaseRecord, str, EventRecord, EventRecord | None]]:
    """Yield each acquisition that was started within the period, with the event that sealed it."""
    for case in records.cases:
        sealed = {str(one.part("acquisition").get("id")): one for one in case.of(log.SEALED)}
        for event in case.of(log.STARTED):
            if event.at in records.period:
                name = str(event.part("acquisition").get("id"))
                yield case, name, event, sealed.get(name)


def _named(case: CaseRecord, acquisition: str) -> str:
    return f"{case.id} acquisition {acquisition}"


def sealed(asked: Asked) -> Iterator[Item]:
    """Yield each acquisition: whether a signed seal closed it."""
    for case, name, _, seal in _acquisitions(asked.records):
        said = f"sealed {rfc3339(seal.at)} by {seal.actor}, event {seal.seq}" if seal else "started and never sealed"
        yield shown(_named(case, name), said, by=seal is not None)


def time_stamped(asked: Asked) -> Iterator[Item]:
    """Yield each sealed acquisition: whether a time-stamp over its seal is on record."""
    for case, name, _, seal in _acquisitions(asked.records):
        if seal is None:
            continue
        granted = {str(one.get("of")) for event in case.of(log.TIMESTAMPED) for one in _granted(event)}
        is_stamped = any(f"/{name}/" in f"/{of}" for of in granted)
        yield shown(_named(case, name), "time-stamped" if is_stamped else "no time-stamp on record", by=is_stamped)


def _granted(event: EventRecord) -> Iterator[Mapping[str, object]]:
    found = event.said.get("timestamps")
    for one in found if isinstance(found, list) else ():
        if isinstance(one, Mapping) and one.get("result") == "granted":
            yield one


def gaps_accounted(asked: Asked) -> Iterator[Item]:
    """Yield each sealed acquisition: whether every planned unit ended in a status of its own, be it a loss."""
    for case, name, _, seal in _acquisitions(asked.records):
        if seal is not None:
            units = [unit for unit in case.units if unit.acquisition == name]
            open_ = sum(not unit.status for unit in units)
            lost = sum(not unit.whole for unit in units) - open_
            said = f"{len(units):,} units, {lost:,} not obtained in full and said so, {open_:,} without an end"
            yield shown(_named(case, name), said, by=open_ == 0 if units else None)


def clock_measured(asked: Asked) -> Iterator[Item]:
    """Yield each acquisition: whether the clocks of the providers were compared with the collecting machine's."""
    for case, name, _, seal in _acquisitions(asked.records):
        if seal is not None:
            is_measured = name in case.measured
            said = "offsets on record" if is_measured else "no offset on record"
            yield shown(_named(case, name), said, by=is_measured)


def countersigned(asked: Asked) -> Iterator[Item]:
    """Yield each sealed acquisition: whether somebody else signed its seal too."""
    for case, name, _, seal in _acquisitions(asked.records):
        if seal is not None:
            by = {
                event.actor
                for event in case.of(log.COUNTERSIGNED)
                if event.part("countersignature").get("acquisition") == name and event.actor != seal.actor
            }
            yield shown(_named(case, name), f"by {', '.join(sorted(by))}" if by else "by nobody else", by=bool(by))


def verified_since(asked: Asked) -> Iterator[Item]:
    """Yield each sealed acquisition: whether a later verification is on record, and what came of the last."""
    for case, name, _, seal in _acquisitions(asked.records):
        if seal is None:
            continue
        later = [one for one in case.of(log.VERIFIED) if one.seq > seal.seq and one.at in asked.records.period]
        verdict = str(later[-1].part("verification").get("verdict", "")) if later else ""
        said = f"{verdict}, event {later[-1].seq}" if later else "no verification on record since the seal"
        yield shown(_named(case, name), said, by=verdict in {"OK", "INCOMPLETE"} if later else None)


def transfers_receipted(asked: Asked) -> Iterator[Item]:
    """Yield each hand-over that was offered: whether its receiver signed for it, and in which condition."""
    for case in asked.records.cases:
        answers = {}
        for event in case.of(log.ACCEPTED, log.REJECTED, log.WITHDRAWN):
            answers[event.part("transfer", "offer").get("seq")] = event
        for event in case.of(log.OFFERED):
            if event.at in asked.records.period:
                yield _transfer(event, answers.get(event.seq))


def _transfer(offer: EventRecord, answer: EventRecord | None) -> Item:
    if answer is None:
        return shown(offer.id, "not answered", by=None)
    state = str(answer.part("received").get("sealState", ""))
    if answer.type == log.ACCEPTED:
        return shown(
            offer.id, f"signed for by {answer.actor}, {state or 'condition not stated'}", by=state == "intact"
        )
    return shown(offer.id, f"{answer.type.partition('.')[2]} by {answer.actor}", by=True)


def clocks_met(asked: Asked) -> Iterator[Item]:
    """Yield each clock that a person started: whether it was met before the deadline that was recorded with it."""
    for case in asked.records.cases:
        met = {event.part("clock").get("started"): event for event in case.of(log.CLOCK_MET)}
        started = case.of(log.CLOCK_STARTED)
        corrected = {event.part("clock").get("corrects") for event in started}
        for event in started:
            if event.at in asked.records.period and event.seq not in corrected:
                yield _clock(event, met.get(event.seq), asked.records)


def _clock(event: EventRecord, met: EventRecord | None, records: Records) -> Item:
    said = event.part("clock")
    name, deadline = f"{event.id} {said.get('id', '')}".rstrip(), said.get("deadline")
    due = parse_instant(deadline) if isinstance(deadline, str) else None
    if met is None:
        if due is not None and due <= records.at:
            return shown(name, f"not met, due {rfc3339(due)}", by=False)
        return shown(name, "not met yet", by=None)
    at = parse_instant(str(met.part("clock").get("metAt")))
    if due is None:
        return shown(name, f"met {rfc3339(at)}; no deadline in numbers is on record", by=None)
    return shown(name, f"met {rfc3339(at)}, due {rfc3339(due)}", by=at < due)


def holds_recorded(asked: Asked) -> Iterator[Item]:
    """Yield each hold: whether its reason and who ordered it are on record."""
    for event in asked.records.events(log.HELD):
        hold = event.part("hold")
        missing = [name for name in ("reason", "authority") if not _says(hold.get(name))]
        said = f"by {event.actor}" + (f"; not said: {', '.join(missing)}" if missing else "")
        yield shown(event.id, said, by=not missing)


_NEEDS_OTHERS = (log.RELEASED, log.DISPOSED, log.DISCLOSED, log.OVERRIDDEN)


def approvals_given(asked: Asked) -> Iterator[Item]:
    """Yield each release, disposal, disclosure and override: whether somebody else approved it before."""
    for case in asked.records.cases:
        agreed: dict[str, set[str]] = {}
        for event in case.events:
            if event.type == log.APPROVED:
                agreed.setdefault(str(event.part("approval").get("action", "")), set()).add(event.actor)
            elif event.type in _NEEDS_OTHERS:
                others = agreed.pop(log.ACTIONS[event.type], set()) - {event.actor}
                if event.at in asked.records.period:
                    said = f"approved by {', '.join(sorted(others))}" if others else "approved by nobody else"
                    yield shown(event.id, said, by=bool(others))


def disposals_authorised(asked: Asked) -> Iterator[Item]:
    """Yield each disposal: whether method and authority are on record."""
    for event in asked.records.events(log.DISPOSED):
        said = event.part("disposal")
        missing = [name for name in ("method", "authority") if not _says(said.get(name))]
        yield shown(
            event.id, f"not said: {', '.join(missing)}" if missing else "method and authority", by=not missing
        )


def releases_accounted(asked: Asked) -> Iterator[Item]:
    """Yield each export and disclosure: whether purpose and digest of what left are on record."""
    for event in asked.records.events(log.EXPORTED, log.DISCLOSED):
        said = event.part("export") or event.part("disclosure")
        purpose = _says(said.get("purpose"))
        to = said.get("recipient") or said.get("to") or ""
        yield shown(event.id, f"{to}: {'purpose on record' if purpose else 'no purpose stated'}", by=purpose)


def authority_recorded(asked: Asked) -> Iterator[Item]:
    """Yield each case: whether its purpose and its legal authority were recorded when it was opened."""
    for case in asked.records.in_period():
        authority = case.description.get("authority")
        has = {
            "purpose": _says(case.description.get("purpose")),
            "legal authority": _says(case.description.get("legalAuthority")) or bool(authority),
        }
        missing = [name for name, there in has.items() if not there]
        said = f"not said: {', '.join(missing)}" if missing else "purpose and legal authority"
        yield shown(f"case {case.id}", said, by=not missing)


def retention_recorded(asked: Asked) -> Iterator[Item]:
    """Yield each case: whether it says how long it is kept."""
    for case in asked.records.in_period():
        there = _says(case.description.get("retention"))
        yield shown(f"case {case.id}", "retention stated" if there else "no retention stated", by=there)


def analysis_recorded(asked: Asked) -> Iterator[Item]:
    """Yield each derived result that was kept, with what it was made from."""
    for event in asked.records.events(log.DERIVED):
        said = event.part("derived")
        inputs = said.get("derivedFrom")
        count = len(inputs) if isinstance(inputs, list) else 0
        yield shown(event.id, f"by {said.get('by', '')}, from {count:,} sealed bags", by=count > 0)


def _says(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())
