"""Beginning a run and taking it up again: what is on record decides, and the record has to be what was signed."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from evidence_kit.acquire.case import forget_leftovers
from evidence_kit.acquire.handover import subject_of
from evidence_kit.custody import log, statement
from evidence_kit.custody.ledger import Chain
from evidence_kit.errors import ChainError, UsageError
from evidence_kit.governance.inventory import Entry
from evidence_kit.model.document import MAX_DOCUMENT
from evidence_kit.model.time import compact, parse_instant, rfc3339
from evidence_kit.playbook.choosing import choose_targets, read_inputs
from evidence_kit.playbook.model import Playbook
from evidence_kit.playbook.reading import parse_playbook
from evidence_kit.playbook.run import journal
from evidence_kit.playbook.run.answering import Office
from evidence_kit.playbook.run.journal import Journal
from evidence_kit.playbook.run.onrecord import RESTORE, anchors, lines_of, require_anchored, take_in_answers
from evidence_kit.playbook.run.play import Play, Tools
from evidence_kit.playbook.run.questions import Asked
from evidence_kit.playbook.run.record import announce, note_end, start_clocks
from evidence_kit.playbook.run.results import Result
from evidence_kit.vaults.local import LocalVault

_TAIL = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's: no letters that are read as digits


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
    _keep_playbook(engine.vault, run, playbook)
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
    torn, lines = lines_of(vault, run, chain)
    if not lines or lines[0].kind != journal.OPENED:
        raise ChainError(f"the journal of run `{run}` does not begin")
    said = lines[0].fields
    playbook = parse_playbook(text, name=name or f"{run}/playbook.yaml")
    require_anchored(vault, run, playbook)
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
    take_in_answers(play.office)
    forget_leftovers(vault, engine.keeper.state())
    if play.closed:
        if not any("steps" in said for said, _ in anchors(vault, run)):
            announce(play)  # a crash came between the journal's last line and the log
        return play
    engine.keeper.append(
        log.PLAY_RESUMED,
        at=play.now(),
        subjects=[subject_of(engine.keeper.state())],
        fields={"playbook": {"run": run, "torn": len(torn), "journal": {"size": chain.size, "head": chain.head}}},
    )
    play.journal.add(journal.RESUMED, {"at": rfc3339(play.now()), "torn": len(torn)})
    start_clocks(play)  # of the last step's end, if a crash came before them
    return play


def _keep_playbook(vault: LocalVault, run: str, playbook: Playbook) -> None:
    """Store the playbook of a run; a crash may have left it there before the run was on record."""
    path = journal.playbook_path(run)
    if vault.stat(path) is None:
        vault.put(path, playbook.text)
        return
    with vault.open(path) as stream:
        if stream.read(MAX_DOCUMENT + 1) != playbook.text:
            raise ChainError(f"`{path}` is another playbook than the one to run", hint=RESTORE)
    vault.settle(path)  # a killed run may have put it in place and not synced it, and the log is about to name it


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


def _office(tools: Tools, run: str, chain: Chain) -> Office:
    engine = tools.engine
    kept = Journal(vault=engine.vault, run=run, chain=chain)
    return Office(vault=engine.vault, keeper=engine.keeper, journal=kept, trust=tools.trust)


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
