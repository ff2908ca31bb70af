"""A case in which everything has been said and done that a custody record has a field for."""

import json
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, load_pem_public_key
from cryptography.x509 import load_der_x509_certificate
from support.casemaker import NOW, SOURCE, TARGET, WINDOW, PagesFromMemory
from support.deck import book, listed
from support.people import Cast, Somebody
from support.playing import Heard
from support.private_ca import PrivateCa
from support.tsa import Tsa

from evidence_kit.acquire import decisions, handover
from evidence_kit.acquire.case import Description, keeper_of, open_case, require_sound_log
from evidence_kit.acquire.description import parse_about
from evidence_kit.acquire.handover import Terms
from evidence_kit.acquire.renewal import renew_case
from evidence_kit.acquire.run import Engine
from evidence_kit.acquire.scope import Order
from evidence_kit.acquire.stamping import stamp_case
from evidence_kit.custody import bag, checkpoint, log, strict
from evidence_kit.playbook.library import Library
from evidence_kit.playbook.reading import parse_playbook
from evidence_kit.playbook.run.opening import again, begin
from evidence_kit.playbook.run.play import Tools
from evidence_kit.playbook.run.questions import Reply
from evidence_kit.playbook.run.runner import run
from evidence_kit.report.custody.spec import BAG, Spec
from evidence_kit.report.disclosure import disclosing
from evidence_kit.report.transport import bag as transport
from evidence_kit.signers.file import KeySigner, acquisition_signer, generate
from evidence_kit.signers.tsa import Tsa as Client

ABOUT = Path(__file__).parents[2] / "examples" / "about.yaml"
ORDER = Order(sources=(SOURCE,), targets=(TARGET,), window=WINDOW, params={"filter": "user = x"})
ASKED = {
    "id": "REQ-20261121T213000Z-0abcde",
    "issuedAt": "2026-11-21T21:30:00Z",
    "case": "IR-2026-014",
    "asker": {"name": "alice", "keyid": "0" * 64},
    "window": {"start": "2026-11-01T00:00:00Z", "end": "2026-11-20T00:00:00Z"},
    "formats": ["jsonl"],
    "files": [],
    "agreement": "DPA-2025-118",
    "contactRole": "supplier-security",
    "partner": {"name": "acme", "id": "tenant-7", "provider": "acme"},
    "scope": "sign-ins of the leaked key",
    "classes": [{"class": "audit_logs", "clause": "Annex 2"}],
    "legalBasis": ["gdpr-6-1-f"],
    "deadline": "2026-12-01",
}
GIVEN = {
    "request": ASKED["id"],
    "partner": ASKED["partner"],
    "acquisition": "20261121T213000Z-zzzzzz",
    "seal": "0" * 64,
    "deliveredBy": "dana@acme.example",
    "channel": "sftp",
    "deliveredAt": "2026-11-21T20:00:00Z",
    "files": 2,
    "bytes": 40,
    "status": "complete",
}
TERMS = Terms(purpose="analysis", medium="disk 7", condition="sealed bag 88", location="safe 3")


def keeper(person: Somebody):
    return keeper_of(person.vault, person.ring, None)


def engine(person: Somebody, *, regions=("us-east-1",), partial=()) -> Engine:
    collector = PagesFromMemory(pages=2, names=("two words",), regions=regions, partial=frozenset(partial))
    return Engine(
        vault=person.vault,
        keeper=keeper(person),
        collectors={SOURCE: collector},
        now=lambda: NOW,
        workers=2,
        arguments=("evidence-kit", "collect", SOURCE, "--set", "filter=user = x"),
    )


def opened(cast: Cast, name: str = "alice", about: bytes | None = None) -> Somebody:
    """Let somebody open a case with all that `ABOUT.yaml` says."""
    person = cast[name]
    said = Description(
        id="IR-2026-014",
        title="leaked key",
        purpose="",
        authority="",
        about=parse_about(about or ABOUT.read_bytes(), name="about.yaml"),
    )
    open_case(person.vault, person.ring, None, said, at=NOW)
    return person


def collected(person: Somebody, **wanted: object) -> None:
    working = engine(person, **wanted)
    with working.vault.lock(), working.vault.working():
        require_sound_log(working.keeper, at=NOW)
        working.collect(ORDER)


def resumed(person: Somebody) -> None:
    """Collect once more, in a run that crashed before it had asked for anything."""
    working = engine(person)
    with working.vault.lock(), working.vault.working():
        working._endorse(log.STARTED, "20261121T213000Z-zzzzzz", acquisition_signer(), ORDER)
        working.resume("20261121T213000Z-zzzzzz", ORDER)


