"""A partner's delivery in a folder, taken in by the real engine."""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from support.lab import END, Lab

from evidence_kit.acquire.scope import Order
from evidence_kit.collectors.intake.delivery import Delivery
from evidence_kit.collectors.registry import build
from evidence_kit.custody import bag, ledger
from evidence_kit.model.time import Window
from evidence_kit.model.unit import Target
from evidence_kit.sources.catalogue import load_catalogue

SPEC = load_catalogue()["intake.files"]
PARTNER = Target(provider="intake", id="tenant-7", name="acme")
WINDOW = Window(END.replace(day=1), END)


@dataclass
class Taken:
    """How a delivery ended, and what is sealed of it."""

    lab: Lab
    outcome: object

    @property
    def status(self):
        return self.outcome.status.value

    @property
    def kinds(self):
        return [finding.kind for finding in self.outcome.findings]

    def said(self, kind):
        return [finding.message for finding in self.outcome.findings if finding.kind == kind]

    @property
    def lines(self):
        (root,) = (self.lab.root / "bags").iterdir()
        with (root / bag.LEDGER).open("rb") as stream:
            return [(entry.kind, dict(entry.fields)) for entry in ledger.read(stream)]

    @property
    def artifacts(self):
        found = [fields["artifact"] for kind, fields in self.lines if kind == ledger.EXCHANGE]
        return {one["originalName"]: one for one in found if one}

    def stored(self, name):
        (root,) = (self.lab.root / "bags").iterdir()
        return (root / self.artifacts[name]["path"]).read_bytes()

    def verified(self):
        return self.lab.verify().exit(require_complete=False)


@dataclass
class Drop:
    """Where the partner leaves files."""

    folder: Path
    case: Path
    more: dict = field(default_factory=dict)

    def put(self, name, body=b"x\n"):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
        return path

    def delivery(self, *paths, **said):
        known = {"delivered_by": "dana", "channel": "sftp", "delivered_at": "2026-11-21T12:00:00Z"}
        named = tuple(str(path) for path in paths or (self.folder,))
        lists = {name: tuple(map(str, value)) for name, value in said.items() if isinstance(value, tuple | list)}
        texts = {name: str(value) for name, value in said.items() if isinstance(value, str | Path)}
        return replace(Delivery(paths=named, **known), **lists, **texts, request=said.get("request"))

    def order(self, delivery):
        return Order(sources=(SPEC.name,), targets=(PARTNER,), window=WINDOW, params=delivery.to_params())

    def take(self, *paths, **said):
        lab = Lab(self.case, WINDOW).open()
        engine = lab.engine(build({SPEC.name: SPEC}))
        with lab.vault.lock(), lab.vault.working():
            result = engine.collect(self.order(self.delivery(*paths, **said)))
        (outcome,) = result.outcomes
        return Taken(lab, outcome)


@pytest.fixture
def drop(tmp_path):
    """An empty drop folder and a case to take it into."""
    (tmp_path / "drop").mkdir()
    return Drop(tmp_path / "drop", tmp_path / "case")


def lines(*records):
    """Return records as lines of JSON."""
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)
