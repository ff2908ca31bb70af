"""Plays playbooks to their end: the operator's answers, an approver at another machine, crashes in between."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from support.lab import Lab, catalogue

from evidence_kit.custody.trust import Trust, TrustedKey
from evidence_kit.custody.verify.case import Options, verify_case
from evidence_kit.governance.clocks.sets import standard, with_contracts
from evidence_kit.governance.inventory import Entry, parse_inventory
from evidence_kit.model.check import Report
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.time import Window
from evidence_kit.playbook.library import Library
from evidence_kit.playbook.model import Playbook, Step
from evidence_kit.playbook.reading import parse_playbook
from evidence_kit.playbook.run.answering import open_questions, signed, take_in
from evidence_kit.playbook.run.collectors import Collectors
from evidence_kit.playbook.run.onrecord import open_runs
from evidence_kit.playbook.run.opening import again, begin
from evidence_kit.playbook.run.play import Play, Tools
from evidence_kit.playbook.run.questions import Asked, Reply
from evidence_kit.playbook.run.record import Ended
from evidence_kit.playbook.run.runner import run
from evidence_kit.signers.file import KeySigner, generate
from evidence_kit.vaults.local import LocalVault

NOWHEN = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))


@dataclass
class Heard:
    """What the operator was told, a line a step."""

    lines: list[str] = field(default_factory=list)

    def step(self, step: Step, said: str) -> None:
        """Keep a line."""
        self.lines.append(f"{step.id}: {said}")


@dataclass(kw_only=True)
class Table:
    """One case at which a playbook is played. `answers` are the operator's, `approvals` those of somebody else."""

    root: Path
    entries: Sequence[Entry]
    answers: Mapping[str, Reply] = field(default_factory=dict)
    approvals: Mapping[str, Reply] = field(default_factory=dict)
    specs: Mapping[str, SourceSpec] | None = None
    folders: Sequence[Path] = ()
    now: Callable[[], datetime] | None = None
    more: Mapping[str, Any] = field(default_factory=dict)  # other tools
    heard: Heard = field(default_factory=Heard)
    approver: KeySigner = field(default_factory=lambda: KeySigner(generate("p256")))
    secret: Callable[[str], str] | None = None
    lab: Lab = field(init=False)

    def __post_init__(self) -> None:
        self.lab = Lab(root=self.root / "case", window=NOWHEN)
        if self.now is not None:
            self.lab.now = self.now  # type: ignore[assignment]

    def open(self) -> "Table":
        """Open the case."""
        self.lab.open()
        return self

    @property
    def trust(self) -> Trust:
        """Return what a stranger trusts: the operator who collects, and the approver."""
        keys = {
            self.lab.signer.keyid: TrustedKey(
                key=self.lab.signer.public, name="ex", roles=frozenset({"collector", "custodian"})
            ),
            self.approver.keyid: TrustedKey(key=self.approver.public, name="boss", roles=frozenset({"approver"})),
        }
        return Trust(keys=keys)

    def verify(self) -> Report:
        """Verify the case as an auditor does, each signature of it."""
        options = Options(each_signature=True)
        return verify_case(LocalVault(self.lab.root), name="case", trust=self.trust, options=options)

    def verify_at_work(self) -> Report:
        """Verify it as a step of the playbook does."""
        return verify_case(LocalVault(self.lab.root), name="case", trust=self.trust, options=Options(at_work=True))

    def tools(self) -> Tools:
        """Return everything that a run works with."""
        specs = dict(self.specs or unhurried())
        self.lab.vault = LocalVault(self.lab.root)
        engine = self.lab.engine(Collectors(specs))
        if self.secret is not None:
            engine.secret = self.secret
        given = {"trust": self.trust, "verify": self.verify_at_work, "clocks": _clocks(self.entries)} | dict(
            self.more
        )
        return Tools(
            engine=engine,
            specs=specs,
            entries=self.entries,
            work=self.root / "tables",
            library=Library(self.folders).find,
            reply=self._reply,
            teller=self.heard,
            **given,
        )

    def _reply(self, asked: Asked) -> Reply | None:
        return self.answers.get(asked.step)

    def play(self, playbook: str | bytes | Playbook, inputs: Mapping[str, object]) -> Ended:
        """Run a playbook until it has ended, or waits for somebody who is not here."""
        tools = self.tools()
        with self.lab.vault.lock(), self.lab.vault.working():
            if isinstance(playbook, bytes):
                playbook = parse_playbook(playbook, name="playbook.yaml")
            elif isinstance(playbook, str):
                playbook = tools.library(playbook)
            ended = run(begin(playbook, tools, inputs))
        return self.go_on(ended)

    def go_on(self, ended: Ended) -> Ended:
        """Let the approver answer what waits for them, and go on, until nothing changes."""
        while ended.outcome == "waiting" and self._approve(ended.run):
            ended = self.resume(ended.run)
        return ended

    def resume(self, name: str = "") -> Ended:
        """Take up a run, as after a crash."""
        tools = self.tools()
        with self.lab.vault.lock(), self.lab.vault.working():
            self.lab.keeper.repair(at=self.lab.now())
            return run(again(name or open_runs(self.lab.vault)[-1], tools))

    def _approve(self, name: str) -> bool:
        """Sign, at another machine, what waits for the approver; say whether anything did."""
        vault = self.lab.vault = LocalVault(self.lab.root)
        answered = False
        for one in self.runs():
            for asked in open_questions(vault, one):
                reply = self.approvals.get(asked.step)
                if reply is None:
                    continue
                at = self.lab.now().replace(microsecond=0)
                document = signed(asked, reply, name="boss", signer=self.approver, at=at)
                with vault.lock(), vault.working():
                    take_in(
                        vault,
                        self.lab.keeper,
                        one,
                        asked.step,
                        reply=None,
                        document=document,
                        trust=self.trust,
                        at=at,
                    )
                answered = True
        return answered

    def runs(self) -> list[str]:
        """Return the runs of the case."""
        return sorted(path.name for path in (self.lab.root / "custody" / "runs").iterdir())

    def events(self, kind: str) -> list[Mapping[str, Any]]:
        """Return what the custody log says of one kind."""
        from evidence_kit.analysis.history import history

        return [one.fields for one in history(LocalVault(self.lab.root)) if one.type == kind]


def unhurried() -> dict[str, SourceSpec]:
    """Return the catalogue without its pace, which has tests of its own."""
    from dataclasses import replace

    return {
        name: replace(spec, limit=replace(spec.limit, rps=100_000.0, burst=100_000))
        for name, spec in catalogue().items()
    }


def entries(inventory: str | bytes) -> tuple[Entry, ...]:
    """Return the targets of an inventory."""
    text = inventory.encode() if isinstance(inventory, str) else inventory
    return parse_inventory(text, name="inventory.yaml").entries


def _clocks(listed: Sequence[Entry]) -> Any:
    return with_contracts(standard(), listed, json.dumps("test").encode(), name="inventory.yaml")


def outcomes(ended: Ended) -> dict[str, str]:
    """Return how each step ended; a test that fails also shows what each step lacked."""
    for name, one in ended.results.items():
        for gap in one.gaps:
            print(f"{name} {one.outcome.value}: {gap.kind} {gap.unit} {gap.reason}")
    return {name: one.outcome.value for name, one in ended.results.items()}


def outputs(ended: Ended, step: str) -> Mapping[str, Any]:
    """Return what a step hands on."""
    return ended.results[step].outputs


__all__ = ["Heard", "Play", "Table", "entries", "outcomes", "outputs", "unhurried"]