def decide(person: Somebody, kind: str, fields: Mapping[str, object]) -> None:
    decisions.decide(person.vault, person.ring, None, kind, fields, at=NOW)


def repaired(person: Somebody) -> None:
    path = person.case / log.LOG
    with path.open("ab") as stream:
        stream.write(b'{"payload":"torn')
    with person.vault.lock(), person.vault.working():
        keeper(person).repair(at=NOW)


def countersigned(person: Somebody) -> None:
    own = keeper(person)
    for acquisition in own.state().acquisitions:
        decisions.countersign(own.vault, own, acquisition, KeySigner(generate("ed25519")), at=NOW)


def offer(cast: Cast, giver: str, receiver: str) -> None:
    handover.offer(cast[giver].vault, cast[giver].ring, None, to=cast[receiver].person, terms=TERMS, at=NOW)


def rejected(cast: Cast) -> None:
    offer(cast, "alice", "bob")
    bob = cast.carry("alice", "bob")
    document, _ = handover.reject(
        bob.vault, bob.ring, None, trust=cast.trust(), reason="too early", last=None, at=NOW
    )
    alice = cast["alice"]
    handover.record(alice.vault, alice.ring, None, document=document, trust=cast.trust(), at=NOW)


def accepted(cast: Cast, giver: str = "alice", receiver: str = "bob", *, despite: str = "") -> Somebody:
    """Hand over; with `despite`, an artifact is damaged on the way."""
    offer(cast, giver, receiver)
    taker = cast.carry(giver, receiver)
    if despite:
        damaged = next((taker.case / "bags").glob("*/data/**/two=20words"))
        damaged.chmod(0o644)
        damaged.write_bytes(b"another")
    done = handover.accept(
        taker.vault, taker.ring, None, trust=cast.trust(), terms=TERMS, last=None, despite=despite, at=NOW
    )
    assert done.seq is not None
    return taker


def stamped(person: Somebody, *tsas: Tsa) -> None:
    own = keeper(person)
    with own.vault.lock(), own.vault.working():
        clients = [Client(tsa.url, timeout=30) for tsa in tsas]
        stamp_case(own.vault, own, clients, None, lambda: datetime.now(UTC), os.urandom)


def handed_out(cast: Cast, person: Somebody, out: Path) -> None:
    transport.export_bag(
        person.vault, keeper(person), out / "case.tar.zst", transport.Order(purpose="copy", medium="disk 8"), at=NOW
    )
    to = disclosing.Handover(recipient="court", purpose="hearing", authority="order 4")
    order = disclosing.Order(artifacts=("data/*/two=20words*",), to=to)
    disclosing.disclose(person.vault, keeper(person), cast.trust(), out / "package", order, at=NOW)


def certify(person: Somebody) -> None:
    """Let an authority vouch for somebody's key."""

    class _Holder:
        def public_key(self) -> object:
            return load_pem_public_key(person.ring.public_pem(person.name))

    der = PrivateCa.root().leaf(_Holder())
    person.ring.add_certificate(person.name, load_der_x509_certificate(der).public_bytes(Encoding.PEM))


def played(person: Somebody, work: Path) -> None:
    """Run a playbook that waits for an answer, gets it, and ends."""
    steps = "  - {id: choose, type: decide, question: Which, options: [{value: a}, {value: b}]}\n"
    own = keeper(person)
    replies = iter([None, Reply(choices=("a",), reason="because")])
    with own.vault.lock(), own.vault.working():
        engine = Engine(vault=own.vault, keeper=own, collectors={}, now=lambda: NOW)
        tools = Tools(
            engine=engine,
            specs={},
            entries=listed(),
            work=work,
            library=Library().find,
            reply=lambda _: next(replies),
            teller=Heard(),
        )
        play = begin(parse_playbook(book(steps), name="test-book.yaml"), tools, {}, name="RUN-1")
        run(play)
        run(again(play.id, tools))


