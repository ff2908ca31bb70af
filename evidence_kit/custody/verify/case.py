"""A whole case: the custody log first, then every bag that it names, then whatever it does not."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from evidence_kit.custody import bag, log
from evidence_kit.custody.log import State
from evidence_kit.custody.trust import Trust
from evidence_kit.custody.verify import bags, files, timestamps
from evidence_kit.custody.verify.bags import BagFacts
from evidence_kit.custody.verify.custodians import check_custody
from evidence_kit.custody.verify.events import check_log
from evidence_kit.custody.verify.renewals import Renewals
from evidence_kit.custody.verify.runs import Runs
from evidence_kit.custody.verify.seals import Expected
from evidence_kit.custody.verify.tally import Tallies
from evidence_kit.errors import DigestError, EmptyError, MissingError, SignatureError, UnexpectedError
from evidence_kit.model.check import Report
from evidence_kit.model.ports import Vault

_WORK = ".work/"
_DERIVED = "derived/"
# What grows beside the log; each file in there is checked for itself.
_KEPT = (f"{log.CHECKPOINTS}/", f"{log.TIMESTAMPS}/", f"{log.RENEWALS}/", f"{log.RUNS}/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the caller wants beyond the default."""

    each_signature: bool = False
    last_checkpoint: bytes | None = None
    require_timestamp: bool = False
    workers: int | None = None  # processes beside this one; None: as many as suit the size of a bag
    at_work: bool = False  # whoever verifies holds the case's lock, so that its working folder is theirs


def verify_case(vault: Vault, *, name: str, trust: Trust, options: Options) -> Report:
    """Check everything about a case. Never raises for a defect: all of them are in the report."""
    tallies = Tallies()
    _trust(trust, tallies)
    trust = _with(trust, options)
    stamps = timestamps.case_stamps(vault, trust, tallies)
    renewals, runs = Renewals(), Runs()
    state = check_log(vault, trust, tallies, options.last_checkpoint, stamps=stamps, renewals=renewals, runs=runs)
    stamps.check_said(vault, state, trust, tallies)
    renewals.check(vault, state, trust, tallies)
    runs.check(vault, state.case, trust, stamps, tallies)
    pending = check_custody(state, tallies)
    _check_description(vault, state, tallies)
    facts = [
        _check_bag(vault, known, state.case, stamps.seals.get(known.id), trust, tallies, options)
        for known in _bags(state)
        if not _is_disposed(vault, known, state, tallies)
    ]
    _check_layout(vault, state, tallies, at_work=options.at_work)
    return _report(name, facts, tallies, pending)


def verify_bag(vault: Vault, *, name: str, trust: Trust, options: Options) -> Report:
    """Check one bag on its own, at the root of `vault`; without its case there is no custody log to check."""
    tallies = Tallies()
    _trust(trust, tallies)
    tallies["log"].unasked.append("a bag without its case carries no custody log")
    want = Expected(root=name, id=name.rpartition("/")[2])
    if vault.stat(f"{name}/{bag.SEAL}") is None:
        raise SignatureError(f"`{name}` has no seal", hint="verify the case that it belongs to")
    trust = _with(trust, options)
    facts = _sealed(vault, want, trust, tallies, options)
    return _report(name, [facts], tallies)


def _with(trust: Trust, options: Options) -> Trust:
    return replace(trust, timestamps_required=True) if options.require_timestamp else trust


def _trust(trust: Trust, tallies: Tallies) -> None:
    tallies["trust"].passed += 1
    tallies["trust"].notes.append(f"{len(trust.keys)} trusted key{'s' if len(trust.keys) != 1 else ''}")


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
    vault: Vault,
    known: log.Acquisition,
    case: str,
    proven: datetime | None,
    trust: Trust,
    tallies: Tallies,
    options: Options,
) -> BagFacts:
    want = Expected(
        root=known.bag,
        id=known.id,
        case=case,
        keys=known.keys,
        seal_sha256=known.seal_sha256,
        countersigned=known.countersigned,
        proven=proven,
    )
    if known.seal_sha256 is None:
        return bags.check_unsealed(vault, want, tallies)
    return _sealed(vault, want, trust, tallies, options)


def _sealed(vault: Vault, want: Expected, trust: Trust, tallies: Tallies, options: Options) -> BagFacts:
    each, workers = options.each_signature, options.workers
    return bags.check_sealed(vault, want, trust, tallies, each_signature=each, workers=workers)


def _is_disposed(vault: Vault, known: log.Acquisition, state: State, tallies: Tallies) -> bool:
    """Say whether a bag was disposed of and its evidence is gone; what is still there is checked like any other."""
    disposed = state.custody.disposed
    seq = disposed.get(known.bag, disposed.get(log.WHOLE_CASE))
    if seq is None or next(iter(vault.walk(f"{known.bag}/data")), None) is not None:
        return False
    tallies["files"].unasked.append(f"{known.bag}, disposed of in event {seq}")
    return True


def _check_layout(vault: Vault, state: State, tallies: Tallies, *, at_work: bool) -> None:
    """Report whatever lies in the case folder that neither the log nor a bag accounts for."""
    running = at_work or any(known.seal_sha256 is None for known in _bags(state))
    owned = {known.bag for known in _bags(state)}
    for path, is_plain in files.kinds(vault, "", owned):
        if path in {log.CASE, log.LOG, log.CHECKPOINT} and is_plain:
            tallies["layout"].passed += 1
        elif path.startswith((*_KEPT, _DERIVED)) or (running and path.startswith(_WORK)):
            continue
        else:
            said = "is listed nowhere" if is_plain else "is not a plain file"
            tallies["layout"].fail(UnexpectedError(said), files.printable(path))
    if not tallies["layout"].passed:
        tallies["layout"].fail(MissingError("there is no case here"), log.CASE)


def _report(name: str, facts: Sequence[BagFacts], tallies: Tallies, pending: tuple[str, ...] = ()) -> Report:
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
        pending=pending,
    )


def _still_missing(facts: Sequence[BagFacts]) -> set[str]:
    """Return the units that no acquisition got in full: a later one answers for those that it tried again."""
    missing: set[str] = set()
    for found in facts:
        missing = (missing | found.missing) - found.whole
    return missing
