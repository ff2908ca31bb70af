"""All clocks in force: ours, an organisation's own, and those that its agreements with partners make."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from importlib.resources import files

from evidence_kit.errors import UsageError
from evidence_kit.governance.clocks import grammar
from evidence_kit.governance.clocks.entry import READ, Clock, ClockSet, Within
from evidence_kit.governance.inventory import Entry
from evidence_kit.model.document import did_you_mean

STANDARD = "standard.yaml"
CONTRACT = "contract."


def standard() -> ClockSet:
    """Return the clocks that come with the program."""
    text = (files("evidence_kit.governance.clocks") / STANDARD).read_bytes()
    return extended(ClockSet({}, ()), text, name=STANDARD)


def extended(known: ClockSet, text: bytes, *, name: str) -> ClockSet:
    """Return a set with the clocks of one more file; UsageError where it would change one without saying so."""
    doc, found = grammar.parse_file(text, name=name)
    clocks = dict(known.clocks)
    seen: set[str] = set()
    for index, one in enumerate(found):
        at = ("clocks", index, "id")
        if one.id in seen:
            raise doc.error(at, f"two clocks are called `{one.id}`")
        if one.id in clocks and not grammar.replaces(doc, index):
            raise doc.error(at, f"there is a clock `{one.id}` already", hint="say `replaces: true` if this is meant")
        if one.id not in clocks and grammar.replaces(doc, index):
            raise doc.error(at, f"there is no clock `{one.id}` to replace", hint=did_you_mean(one.id, clocks))
        if one.id.startswith(CONTRACT):
            raise doc.error(at, f"`{CONTRACT}…` is what agreements make", hint="`notifyWithin` in the inventory")
        seen.add(one.id)
        clocks[one.id] = one
    for index, one in enumerate(found):
        if (wrong := _broken_chain(clocks, one)) is not None:
            raise doc.error(("clocks", index, "after"), wrong, hint=did_you_mean(one.after, clocks))
    return ClockSet(clocks, (*known.files, (name, doc.digest)))


def _broken_chain(clocks: Mapping[str, Clock], one: Clock) -> str | None:
    """Say what is wrong where the clock that starts `one` is not there, or in the end waits for `one` itself."""
    seen, before = {one.id}, one.after
    while before:
        if before not in clocks:
            return f"there is no clock `{before}`"
        if before in seen:
            return f"`{one.id}` waits for itself"
        seen.add(before)
        before = clocks[before].after
    return None


def with_contracts(known: ClockSet, entries: Iterable[Entry], text: bytes, *, name: str) -> ClockSet:
    """Return a set with a clock for every agreement that says how soon a partner has to tell us.

    `text` is the inventory, whose digest goes on record with what is started by it.
    """
    clocks = dict(known.clocks)
    for entry in entries:
        if (made := contract(entry, name=name)) is not None:
            clocks[made.id] = made
    return ClockSet(clocks, (*known.files, (name, hashlib.sha256(text).hexdigest())))


def contract(entry: Entry, *, name: str) -> Clock | None:
    """Return the clock of one partner's duty to tell us, if the agreement has one."""
    agreed = entry.agreement
    if agreed is None or agreed.notify_within is None:
        return None
    partner = entry.target.name or entry.target.id
    return Clock(
        id=f"{CONTRACT}{partner}",
        title=f"{partner} tells us of an incident, by {agreed.reference}",
        authority=agreed.contact_role or "us, the other party",
        must_act=partner,
        starts_on="the event that the agreement names; usually that the partner became aware",
        within=Within(elapsed=agreed.notify_within),
        status=READ,
        source=f"agreement {agreed.reference}",
        was_read=f"`notifyWithin` of `{partner}` in {name}",
        reviewed=None,
        notes=("read the clause: what starts it and who has to be told differ from contract to contract",),
    )


def choose(known: ClockSet, name: str) -> Clock:
    """Return the clock called `name`; UsageError names those that are near."""
    if name not in known.clocks:
        hint = did_you_mean(name, known.clocks)
        raise UsageError(f"there is no clock `{name[:80]}`", hint=hint)
    return known.clocks[name]


def stale(clocks: Sequence[Clock], now: datetime) -> tuple[Clock, ...]:
    """Return those that nobody has reviewed for half a year, for a linter to warn about."""
    return tuple(one for one in clocks if one.is_stale(now))