def full(root: Path, *tsas: Tsa) -> Somebody:
    """Return who has the case at the end; without authorities it has no time-stamp."""
    cast = Cast(root)
    alice, _ = cast.add("alice"), cast.add("bob")
    certify(alice)
    opened(cast)
    collected(alice, regions=("us-east-1", "eu-west-1"), partial=("eu-west-1",))
    resumed(alice)
    repaired(alice)
    decide(alice, log.NOTE, {"note": "the client called at 14:05"})
    refused = ["aws.iam.account at shop: takes identity (DPA-2025-118)"]
    said = {"refusals": refused, "reason": "it was agreed", "approver": "bob"}
    decide(alice, log.OVERRIDDEN, {"override": said})
    answer = {"by": "query", "sql": "SELECT 1", "sqlSha256": "5e" * 32, "params": {}, "engine": "duckdb 2", "rows": 1}
    decide(alice, log.DERIVED, {"derived": {**answer, "derivedFrom": []}})
    decide(alice, log.REQUESTED, {"request": ASKED})
    decide(alice, log.RECEIVED, {"receipt": GIVEN})
    clock = {"id": "eu.gdpr.art33", "entry": "", "startsAt": "2026-11-21T20:00:00Z", "why": "the SOC was sure"}
    decide(alice, log.CLOCK_STARTED, {"clock": {**clock, "deadline": "2026-11-24T20:00:00Z"}})
    met = {"id": "eu.gdpr.art33", "started": 0, "metAt": "2026-11-21T21:00:00Z", "what": "by portal, no. 7"}
    decide(alice, log.CLOCK_MET, {"clock": met})
    played(alice, root / "tables")
    hold = {"hold": {"id": "M-7", "reason": "litigation", "authority": "counsel"}}
    decide(alice, log.HELD, hold)
    countersigned(alice)
    offer(cast, "alice", "bob")
    handover.withdraw(alice.vault, alice.ring, None, reason="wrong disk", at=NOW)
    rejected(cast)
    bob = accepted(cast)
    if tsas:
        stamped(bob, *tsas)
    handed_out(cast, bob, root)
    decide(bob, log.RELEASED, hold)
    decide(bob, log.VERIFIED, {"verification": {"verdict": "OK", "checks": {}, "defects": 0, "checkedFrom": None}})
    decide(bob, log.APPROVED, decisions.approval("disposal", "retention is over"))
    with bob.vault.lock(), bob.vault.working():
        renew_case(bob.vault, keeper(bob), "SHA-256 ages", lambda: NOW)
    accepted(cast, "bob", "alice", despite="the rest is sound")
    fields = decisions.disposal(
        keeper(alice).state(), log.WHOLE_CASE, method="shredded", authority="policy 4", certificate=b"paper"
    )
    decide(alice, log.DISPOSED, fields)
    new = alice.ring.create("alice-2", algorithm="p256", at=NOW)
    decisions.rotate(alice.vault, keeper_of(alice.vault, alice.ring, "alice"), "alice-2", new, at=NOW)
    return alice


# -- looking a place up, by other means than the record's own --------------------------------------------------------


def exists(case: Path, spec: Spec) -> bool:
    """Say whether some document of the case has the path that the table names."""
    if spec.way == "manifest":
        return any(case.glob(spec.file))
    return any(_has(document, spec.path) for document in _documents(case, spec))


def _documents(case: Path, spec: Spec) -> Iterator[object]:
    if spec.file == log.LOG:
        kind = log.TIMESTAMPED if spec.way == "stamped" else spec.event
        lines = (case / log.LOG).read_bytes().splitlines()
        events = [log.parse_event(line, number) for number, line in enumerate(lines)]
        for event in events:
            if kind in {"", event.type}:
                subject = [{"name": s.name, "digest": {"sha256": s.sha256}} for s in event.said.subjects]
                yield {**event.said.predicate, "subject": subject}
        return
    if spec.file == log.CHECKPOINT:
        head, signatures = checkpoint.parse((case / log.CHECKPOINT).read_bytes())
        yield {"size": head.size, "root": head.root.hex(), "signatures": [{"name": name} for name, _ in signatures]}
        return
    for path in case.glob(spec.file):
        if spec.file == f"{BAG}/{bag.LEDGER}":
            lines = path.read_bytes().splitlines()
            yield from map(json.loads, lines if spec.way == "lines" else lines[:1])
        else:
            document = json.loads(path.read_bytes())
            yield document
            if "dsseEnvelope" in document:
                yield json.loads(strict.from_base64(document["dsseEnvelope"]["payload"]))


def _has(document: object, path: str) -> bool:
    level = [document]
    for step in path.split("."):
        if step.startswith("{"):
            return any(set(step[1:-1].split(",")) <= set(value) for value in level if isinstance(value, dict))
        name = step.removesuffix("[]")
        level = [value[name] for value in level if isinstance(value, dict) and name in value]
        if step.endswith("[]"):
            level = (
                [item for value in level if isinstance(value, list) for item in value] if level != [[]] else [None]
            )
    return bool(level)
