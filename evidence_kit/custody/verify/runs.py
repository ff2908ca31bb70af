"""Runs of playbooks: what lies in their folders is what the custody log says of it, line by line."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from evidence_kit.custody import answer, log, names, statement, strict
from evidence_kit.custody.answer import Answer
from evidence_kit.custody.ledger import GENESIS, Chain, Torn
from evidence_kit.custody.ledger import read as read_chain
from evidence_kit.custody.log import Event
from evidence_kit.custody.trust import SigningTime, Trust
from evidence_kit.custody.verify import files
from evidence_kit.custody.verify.tally import Tallies
from evidence_kit.custody.verify.timestamps import CaseStamps
from evidence_kit.errors import ChainError, DigestError, SignatureError, UnexpectedError
from evidence_kit.model.ports import Vault

_APPROVER, _ANYBODY = ("approver",), ("collector", "custodian", "approver")
_KINDS = frozenset({log.PLAY_STARTED, log.PLAY_RESUMED, log.PLAY_STEP, log.PLAY_ENDED})


@dataclass(slots=True)
class _Run:
    """What the log says of one run: files with their digests, and heads of its journal by its size then."""

    files: dict[str, str] = field(default_factory=dict)
    heads: dict[int, str] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    recorded: dict[str, Event] = field(default_factory=dict)  # the event that put each answer on record
    journal: str | None = None  # its digest, once it has ended


@dataclass(slots=True)
class Runs:
    """Gathers what the log says while it is read, and holds the folders against it afterwards."""

    known: dict[str, _Run] = field(default_factory=dict)

    def see(self, event: Event) -> None:
        """Take in an event; SignatureError where it says nothing that can be read."""
        if event.type in _KINDS:
            self._step(event, strict.field(event.said.predicate, "playbook", dict))
        elif event.type == log.PLAY_ANSWERED:
            said = strict.field(event.said.predicate, "answer", dict)
            run = self._run(strict.field(said, "run", str))
            for one in _within(event, strict.field(said, "run", str)):
                run.answers[one.name], run.recorded[one.name] = one.sha256, event

    def _step(self, event: Event, said: Mapping[str, object]) -> None:
        name = strict.field(said, "run", str)
        run = self._run(name)
        for one in _within(event, name):
            if event.type == log.PLAY_ENDED:
                run.journal = one.sha256
            else:
                run.files[one.name] = one.sha256
        if "journal" in said:
            held = strict.field(said, "journal", dict)
            run.heads[strict.field(held, "size", int)] = strict.field(held, "head", str)

    def _run(self, name: str) -> _Run:
        if not names.is_safe(name) or "/" in name:
            raise ChainError(f"{name[:80]!a} cannot be the name of a run")
        return self.known.setdefault(name, _Run())

    def check(self, vault: Vault, case: str, trust: Trust, stamps: CaseStamps, tallies: Tallies) -> None:
        """Check every run, and report whatever lies there that belongs to none."""
        expected: set[str] = set()
        for name, run in self.known.items():
            journal = f"{log.RUNS}/{name}/journal.jsonl"
            expected |= {journal, *run.files, *run.answers}
            for path, sha256 in {**run.files, **run.answers}.items():
                with tallies["runs"].asking(path):
                    _require_digest(vault, path, sha256)
            for path in run.answers:
                with tallies["runs"].asking(path):
                    event = run.recorded[path]
                    # The event holds the answer's digest, so whatever proves the one's age proves the other's.
                    when = SigningTime(event.at, stamps.proven(event.seq))
                    _require_recorded(event, _require_signed(vault, path, trust, event, when), case)
            with tallies["runs"].asking(journal):
                _check_journal(vault, journal, run)
        self._check_strays(vault, expected, tallies)
        if self.known and not tallies["runs"].defects:
            count = len(self.known)
            tallies["runs"].notes.append(f"{count:,} run{'s' if count != 1 else ''} of playbooks")

    def _check_strays(self, vault: Vault, expected: set[str], tallies: Tallies) -> None:
        for entry in vault.walk(log.RUNS):
            if entry.kind != "file":
                tallies["layout"].fail(UnexpectedError("is not a plain file"), files.printable(entry.path))
            elif entry.path not in expected and not self._is_left(entry.path):
                tallies["layout"].fail(UnexpectedError("belongs to no run"), files.printable(entry.path))

    def _is_left(self, path: str) -> bool:
        """Say whether a crash may have left a file: written, and its event not yet; nothing rests on it."""
        parts = path.removeprefix(f"{log.RUNS}/").split("/")
        run = self.known.get(parts[0])
        if run is None:
            return len(parts) == 2 and parts[1] == "playbook.yaml"
        return len(parts) == 3 and parts[1] == "answers" and parts[2].endswith(".json")


def _within(event: Event, run: str) -> tuple[statement.Subject, ...]:
    return tuple(one for one in event.said.subjects if one.name.startswith(f"{log.RUNS}/{run}/"))


def _require_digest(vault: Vault, path: str, sha256: str) -> None:
    found, _ = files.digest(vault, path)
    if found != sha256:
        raise DigestError("differs from what was signed")


def _require_signed(vault: Vault, path: str, trust: Trust, event: Event, when: SigningTime) -> Answer:
    """Return an answer that somebody has signed who may; only an approver approves what others carry out."""
    with vault.open(path) as stream:
        document = stream.read(answer.MAX_ANSWER + 1)
    said = answer.read(document)
    apart = said.approved is not None and said.keyid != event.envelope.keyid
    trusted = trust.require(said.keyid, _APPROVER if apart else _ANYBODY, when)
    return answer.read(document, trusted.key)


def _require_recorded(event: Event, said: Answer, case: str) -> None:
    """Raise unless the log says of the answer what the answer says: reports and readers go by the log."""
    told = strict.field(event.said.predicate, "answer", dict)
    signed = {
        "run": said.run,
        "step": said.step,
        "question": said.question,
        "by": {"name": said.name, "keyid": said.keyid},
        "choices": list(said.choices),
        "approved": said.approved,
        "fields": dict(said.fields),
        "reason": said.reason,
    }
    if said.case != case or any(told.get(name) != value for name, value in signed.items()):
        raise SignatureError("is not the answer that the custody log puts on record")


def _check_journal(vault: Vault, path: str, run: _Run) -> None:
    """Read the whole chain and look for every head that was signed; a crash may leave a torn end, or no line yet."""
    if run.journal is None and not run.heads and vault.stat(path) is None:
        return
    if run.journal is not None:
        _require_digest(vault, path, run.journal)
    chain, heads = Chain(), {0: GENESIS}
    with vault.open(path) as stream:
        try:
            for _ in read_chain(stream, chain):
                heads[chain.size] = chain.head
        except Torn:
            if run.journal is not None:
                raise
    for size, head in run.heads.items():
        if heads.get(size) != head:
            raise ChainError(f"line {size} of the journal is not the one that was signed")
