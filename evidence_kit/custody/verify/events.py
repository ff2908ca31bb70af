"""The custody log of a case: every signature, every signer's role and time, the tree, and every checkpoint."""

from dataclasses import dataclass, field

from evidence_kit.custody import checkpoint, log, strict
from evidence_kit.custody.checkpoint import Checkpoint
from evidence_kit.custody.log import Event, State
from evidence_kit.custody.trust import SigningTime, Trust
from evidence_kit.custody.verify.custodians import Approvals, check_retained, retained_sizes
from evidence_kit.custody.verify.renewals import Renewals
from evidence_kit.custody.verify.runs import Runs
from evidence_kit.custody.verify.tally import Tallies
from evidence_kit.custody.verify.timestamps import CaseStamps
from evidence_kit.errors import ChainError, EvidenceKitError
from evidence_kit.model.ports import Vault


@dataclass(slots=True, kw_only=True)
class _Judge:
    """Hears every readable event once: judges its signer, and remembers the roots that checkpoints will ask for."""

    trust: Trust
    tallies: Tallies
    sizes: frozenset[int]
    approvals: Approvals
    stamps: CaseStamps
    renewals: Renewals
    runs: Runs
    roots: dict[int, str] = field(default_factory=dict)

    def _says_no_more_than_its_tokens(self, event: Event) -> bool:
        """Say whether an event only names time-stamps, each checked for itself, and its key was stolen since.

        What records the last stamp can itself not be stamped; a thief who wrote it would have proved nothing.
        """
        known = self.trust.keys.get(event.envelope.keyid)
        if event.type != log.TIMESTAMPED or known is None or known.revoked is None:
            return False
        return known.revoked.reason == "compromised"

    def _take_in(self, event: Event) -> None:
        """Remember what an event names, whoever signed it: a stranger's files are no strays."""
        self.stamps.seen(event)
        self.renewals.seen(event)
        self.runs.see(event)

    def __call__(self, event: Event) -> None:
        with self.tallies["log"].asking(f"{log.LOG}:{event.seq + 1}"):
            self._take_in(event)
            event.envelope.verify_among(lambda keyid: self.trust.identity(keyid, event.certificate))
            keyid, when = event.envelope.keyid, SigningTime(event.at, self.stamps.proven(event.seq))
            if self._says_no_more_than_its_tokens(event):
                self.tallies["log"].unasked.append(f"who signed event {event.seq}, by a key since compromised")
            else:
                signer = self.trust.require(keyid, event.roles, when, certificate=event.certificate)
                self.approvals.take(event, signer)
        if event.seq in self.sizes:
            head = strict.field(event.said.predicate, "log", dict)
            self.roots[event.seq] = strict.field(head, "root", str)


def check_log(
    vault: Vault,
    trust: Trust,
    tallies: Tallies,
    last: bytes | None,
    *,
    stamps: CaseStamps,
    renewals: Renewals,
    runs: Runs,
) -> State:
    """Check the whole log; return where it stands, an empty state if it cannot be read."""
    tally = tallies["log"]
    remembered = _remembered(last, tallies)
    sizes = retained_sizes(vault) | ({remembered.size} if remembered else set())
    judge = _Judge(
        trust=trust,
        tallies=tallies,
        sizes=sizes,
        approvals=Approvals(trust),
        stamps=stamps,
        renewals=renewals,
        runs=runs,
    )
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
    judge.roots[state.tree.size] = state.tree.root().hex()
    check_retained(vault, state, judge.roots, tallies)
    if remembered:
        with tally.asking(log.CHECKPOINT):
            _require_extends(remembered, state, judge.roots)
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
