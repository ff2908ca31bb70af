"""One line for each kind of custody event. What the log says was written by others: it is shown, never believed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from evidence_kit.custody import log
from evidence_kit.custody.log import Event

MAX_PART = 240  # characters of one text within a summary; `--json` has all of it
_KEYID = 12
_NAMED = 3  # sources are named, more are counted
Said = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Told:
    """What a summary is made of: the event's predicate, its first subject, and the offer that it answers."""

    said: Said
    subject: str = ""
    giver: str = ""
    receiver: str = ""


def summary(event: Event, giver: str = "", receiver: str = "") -> str:
    """Return what `event` says, on one line; `giver` and `receiver` are those of the offer that it answers."""
    told = Told(event.said.predicate, event.said.subjects[0].name, giver, receiver)
    return _KINDS[event.type](told) if event.type in _KINDS else ""


def part(value: object, *path: str) -> Said:
    """Return an object inside `value`, empty where there is none."""
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def line(value: object) -> str:
    """Return a text from the log on one line and no longer than a line may be."""
    text = value if isinstance(value, str) else str(value) if isinstance(value, int) else ""
    flat = " ".join(text[: 4 * MAX_PART].split())
    return flat if len(flat) <= MAX_PART else f"{flat[: MAX_PART - 1]}…"


def _count(value: object, word: str) -> str:
    count = value if type(value) is int else 0
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"


def _items(said: Said, name: str) -> list[object]:
    value = said.get(name)
    return value if isinstance(value, list) else []


def _list(*parts: str) -> str:
    return ", ".join(text for text in parts if text)


def _with(word: str, value: object) -> str:
    text = line(value)
    return f"{word} {text}" if text else ""


def _because(what: str, *why: str) -> str:
    reason = _list(*why)
    return f"{what}: {reason}" if reason else what


def _opened(told: Told) -> str:
    key = line(part(told.said, "logKey").get("keyid"))[:_KEYID]
    return f"{line(told.said.get('case'))}, log key {key}"


def _asked(told: Told) -> str:
    said = part(told.said, "acquisition")
    order, window = part(said, "order"), part(said, "order", "window")
    named = _items(order, "sources")
    sources = line(" ".join(map(line, named))) if len(named) <= _NAMED else _count(len(named), "source")
    targets = _count(len(_items(order, "targets")), "target")
    span = f"{line(window.get('start'))} to {line(window.get('end'))}" if window else ""
    return _because(line(said.get("id")), _list(f"{sources} of {targets}" if sources else "", span))


def _resumed(told: Told) -> str:
    said = part(told.said, "acquisition")
    return f"{line(said.get('id'))}, with a new key {line(said.get('keyid'))[:_KEYID]}"


def _sealed(told: Told) -> str:
    said = part(told.said, "acquisition")
    counts = f"{_count(said.get('artifacts'), 'artifact')}, {_count(said.get('unitsMissing'), 'unit')} not obtained"
    return f"{line(said.get('id'))}, {counts}"


def _note(told: Told) -> str:
    return line(told.said.get("note"))


def _repaired(told: Told) -> str:
    return f"a torn last line of {_count(part(told.said, 'torn').get('bytes'), 'byte')}, kept in this event"


def _timestamped(told: Told) -> str:
    asked = [part(item) for item in _items(told.said, "timestamps")]
    granted = [item for item in asked if item.get("result") == "granted"]
    by = list(dict.fromkeys(line(item.get("authority")) for item in granted))
    text = _count(len(granted), "token") + (f" by {line(' and '.join(by))}" if by else "")
    failed = [f"{line(i.get('authority'))} {line(i.get('result'))}" for i in asked if i.get("result") != "granted"]
    return f"{text}; {line(', '.join(failed))}" if failed else text


def _renewed(told: Told) -> str:
    said = part(told.said, "renewal")
    return _because(
        f"{_count(said.get('files'), 'file')} hashed again with {line(said.get('algorithm'))}",
        line(said.get("reason")),
    )


