"""Who has custody, who agreed to what, and whether every checkpoint that was kept still belongs to the log."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from evidence_kit.custody import checkpoint, log
from evidence_kit.custody.checkpoint import Checkpoint
from evidence_kit.custody.log import Event, State
from evidence_kit.custody.trust import Trust, TrustedKey
from evidence_kit.custody.verify import files
from evidence_kit.custody.verify.tally import Tallies
from evidence_kit.errors import ChainError, EvidenceKitError, UnexpectedError, UntrustedError
from evidence_kit.model.ports import Vault
from evidence_kit.model.time import rfc3339

_SHOWN = 120  # characters of what a person wrote


@dataclass(slots=True)
class Approvals:
    """Counts the people behind each action for which the trust policy wants more than one."""

    trust: Trust
    given: dict[str, set[str]] = field(default_factory=dict)

    def take(self, event: Event, signer: TrustedKey) -> None:
        """Count an approval; raise UntrustedError where an action has too few people behind it.

        Approvals count once: the next action of the kind needs its own.
        """
        if event.type == log.APPROVED:
            approval = event.said.predicate.get("approval")
            action = approval.get("action") if isinstance(approval, dict) else None
            if isinstance(action, str):
                self.given.setdefault(action, set()).add(signer.person)
            return
        action = log.ACTIONS.get(event.type)
        if action is None:
            return
        people = self.given.pop(action, set()) | {signer.person}
        if len(people) < (wanted := self.trust.threshold(action)):
            raise UntrustedError(f"{wanted} people must agree to a {action}, {len(people)} trusted did")


def check_custody(state: State, tallies: Tallies) -> tuple[str, ...]:
    """Say who holds the evidence; return what is still pending."""
    tally, custody = tallies["custody"], state.custody
    if not custody.holder.keyid:
        return ()
    tally.passed += 1
    tally.notes.append(f"held by {_said(custody.holder.name)}")
    tally.notes += [f"event {seq}: the hand-over was rejected" for seq in custody.rejected]
    tally.notes += [f"event {seq}: accepted although it did not verify" for seq in custody.broken]
    tally.notes += [
        f"event {seq}: an agreement was set aside: {_said(why)}" for seq, why in custody.overridden.items()
    ]
    tally.notes += [f"under hold {_said(name)}: {_said(why)}" for name, why in custody.holds.items()]
    tally.notes += [f"event {seq}: {_said(what)} was disposed of" for what, seq in custody.disposed.items()]
    if custody.offer is None:
        return ()
    pending = f"event {custody.offer.seq} offers the case to {_said(custody.offer.to.name)}, who has not answered"
    tally.notes.append(pending)
    return (pending,)


def _said(text: str) -> str:
    """Return what an event says, short and on one line; `;` parts the notes of a check."""
    return " ".join(text[:_SHOWN].replace(";", ",").split())


def retained_sizes(vault: Vault) -> frozenset[int]:
    """Return the sizes of the log at which a checkpoint was kept, as file names tell them."""
    names = (entry.path.removeprefix(f"{log.CHECKPOINTS}/") for entry in vault.walk(log.CHECKPOINTS))
    return frozenset(int(name) for name in names if is_size(name))


def is_size(name: str) -> bool:
    """Say whether `name` is a number as retained checkpoints are called."""
    return name.isascii() and name.isdecimal() and len(name) < 19 and name == str(int(name))


def check_retained(vault: Vault, state: State, roots: Mapping[int, str], tallies: Tallies) -> None:
    """Hold every kept checkpoint against the log: its key then, its root then, and each cosignature."""
    tally = tallies["custody"]
    witnesses = tuple(state.witnesses.values())
    for entry in vault.walk(log.CHECKPOINTS):
        name = entry.path.removeprefix(f"{log.CHECKPOINTS}/")
        if entry.kind != "file" or not is_size(name):
            tally.fail(UnexpectedError("is not a kept checkpoint"), files.printable(entry.path))
            continue
        try:
            with vault.open(entry.path) as stream:
                note = stream.read(checkpoint.MAX_CHECKPOINT + 1)
            key = state.log_key_at(int(name))
            if key is None:
                raise ChainError("the log names no key for this checkpoint")
            verified = checkpoint.verify(note, origin=state.origin, key=key, witnesses=witnesses)
            _require_part(verified.head, int(name), roots)
        except EvidenceKitError as error:
            tally.fail(error, entry.path)
            continue
        tally.passed += 1
        for cosigned in verified.cosignatures:
            said = f"cosigned by {_said(cosigned.witness.name)} at event {name}, {rfc3339(cosigned.at)}"
            tally.notes.append(said)


def _require_part(head: Checkpoint, size: int, roots: Mapping[int, str]) -> None:
    if head.size != size:
        raise ChainError(f"covers {head.size} events under the name of {size}")
    if roots.get(size) != head.root.hex():
        raise ChainError(f"was signed over other events than the first {size} of the log")
