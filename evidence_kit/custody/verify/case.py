"""A whole case: the custody log first, then every bag that it names, then whatever it does not."""

from collections.abc import Sequence
from dataclasses import dataclass

from evidence_kit.custody import bag, checkpoint, log, strict
from evidence_kit.custody.checkpoint import Checkpoint
from evidence_kit.custody.log import Event, State
from evidence_kit.custody.trust import Trust
from evidence_kit.custody.verify import bags, files
from evidence_kit.custody.verify.bags import BagFacts, Expected
from evidence_kit.custody.verify.tally import Tallies
from evidence_kit.errors import (
    ChainError,
    DigestError,
    EmptyError,
    EvidenceKitError,
    MissingError,
    SignatureError,
    UnexpectedError,
)
from evidence_kit.model.check import Report
from evidence_kit.model.ports import Vault

_WORK = ".work/"
_DERIVED = "derived/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the caller wants beyond the default."""

    each_signature: bool = False
    last_checkpoint: bytes | None = None


def verify_case(vault: Vault, *, name: str, trust: Trust, options: Options) -> Report:
    """Check everything about a case. Never raises for a defect: all of them are in the report."""
    tallies = Tallies()
    _trust(trust, tallies)
    state = _check_log(vault, trust, tallies, options.last_checkpoint)
    _check_description(vault, state, tallies)
    facts = [_check_bag(vault, known, state.case, trust, tallies, options) for known in _bags(state)]
    _check_layout(vault, state, tallies)
    return _report(name, facts, tallies)


def verify_bag(vault: Vault, *, name: str, trust: Trust, options: Options) -> Report:
    """Check one bag on its own, at the root of `vault`; without its case there is no custody log to check."""
    tallies = Tallies()
    _trust(trust, tallies)
    tallies["log"].unasked.append("a bag without its case carries no custody log")
    want = Expected(root=name, id=name.rpartition("/")[2])
    if vault.stat(f"{name}/{bag.SEAL}") is None:
        raise SignatureError(f"`{name}` has no seal", hint="verify the case that it belongs to")
    facts = bags.check_sealed(vault, want, trust, tallies, each_signature=options.each_signature)
    return _report(name, [facts], tallies)


def _trust(trust: Trust, tallies: Tallies) -> None:
    tallies["trust"].passed += 1
    tallies["trust"].notes.append(f"{len(trust.keys)} trusted key{'s' if len(trust.keys) != 1 else ''}")


def _check_log(vault: Vault, trust: Trust, tallies: Tallies, last: bytes | None) -> State:
    tally = tallies["log"]
    remembered = _remembered(last, tallies)
    roots: dict[int, str] = {}

    def judge(event: Event) -> None:
        with tally.asking(f"{log.LOG}:{event.seq + 1}"):
            event.envelope.verify_among(trust.find)
            trust.require(event.envelope.keyid, event.roles, event.at)
        if remembered and event.seq == remembered.size:
            head = strict.field(event.said.predicate, "log", dict)
            roots[event.seq] = strict.field(head, "root", str)

    try:
        with vault.open(log.LOG) as stream:
            state = log.scan(stream, report=tally.fail, seen=judge)
    except EvidenceKitError as error:
        tally.fail(error, log.LOG)
        return State()
    with tally.asking(log.CHECKPOINT):
        with vault.open(log.CHECKPOINT) as stream:
            log.require_checkpoint(stream.read(checkpoint.MAX_CHECKPOINT + 1), state)
        tally.notes.append(f"{state.tree.size} event{'s' if state.tree.size != 1 else ''}, checkpoint signed")
    if remembered:
        roots[state.tree.size] = state.tree.root().hex()
        with tally.asking(log.CHECKPOINT):
            _require_extends(remembered, state, roots)
    else:
        tally.unasked.append("that the log was not rolled back to an older state (`--last-checkpoint`)")
    return state


def _remembered(last: bytes | None, tallies: Tallies) -> Checkpoint | None:
    if last is None:
        return None
    try:
        return checkpoint.parse(last)[0]
    except EvidenceKitError as error:
        tallies["log"].fail(error, "--last-checkpoint")
        return None


def _require_extends(remembered: Checkpoint, state: State, roots: dict[int, str]) -> None:
    if remembered.origin != state.origin:
        raise ChainError(f"the remembered checkpoint belongs to {remembered.origin!a}")
    if remembered.size > state.tree.size:
        raise ChainError(f"the log had {remembered.size} events before and has {state.tree.size} now: rolled back")
    if remembered.size and roots.get(remembered.size) != remembered.root.hex():
        raise ChainError(f"the first {remembered.size} events are not the ones that were there before")


def _check_description(vault: Vault, state: State, tallies: Tallies) -> None:
    if not state.case:
        return
    with tallies["case"].asking(log.CASE):
        found, _ = files.digest(vault, log.CASE)
        if found != state.case_sha256:
            raise DigestError("differs from the case description that was signed when the case was opened")
        tallies["case"].notes.append(f"case {files.printable(state.case)}")


def _bags(state: State) -> Sequence[log.Acquisition]:
    return list(state.acquisitions.values())


def _check_bag(
    vault: Vault, known: log.Acquisition, case: str, trust: Trust, tallies: Tallies, options: Options
) -> BagFacts:
    want = Expected(root=known.bag, id=known.id, case=case, keys=known.keys, seal_sha256=known.seal_sha256)
    if known.seal_sha256 is None:
        return bags.check_unsealed(vault, want, tallies)
    return bags.check_sealed(vault, want, trust, tallies, each_signature=options.each_signature)


def _check_layout(vault: Vault, state: State, tallies: Tallies) -> None:
    """Report whatever lies in the case folder that neither the log nor a bag accounts for."""
    running = any(known.seal_sha256 is None for known in _bags(state))
    owned = tuple(f"{known.bag}/" for known in _bags(state))
    for entry in vault.walk(""):
        path = entry.path
        if path in {log.CASE, log.LOG, log.CHECKPOINT} and entry.kind == "file":
            tallies["layout"].passed += 1
        elif path.startswith(owned) or path.startswith(_DERIVED) or (running and path.startswith(_WORK)):
            continue
        else:
            said = "is listed nowhere" if entry.kind == "file" else "is not a plain file"
            tallies["layout"].fail(UnexpectedError(said), files.printable(path))
    if not tallies["layout"].passed:
        tallies["layout"].fail(MissingError("there is no case here"), log.CASE)


def _report(name: str, facts: Sequence[BagFacts], tallies: Tallies) -> Report:
    artifacts, octets = sum(f.artifacts for f in facts), sum(f.bytes for f in facts)
    if tallies["files"].passed or tallies["files"].defects:
        note = f"{tallies['files'].passed:,} of {artifacts:,} files match, {octets:,} bytes"
        tallies["files"].notes.insert(0, note)
    empty = all(found.sealed and not found.artifacts for found in facts)
    if empty and not any(check.defects for check in tallies.checks()):
        tallies["files"].fail(EmptyError("nothing was collected; there is nothing to verify"), name)
    return Report(
        subject=name,
        checks=tallies.checks(),
        missing_units=len(_still_missing(facts)),
        unsealed=sum(not f.sealed for f in facts),
        unasked=tallies.unasked(),
    )


def _still_missing(facts: Sequence[BagFacts]) -> set[str]:
    """Return the units that no acquisition got in full: a later one answers for those that it tried again."""
    missing: set[str] = set()
    for found in facts:
        missing = (missing | found.missing) - found.whole
    return missing