def _countersigned(told: Told) -> str:
    said = part(told.said, "countersignature")
    return f"the seal of {line(said.get('acquisition'))}, with key {line(said.get('keyid'))[:_KEYID]}"


def _approved(told: Told) -> str:
    said = part(told.said, "approval")
    return _because(f"the next {line(said.get('action'))}", line(said.get("reason")))


def _rotated(told: Told) -> str:
    said = part(told.said, "newKey")
    return f"key {line(said.get('keyid'))[:_KEYID]} ({line(said.get('name'))}) takes over"


def _offered(told: Told) -> str:
    said = part(told.said, "transfer")
    why = _list(line(said.get("purpose")), _with("on", said.get("medium")), line(said.get("condition")))
    return _because(f"to {line(part(said, 'to').get('name'))}", why)


def _accepted(told: Told) -> str:
    said = part(told.said, "received")
    intact = line(said.get("sealState"))
    if intact != "intact":
        found = f"{_count(said.get('defects'), 'defect')} ({line(said.get('verdict'))})"
        intact = _list(intact.upper(), found, _with("accepted despite:", said.get("despite")))
    kept = _with("kept at", said.get("location"))
    return _list(f"from {line(told.giver)}", intact, line(said.get("condition")), line(said.get("purpose")), kept)


def _rejected(told: Told) -> str:
    verdict = _with("it verified as", part(told.said, "found").get("verdict"))
    return _because(f"the offer of {line(told.giver)}", line(told.said.get("reason")), verdict)


def _withdrawn(told: Told) -> str:
    return _because(f"the offer to {line(told.receiver)}", line(told.said.get("reason")))


def _held(told: Told) -> str:
    said = part(told.said, "hold")
    return _because(line(said.get("id")), line(said.get("reason")), _with("ordered by", said.get("authority")))


def _disposed(told: Told) -> str:
    said = part(told.said, "disposal")
    scope = line(said.get("scope"))
    return _because(
        "the whole case" if scope == log.WHOLE_CASE else scope,
        line(said.get("method")),
        _with("authority:", said.get("authority")),
        _with("certificate sha256", part(said, "certificate").get("sha256")),
    )


def _verified(told: Told) -> str:
    said = part(told.said, "verification")
    return f"{line(said.get('verdict'))}, {_count(said.get('defects'), 'defect')}"


def _exported(told: Told) -> str:
    said = part(told.said, "export")
    recipients = _items(said, "recipients")
    sealed = f"encrypted to {_count(len(recipients), 'recipient')}" if recipients else "not encrypted"
    why = _list(line(said.get("purpose")), _with("on", said.get("medium")))
    return _because(f"{line(said.get('scope'))} as {line(told.subject)}, {sealed}", why)


def _disclosed(told: Told) -> str:
    said = part(told.said, "disclosure")
    redacted = said.get("redacted")
    some = f" ({redacted:,} redacted)" if type(redacted) is int and redacted else ""
    to = _with("to", said.get("recipient"))
    why = _list(line(said.get("purpose")), _with("authority:", said.get("authority")))
    return _because(f"{_count(said.get('artifacts'), 'artifact')}{some} {to}".rstrip(), why)


def _derived(told: Told) -> str:
    said = part(told.said, "derived")
    return _list(f"{_count(said.get('rows'), 'row')} by {line(said.get('by'))}", _with("with", said.get("engine")))


def _overridden(told: Told) -> str:
    said = part(told.said, "override")
    refused = said.get("refusals")
    against = "; ".join(line(item) for item in refused) if isinstance(refused, list) else ""
    return _because(f"although {against}", line(said.get("reason")), _with("approved by", said.get("approver")))


