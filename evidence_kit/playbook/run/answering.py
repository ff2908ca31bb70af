"""Signed answers: checked against keys that are trusted, kept in the case, and put on record by whoever has it.

An answer may come from a terminal, from a file, or from another machine. Whoever runs the playbook writes it down;
whether the key that signed it counts is for the trust policy to say.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from evidence_kit.acquire.handover import subject_of
from evidence_kit.custody import answer, log, statement
from evidence_kit.custody.answer import Answer
from evidence_kit.custody.keys import PublicKey
from evidence_kit.custody.ledger import Chain
from evidence_kit.custody.log import Keeper
from evidence_kit.custody.trust import Trust
from evidence_kit.errors import EmptyError, SignatureError, UntrustedError, UsageError
from evidence_kit.model.document import MAX_DOCUMENT, did_you_mean
from evidence_kit.model.ports import Signer, Vault
from evidence_kit.model.time import rfc3339
from evidence_kit.playbook.model import Step
from evidence_kit.playbook.reading import parse_playbook
from evidence_kit.playbook.run import journal
from evidence_kit.playbook.run.journal import Journal
from evidence_kit.playbook.run.questions import Asked, Reply, judged, reply_of
from evidence_kit.vaults.local import LocalVault


@dataclass(slots=True, kw_only=True)
class Office:
    """Where the answers of one run are taken in."""

    vault: LocalVault
    keeper: Keeper
    journal: Journal
    trust: Trust | None
    answers: dict[str, list[str]] = field(default_factory=dict)  # step → paths

    def sign(self, asked: Asked, reply: Reply, *, at: datetime) -> bytes:
        """Return a reply signed by whoever runs the playbook."""
        return signed(asked, reply, name=self.keeper.actor, signer=self.keeper.signer, at=at)

    def record(self, step: Step, asked: Asked, document: bytes, *, at: datetime) -> Answer:
        """Keep a signed answer and put it on record; UsageError where it answers something else."""
        said = self._checked(document)
        if (said.case, said.run, said.step) != (asked.said["case"], self.journal.run, step.id):
            raise UsageError("the answer is to a question of another run", hint="`playbook questions` lists them")
        if said.question != asked.sha256:
            raise UsageError("the answer is to another question: what it covers has changed", hint="ask again")
        if asked.deadline is not None and at >= asked.deadline:
            late = f"it could be answered until {rfc3339(asked.deadline)}"
            raise UsageError(late, hint="`evidence-kit playbook resume` goes on with what stands then")
        judged(step, reply_of(said))
        handed_in(step, said, self.keeper.state())
        path = self._keep(step, document)
        digest = hashlib.sha256(document).hexdigest()
        told = {
            "run": self.journal.run,
            "step": step.id,
            "question": asked.sha256,
            "by": {"name": said.name, "keyid": said.keyid},
            "at": rfc3339(said.at),
            "choices": list(said.choices),
            "approved": said.approved,
            "fields": dict(said.fields),
            "reason": said.reason,
        }
        subjects = [statement.Subject(path, digest), subject_of(self.keeper.state())]
        self.keeper.append(log.PLAY_ANSWERED, at=at, subjects=subjects, fields={"answer": told})
        self.journal.add(journal.ANSWERED, {"step": step.id, "path": path, "sha256": digest})
        self.answers.setdefault(step.id, []).append(path)
        return said

    def answered(self, step: Step, asked: Asked) -> Iterator[Answer]:
        """Yield the answers to exactly this question that are on record, each checked again."""
        for path in self.answers.get(step.id, ()):
            with self.vault.open(path) as stream:
                said = self._checked(stream.read(answer.MAX_ANSWER + 1))
            if said.question == asked.sha256 and said.run == self.journal.run and said.step == step.id:
                yield said

    def _keep(self, step: Step, document: bytes) -> str:
        """Store an answer under the next free name; one that a crash kept from the record stays as it is."""
        number = 1
        while self.vault.stat(path := f"{journal.folder(self.journal.run)}/answers/{step.id}.{number}.json"):
            number += 1
        self.vault.put(path, document)
        return path

    def _checked(self, document: bytes) -> Answer:
        """Return an answer whose key the trust policy knows, or that of whoever runs the playbook."""
        hint = answer.read(document)
        if hint.keyid == self.keeper.signer.keyid:
            key: PublicKey | None = PublicKey.from_pem(self.keeper.signer.public_key_pem)
        else:
            key = self.trust.find(hint.keyid) if self.trust is not None else None
        if key is None:
            raise UntrustedError(
                f"the answer is signed by key {hint.keyid[:12]}, which the trust policy does not know",
                hint="`evidence-kit trust add --name NAME --role approver --key FILE`",
            )
        try:
            return answer.read(document, key)
        except SignatureError as error:
            raise SignatureError(f"the answer is not what was signed: {error.message}") from error


def handed_in(step: Step, said: Answer, state: log.State) -> str:
    """Return the bag with the files that somebody handed in, nothing where none were asked for and none given."""
    if not said.acquisition:
        if step.type == "manual" and step.fields.get("intake"):
            hint = "take them in with `evidence-kit intake`, then answer with `--acquisition`"
            raise UsageError(f"step `{step.id}` asks for files", hint=hint)
        return ""
    known = state.acquisitions.get(said.acquisition)
    if known is None or known.seal_sha256 is None:
        raise UsageError(f"there is no sealed acquisition `{said.acquisition[:80]}` in this case")
    return known.bag


def signed(asked: Asked, reply: Reply, *, name: str, signer: Signer, at: datetime) -> bytes:
    """Return a reply as its author signs it, on whatever machine."""
    said = Answer(
        case=str(asked.said["case"]),
        run=str(asked.said["run"]),
        step=asked.step,
        question=asked.sha256,
        name=name,
        keyid=signer.keyid,
        at=at,
        choices=reply.choices,
        approved=reply.approved,
        fields=reply.fields,
        reason=reply.reason,
        acquisition=reply.acquisition,
    )
    return answer.sign(said, signer)


def open_questions(vault: Vault, run: str) -> tuple[Asked, ...]:
    """Return the questions of a run that nobody has answered so that the step could end."""
    asked: dict[str, Asked] = {}
    for line in journal.read(vault, run):
        if line.kind == journal.ASKED:
            asked[line.text("step")] = Asked(step=line.text("step"), body=line.text("question").encode())
        elif line.kind == journal.ENDED:
            asked.pop(line.text("step"), None)
    return tuple(asked.values())


def take_in(
    vault: LocalVault,
    keeper: Keeper,
    run: str,
    step: str,
    *,
    reply: Reply | None,
    document: bytes | None,
    trust: Trust | None,
    at: datetime,
) -> Answer:
    """Record an answer to an open question: one of our own to sign, or a document that somebody has signed."""
    journal.mend(vault, run)
    chain = Chain()
    answers: dict[str, list[str]] = {}
    for line in journal.read(vault, run, chain):
        if line.kind == journal.ANSWERED:
            answers.setdefault(line.text("step"), []).append(line.text("path"))
    known = {one.step: one for one in open_questions(vault, run)}
    if step not in known:
        hint = did_you_mean(step, known) if known else "nothing is asked"
        raise EmptyError(f"run `{run}` does not ask `{step[:80]}`", hint=hint)
    with vault.open(journal.playbook_path(run)) as stream:
        playbook = parse_playbook(stream.read(MAX_DOCUMENT + 1), name=f"{run}/playbook.yaml")
    office = Office(
        vault=vault, keeper=keeper, journal=Journal(vault=vault, run=run, chain=chain), trust=trust, answers=answers
    )
    asked = known[step]
    if document is None:
        if reply is None:
            raise UsageError("what is the answer?", hint="`--choice`, `--approve`, `--refuse` or `--file`")
        document = office.sign(asked, judged(playbook.step(step), reply), at=at)
    return office.record(playbook.step(step), asked, document, at=at)
