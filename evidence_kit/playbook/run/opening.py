"""Beginning a run and taking it up again: what is on record decides, and the record has to be what was signed."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from evidence_kit.acquire.case import forget_leftovers
from evidence_kit.acquire.handover import subject_of
from evidence_kit.custody import log, statement
from evidence_kit.custody.ledger import GENESIS, Chain
from evidence_kit.custody.log import Event
from evidence_kit.errors import ChainError, EmptyError, EvidenceKitError, UsageError
from evidence_kit.governance.inventory import Entry
from evidence_kit.model.document import MAX_DOCUMENT
from evidence_kit.model.ports import Vault
from evidence_kit.model.time import compact, parse_instant, rfc3339
from evidence_kit.playbook.choosing import choose_targets, read_inputs
from evidence_kit.playbook.model import Playbook
from evidence_kit.playbook.reading import parse_playbook
from evidence_kit.playbook.run import journal
from evidence_kit.playbook.run.answering import Office
from evidence_kit.playbook.run.journal import Journal
from evidence_kit.playbook.run.play import Play, Tools
from evidence_kit.playbook.run.questions import Asked
from evidence_kit.playbook.run.record import note_end
from evidence_kit.playbook.run.results import Result

_TAIL = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's: no letters that are read as digits
_RESTORE = "restore it from a copy; nothing was done"


def begin(
    playbook: Playbook,
    tools: Tools,
    given: Mapping[str, object],
    *,
    name: str = "",
    parents: tuple[str, ...] = (),
) -> Play:
    """Put a new run on record, with its playbook, and return it."""
    engine = tools.engine
    now = engine.now().replace(microsecond=0)
    inputs = read_inputs(playbook, given)
    targets = choose_targets(playbook, tools.entries, inputs)
    run = name or f"{compact(now)}-{''.join(secrets.choice(_TAIL) for _ in range(6))}"
    play = Play(
        id=run,
        playbook=playbook,
        tools=tools,
        office=_office(tools, run, Chain()),
        started=now,
        inputs=inputs,
        targets=targets,
        parents=parents,
    )
    engine.vault.put(journal.playbook_path(run), playbook.text)
    said = {
        "run": run,
        "playbook": {"id": playbook.id, "version": playbook.version, "sha256": playbook.digest},
        "startedAt": rfc3339(now),
        "inputs": inputs,
        "targets": {key: [entry.target.id for entry in found] for key, found in targets.items()},
        "parents": list(parents),
        "operator": engine.keeper.actor,
    }
    subjects = [statement.Subject(journal.playbook_path(run), playbook.digest), subject_of(engine.keeper.state())]
    engine.keeper.append(log.PLAY_STARTED, at=now, subjects=subjects, fields={"playbook": said})
    play.journal.add(journal.OPENED, said)
    return play


def again(run: str, tools: Tools, *, name: str = "") -> Play:
    """Take up a run where its journal ends; ChainError where journal or playbook are not what is on record."""
    engine = tools.engine
    vault = engine.vault
    with vault.open(journal.playbook_path(run)) as stream:
        text = stream.read(MAX_DOCUMENT + 1)
    chain = Chain()
    torn = journal.mend(vault, run)
    lines = list(journal.read(vault, run, chain))
    if not lines or lines[0].kind != journal.OPENED:
        raise ChainError(f"the journal of run `{run}` does not begin")
    said = lines[0].fields
    playbook = parse_playbook(text, name=name or f"{run}/playbook.yaml")
    _require_anchored(tools, run, playbook)
    play = Play(
        id=run,
        playbook=playbook,
        tools=tools,
        office=_office(tools, run, chain),
        started=parse_instant(str(said["startedAt"])),
        inputs=dict(said["inputs"]),  # type: ignore[call-overload]
        targets=_same_targets(said["targets"], tools.entries),
        parents=tuple(map(str, said.get("parents", ()))),  # type: ignore[call-overload]
    )
    for line in lines:
        _replay(play, line.kind, line.fields)
    forget_leftovers(vault, engine.keeper.state())
    if any(line.kind == journal.CLOSED for line in lines):
        return play
    engine.keeper.append(
        log.PLAY_RESUMED,
        at=play.now(),
        subjects=[subject_of(engine.keeper.state())],
        fields={"playbook": {"run": run, "torn": len(torn), "journal": {"size": chain.size, "head": chain.head}}},
    )
    play.journal.add(journal.RESUMED, {"at": rfc3339(play.now()), "torn": len(torn)})
    return play


def _replay(play: Play, kind: str, fields: Mapping[str, Any]) -> None:
    if kind == journal.STARTED:
        play.begun.add(str(fields["step"]))
    elif kind == journal.ASKED:
        asked = Asked(step=str(fields["step"]), body=str(fields["question"]).encode())
        play.asked[asked.step] = asked
    elif kind == journal.ANSWERED:
        play.office.answers.setdefault(str(fields["step"]), []).append(str(fields["path"]))
    elif kind == journal.CLOCK:
        play.clocks[str(fields["clock"])] = fields
    elif kind == journal.ENDED:
        note_end(play, play.playbook.step(str(fields["step"])), Result.from_json(fields["result"]))
    elif kind == journal.CLOSED:
        play.closed = True


def _require_anchored(tools: Tools, run: str, playbook: Playbook) -> None:
    """Hold journal and playbook against what the custody log says of them, which is signed."""
    heads = {0: GENESIS}
    made = Chain()
    with tools.engine.vault.open(journal.journal_path(run)) as stream:
        for raw in stream:
            made.advance(raw[:-1])
            heads[made.size] = made.head
    for said, subjects in anchors(tools, run):
        if (digest := subjects.get(journal.playbook_path(run))) is not None and digest != playbook.digest:
            raise ChainError(f"the playbook of run `{run}` is not the one that was started", hint=_RESTORE)
        held = said.get("journal")
        if isinstance(held, dict) and heads.get(int(held["size"])) != held["head"]:
            raise ChainError(f"the journal of run `{run}` is not the one that was signed", hint=_RESTORE)


def anchors(tools: Tools, run: str) -> list[tuple[Mapping[str, Any], Mapping[str, str]]]:
    """Return what the custody log says of a run, with the digests that it names."""
    found: list[tuple[Mapping[str, Any], Mapping[str, str]]] = []

    def seen(event: Event) -> None:
        said = event.said.predicate.get("playbook")
        if isinstance(said, dict) and said.get("run") == run:
            found.append((said, {one.name: one.sha256 for one in event.said.subjects}))

    _scan(tools.engine.vault, seen)
    return found


def _office(tools: Tools, run: str, chain: Chain) -> Office:
    engine = tools.engine
    kept = Journal(vault=engine.vault, run=run, chain=chain)
    return Office(vault=engine.vault, keeper=engine.keeper, journal=kept, trust=tools.trust)


def open_runs(vault: Vault) -> tuple[str, ...]:
    """Return the runs that have not ended, oldest first, those that others called left out; EmptyError for none."""
    open_ones: dict[str, None] = {}

    def seen(event: Event) -> None:
        said = event.said.predicate.get("playbook")
        if event.type == log.PLAY_STARTED and isinstance(said, dict) and not said.get("parents"):
            open_ones[str(said["run"])] = None
        elif event.type == log.PLAY_ENDED and isinstance(said, dict):
            open_ones.pop(str(said["run"]), None)

    _scan(vault, seen)
    if not open_ones:
        raise EmptyError("no run of a playbook is open in this case")
    return tuple(open_ones)


def _scan(vault: Vault, seen: Callable[[Event], None]) -> None:
    def stop(error: EvidenceKitError, _: str) -> None:
        raise error

    with vault.open(log.LOG) as stream:
        log.scan(stream, report=stop, seen=seen)


def _same_targets(said: object, entries: Sequence[Entry]) -> dict[str, tuple[Entry, ...]]:
    known = {entry.target.id: entry for entry in entries}
    found: dict[str, tuple[Entry, ...]] = {}
    for name, ids in dict(said).items():  # type: ignore[call-overload]
        if gone := [one for one in ids if one not in known]:
            raise UsageError(
                f"the inventory no longer lists `{gone[0]}`", hint="give the inventory that the run began with"
            )
        found[name] = tuple(known[one] for one in ids)
    return found
