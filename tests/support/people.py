"""People with keys of their own, a shared trust policy, and cases that pass between them."""

import shutil
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from support.casemaker import NOW, SOURCE, TARGET, WINDOW, PagesFromMemory

from evidence_kit.acquire.case import Description, keeper_of, open_case, require_sound_log
from evidence_kit.acquire.run import Engine
from evidence_kit.acquire.scope import Order
from evidence_kit.custody.log import Person
from evidence_kit.custody.trust import HEADER, Trust, key_entry, parse_trust
from evidence_kit.custody.verify.case import Options, verify_case
from evidence_kit.signers.keyring import KeyRing
from evidence_kit.vaults.local import LocalVault

PASSPHRASE = "correct horse"
ROLES = ("collector", "custodian", "approver")


@dataclass
class Somebody:
    """One person at one machine: a key ring, and a copy of the case."""

    name: str
    home: Path
    case: Path
    roles: tuple[str, ...] = ROLES

    @property
    def ring(self):
        return KeyRing(self.home, lambda: PASSPHRASE)

    @property
    def keyid(self):
        return self.person.keyid

    @property
    def person(self):
        from evidence_kit.custody.keys import PublicKey

        return Person(name=self.name, keyid=PublicKey.from_pem(self.ring.public_pem(self.name)).keyid)

    @property
    def vault(self):
        return LocalVault(self.case)

    def entry(self, *, roles=None):
        since = NOW - timedelta(days=365)
        pem = self.ring.public_pem(self.name)
        return key_entry(name=self.name, pem=pem, roles=roles or self.roles, valid_from=since)


@dataclass
class Cast:
    """Everybody, and what a stranger would trust."""

    root: Path
    people: dict[str, Somebody] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Somebody:
        return self.people[name]

    def add(self, name: str, **more) -> Somebody:
        person = Somebody(name=name, home=self.root / name / "home", case=self.root / name / "case", **more)
        person.ring.create(name, algorithm="p256", at=NOW)
        self.people[name] = person
        return person

    def trust_text(self, extra: str = "") -> bytes:
        return (HEADER + "".join(person.entry() for person in self.people.values()) + extra).encode()

    def trust(self, extra: str = "") -> Trust:
        return parse_trust(self.trust_text(extra), name="trust.yaml")

    def open(self, name: str, *, collect: bool = True) -> Somebody:
        """Let somebody open a case and collect a page into it."""
        person = self[name]
        said = Description(id="IR-2026-014", title="A test", purpose="p", authority="consent")
        open_case(person.vault, person.ring, None, said, at=NOW)
        if collect:
            vault, keeper = person.vault, keeper_of(person.vault, person.ring, None)
            collector = PagesFromMemory(pages=1, names=("two words",))
            with vault.lock(), vault.working():
                require_sound_log(keeper, at=NOW)
                engine = Engine(
                    vault=vault, keeper=keeper, collectors={SOURCE: collector}, now=lambda: NOW, workers=2
                )
                engine.collect(Order(sources=(SOURCE,), targets=(TARGET,), window=WINDOW, params={}))
        return person

    def carry(self, giver: str, receiver: str) -> Somebody:
        """Copy the giver's case to the receiver, over what was there."""
        shutil.rmtree(self[receiver].case, ignore_errors=True)
        shutil.copytree(self[giver].case, self[receiver].case)
        return self[receiver]

    def verify(self, name: str, *, extra: str = "", last: bytes | None = None):
        options = Options(each_signature=True, last_checkpoint=last)
        return verify_case(self[name].vault, name="case", trust=self.trust(extra), options=options)