def _requested(told: Told) -> str:
    said = part(told.said, "request")
    wanted = line(" ".join(line(part(item).get("class")) for item in _items(said, "classes")))
    of, until = line(part(said, "partner").get("name")), line(said.get("deadline"))
    what = _list(f"{wanted or 'evidence'} of {of or 'a partner'}", _with("by", until))
    return f"{line(said.get('id'))} {what}".lstrip()


def _received(told: Told) -> str:
    said = part(told.said, "receipt")
    files = _count(said.get("files"), "file")
    by, channel = _with("by", said.get("deliveredBy")), _with("over", said.get("channel"))
    what = _list(f"{files} {by}".rstrip(), channel, _with("for", said.get("request")))
    return _because(what, line(said.get("status")).replace("_", " "))


def _play_started(told: Told) -> str:
    said = part(told.said, "playbook")
    which = part(said, "playbook")
    return f"{line(which.get('id'))} {line(which.get('version'))}, run {line(said.get('run'))}"


def _play_resumed(told: Told) -> str:
    said = part(told.said, "playbook")
    torn = said.get("torn")
    cut = f", after a torn line of {_count(torn, 'byte')}" if type(torn) is int and torn else ""
    return f"run {line(said.get('run'))}{cut}"


def _play_step(told: Told) -> str:
    said = part(told.said, "playbook")
    gaps = said.get("gaps")
    missing = f", {_count(gaps, 'gap')}" if type(gaps) is int and gaps else ""
    return f"{line(said.get('step'))} {line(said.get('outcome')).replace('_', ' ')}{missing}"


def _play_answered(told: Told) -> str:
    said = part(told.said, "answer")
    choices = line(", ".join(map(line, _items(said, "choices"))))
    word = {True: "approved", False: "refused"}.get(said.get("approved"), choices or "done")  # type: ignore[call-overload]
    return _because(
        f"{line(said.get('step'))} by {line(part(said, 'by').get('name'))}: {word}", line(said.get("reason"))
    )


def _play_ended(told: Told) -> str:
    said = part(told.said, "playbook")
    return f"run {line(said.get('run'))} {line(said.get('outcome')).replace('_', ' ')}"


def _clock_started(told: Told) -> str:
    said = part(told.said, "clock")
    until = _with("deadline", said.get("deadline")) or line(said.get("within"))
    again = _with("corrects event", said.get("corrects"))
    since = f"{line(said.get('id'))} since {line(said.get('startsAt'))}"
    return _because(_list(since, until, again), line(said.get("why")))


def _clock_met(told: Told) -> str:
    said = part(told.said, "clock")
    return _because(f"{line(said.get('id'))} at {line(said.get('metAt'))}", line(said.get("what")))


_KINDS: Mapping[str, Callable[[Told], str]] = {
    log.PLAY_STARTED: _play_started,
    log.PLAY_RESUMED: _play_resumed,
    log.PLAY_STEP: _play_step,
    log.PLAY_ANSWERED: _play_answered,
    log.PLAY_ENDED: _play_ended,
    log.OPENED: _opened,
    log.STARTED: _asked,
    log.RESUMED: _resumed,
    log.SEALED: _sealed,
    log.NOTE: _note,
    log.REPAIRED: _repaired,
    log.TIMESTAMPED: _timestamped,
    log.RENEWED: _renewed,
    log.COUNTERSIGNED: _countersigned,
    log.APPROVED: _approved,
    log.ROTATED: _rotated,
    log.OFFERED: _offered,
    log.ACCEPTED: _accepted,
    log.REJECTED: _rejected,
    log.WITHDRAWN: _withdrawn,
    log.HELD: _held,
    log.RELEASED: _held,
    log.DISPOSED: _disposed,
    log.VERIFIED: _verified,
    log.EXPORTED: _exported,
    log.DISCLOSED: _disclosed,
    log.DERIVED: _derived,
    log.OVERRIDDEN: _overridden,
    log.REQUESTED: _requested,
    log.RECEIVED: _received,
    log.CLOCK_STARTED: _clock_started,
    log.CLOCK_MET: _clock_met,
}
