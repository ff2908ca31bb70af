"""Vectors of custody logs: events, who signed them and when, checkpoints."""

import base64
import copy
import hashlib
import shutil
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from support import forging, handed_over
from support.casemaker import NOW, ORIGIN
from support.strangers import rewrite
from support.tampering import swap_lines
from support.vector_desk import (
    Bad,
    Change,
    Desk,
    bad,
    data,
    event,
    lines,
    option,
    person,
    stranger,
    trust,
)

from evidence_kit.custody import checkpoint, log
from evidence_kit.custody.checkpoint import Checkpoint
from evidence_kit.errors import Exit
from evidence_kit.signers.file import KeySigner, generate

DAY = timedelta(days=1)
ELSEWHERE = "20260101T000000Z-aaaaaa"


def built(*changes: Change, **made: Any) -> Callable[[Path], Desk]:
    def build(folder: Path) -> Desk:
        desk = Desk(folder, made=made)
        for change in changes:
            change(desk)
        return desk

    return build


def lean(*changes: Change) -> Callable[[Path], Desk]:
    """Make a log of an acquisition that crashed before its first line: little to read beside the log."""

    def build(folder: Path) -> Desk:
        desk = Desk(folder, made={"sealed": False})
        shutil.rmtree(desk.case.root / "bags")
        desk.case.note()
        for change in changes:
            change(desk)
        return desk

    return build


def append(kind: str, fields: Mapping[str, Any]) -> Change:
    return lambda desk: desk.append(desk.robin, kind, fields)


def _remember(desk: Desk) -> None:
    desk.options["lastCheckpoint"] = base64.b64encode(desk.path(log.CHECKPOINT).read_bytes()).decode()


def note(text: str) -> Change:
    return lambda desk: desk.case.note(text)


BASES: Mapping[str, tuple[str, Callable[[Path], Desk]]] = {
    "extends-a-remembered-checkpoint": (
        "The log has grown since the checkpoint that the checker kept.",
        lean(_remember, note("looked at it")),
    ),
    "unknown-event": (
        "An event of a type that nobody knows is allowed to a custodian.",
        lean(append("evidence.photographed", {"photographs": 3})),
    ),
    "log": (
        "An acquisition crashed before it wrote anything; the log is sound, and the verdict says that it is open.",
        lean(),
    ),
    "superseded-later": (
        "The signer's key was superseded a day after it signed.",
        built(trust(lambda desk: desk.trusting(revoked=(NOW + DAY, "superseded")))),
    ),
}


def _last_line(change: Callable[[bytes], bytes]) -> Change:
    """Change the bytes of the last event's line, and let the log's key sign what is there then."""

    def do(desk: Desk) -> None:
        lines(log.LOG, lambda found: [*found[:-1], change(found[-1])])(desk)
        tree = forging.state_of(desk.case).tree
        rewrite(
            desk.path(log.CHECKPOINT),
            checkpoint.sign(Checkpoint(ORIGIN, tree.size, tree.root()), desk.case.log_signer),
        )

    return do


def _signed_by(signer: Callable[[Desk], KeySigner], kind: str = log.NOTE, *, alias: bool = False) -> Change:
    """Let somebody else write a note, with `alias` under Robin's key id."""

    def do(desk: Desk) -> None:
        by = signer(desk)
        if alias:
            by = copy.copy(by)
            by.keyid = desk.case.signer.keyid
        desk.force(desk.keeper(by, desk.case.log_signer), kind, {"text": "looked at it"})

    return do


def _by_an_added_key(desk: Desk) -> None:
    """Let a person's ML-DSA-65 key, which may only sign beside another, sign an event."""
    signer = KeySigner(generate("mldsa65"))
    desk.trust = desk.trusting(person("Alex", signer))
    _signed_by(lambda _: signer)(desk)


def _second_opening(desk: Desk) -> None:
    desk.force(desk.robin, log.OPENED, desk.robin.pen(ORIGIN))


def acquisition(kind: str, name: str = "") -> Change:
    def do(desk: Desk) -> None:
        key = KeySigner(generate("p256"))
        said = {"id": name or desk.case.bag.removeprefix("bags/"), "keyid": key.keyid}
        said |= {"publicKey": key.public_key_pem.decode(), "artifacts": 0, "unitsMissing": 0, "order": {}}
        desk.force(desk.robin, kind, {"acquisition": said})

    return do


def _signed_checkpoint(origin: str = "", size: int = 0, root: bytes = b"", *, forged: bool = False) -> Change:
    def do(desk: Desk) -> None:
        tree = forging.state_of(desk.case).tree
        head = Checkpoint(origin or ORIGIN, tree.size + size, root or tree.root())
        signer = KeySigner(generate("ed25519")) if forged else desk.case.log_signer
        rewrite(desk.path(log.CHECKPOINT), checkpoint.sign(head, signer))

    return do


def _fork(desk: Desk) -> None:
    """Let the log's own keepers tell another last event than they did."""
    note("looked at it")(desk)
    _remember(desk)
    forging.change_log(desk.case, lambda said: said[-1]["predicate"].update(text="looked away"))


def _roll_back(desk: Desk) -> None:
    before = {name: desk.path(name).read_bytes() for name in (log.LOG, log.CHECKPOINT)}
    note("looked at it")(desk)
    _remember(desk)
    for name, content in before.items():
        rewrite(desk.path(name), content)


def _remember_another(desk: Desk) -> None:
    head = Checkpoint("evidence-kit.dev/case/another", 1, hashlib.sha256(b"").digest())
    note = checkpoint.sign(head, desk.case.log_signer)
    desk.options["lastCheckpoint"] = base64.b64encode(note).decode()


def _critical(desk: Desk) -> None:
    event(critical=["x-redaction"])(desk)


def _beside(name: str) -> Change:
    return lambda desk: handed_over.BESIDE[name](desk)(desk.scene)


def _revoked(reason: str, days: int = -1) -> Change:
    return trust(lambda desk: desk.trusting(revoked=(NOW + days * DAY, reason)))


def _only(*roles: str) -> Change:
    return trust(lambda desk: desk.trusting(roles=roles))


def _nobody(desk: Desk) -> str:
    return desk.trusting().replace(*_pem_of(desk, stranger()))


def _pem_of(desk: Desk, other: KeySigner) -> tuple[str, str]:
    def body(signer: KeySigner) -> str:
        return "".join(f"      {line}\n" for line in signer.public_key_pem.decode().splitlines())

    return body(desk.case.signer), body(other)


def _actor(desk: Desk) -> None:
    event(actor={"name": "Sam", "keyid": desk.sam.keyid})(desk)


CHAIN, SIGNATURE, UNTRUSTED = Exit.CHAIN, Exit.SIGNATURE, Exit.UNTRUSTED
_ORDER = (
    bad("events-swapped", "log", CHAIN, "Two events changed places.", lambda d: swap_lines(d.path(log.LOG), 1, 2)),
    bad("event-removed", "log", CHAIN, "An event in the middle is gone.", lines(log.LOG, lambda f: [f[0], f[2]])),
    bad("event-repeated", "log", CHAIN, "The last event stands twice.", lines(log.LOG, lambda f: [*f, f[-1]])),
    bad("log-truncated", "log", CHAIN, "The last event was cut off.", lines(log.LOG, lambda f: f[:-1])),
    bad("log-torn", "log", CHAIN, "The last line of the log has no end.", data(log.LOG, lambda f: f[:-9])),
    bad("event-of-another-case", "log", CHAIN, "An event belongs to another case.", event(case="IR-2026-099")),
    bad(
        "event-back-in-time",
        "log",
        CHAIN,
        "An event is dated before the one that it follows.",
        event(at="2026-11-20T21:30:00Z"),
    ),
    bad("event-dated-nonsense", "log", CHAIN, "An event's date is no date.", event(at="yesterday")),
    bad("event-out-of-place", "log", CHAIN, "An event counts itself as another one.", event(seq=7)),
    bad(
        "event-over-another-history",
        "log",
        CHAIN,
        "An event was signed over other lines than those before it.",
        event(log={"size": 3, "root": "0" * 64}),
    ),
    bad("case-opened-twice", "log", CHAIN, "The case is opened a second time.", _second_opening),
    bad(
        "acquisition-started-twice",
        "log",
        CHAIN,
        "An acquisition is started a second time.",
        acquisition(log.STARTED),
    ),
    bad(
        "acquisition-resumed-after-its-seal",
        "plain",
        CHAIN,
        "An acquisition goes on after its seal.",
        acquisition(log.RESUMED),
    ),
    bad(
        "acquisition-sealed-but-never-started",
        "log",
        CHAIN,
        "An acquisition is sealed that was never started.",
        acquisition(log.SEALED, ELSEWHERE),
    ),
    bad(
        "acquisition-named-outside",
        "log",
        CHAIN,
        "An acquisition's name leads out of the case.",
        acquisition(log.STARTED, "../../outside"),
    ),
)
_SIGNERS = (
    bad("event-by-a-stranger", "log", UNTRUSTED, "A stranger signed an event.", _signed_by(lambda _: stranger())),
    bad(
        "event-in-anothers-name",
        "log",
        SIGNATURE,
        "A stranger signed an event under the collector's key id.",
        _signed_by(lambda _: stranger(), alias=True),
    ),
    bad(
        "event-by-an-ml-dsa-key",
        "log",
        SIGNATURE,
        "An ML-DSA-65 key signed an event; it may only countersign.",
        _by_an_added_key,
    ),
    bad("event-with-another-actor", "log", SIGNATURE, "An event names an actor whose key did not sign it.", _actor),
    bad(
        "event-with-a-critical-field",
        "log",
        SIGNATURE,
        "An event calls a field critical that nobody knows.",
        _critical,
    ),
    bad("event-with-true-for-a-number", "log", SIGNATURE, "An event's `seq` is `true`.", event(seq=True)),
    bad(
        "log-with-a-byte-order-mark",
        "log",
        SIGNATURE,
        "An event's line begins with a byte order mark.",
        _last_line(lambda f: b"\xef\xbb\xbf" + f),
    ),
    bad(
        "log-not-compact",
        "log",
        SIGNATURE,
        "There is a space in an event's envelope.",
        _last_line(lambda f: f.replace(b":", b": ", 1)),
    ),
    bad("signer-unknown", "plain", UNTRUSTED, "The policy does not know who signed.", trust(_nobody)),
    bad(
        "signer-in-another-role",
        "plain",
        UNTRUSTED,
        "The policy trusts the collector as approver only.",
        _only("approver"),
    ),
    bad(
        "unknown-event-by-a-collector",
        "unknown-event",
        UNTRUSTED,
        "An unknown type needs a custodian; the signer collects.",
        _only("collector"),
    ),
    bad(
        "signed-before-the-key-counts",
        "log",
        UNTRUSTED,
        "The signer's key counts from a day later.",
        trust(lambda desk: desk.trusting(since=NOW + DAY)),
    ),
    bad(
        "signed-after-the-key-counted",
        "plain",
        UNTRUSTED,
        "The signer's key counted until a day before.",
        trust(lambda desk: desk.trusting(until=NOW - DAY)),
    ),
    bad("superseded", "plain", UNTRUSTED, "The signer's key had been superseded.", _revoked("superseded")),
    bad(
        "compromised-without-a-time-stamp",
        "plain",
        UNTRUSTED,
        "The key was compromised later, and nothing proves that the signatures are older.",
        _revoked("compromised", 9),
    ),
    bad(
        "required-time-stamp-missing",
        "plain",
        UNTRUSTED,
        "The checker requires time-stamps; there are none.",
        option(requireTimestamp=True),
    ),
    bad(
        "policy-without-keys",
        "log",
        Exit.USAGE,
        "The policy's list of keys is empty.",
        trust(lambda _: "apiVersion: evidence-kit/trust.v1\nkind: TrustPolicy\nkeys: []\n"),
    ),
)
_CHECKPOINTS = (
    bad(
        "checkpoint-of-another-origin",
        "log",
        CHAIN,
        "The checkpoint is another log's.",
        _signed_checkpoint("evidence-kit.dev/case/another"),
    ),
    bad(
        "checkpoint-of-another-root",
        "log",
        CHAIN,
        "The checkpoint signs another root.",
        _signed_checkpoint(root=hashlib.sha256(b"").digest()),
    ),
    bad(
        "checkpoint-of-another-size",
        "log",
        CHAIN,
        "The checkpoint signs more events than there are.",
        _signed_checkpoint(size=1),
    ),
    bad(
        "checkpoint-by-another-key",
        "log",
        SIGNATURE,
        "The checkpoint is signed by another key than the log's.",
        _signed_checkpoint(forged=True),
    ),
    bad(
        "log-rolled-back",
        "log",
        CHAIN,
        "The log is a genuine older one: the checker remembers a later checkpoint.",
        _roll_back,
    ),
    bad("log-forked", "log", CHAIN, "Its own keepers wrote another last event than the remembered one.", _fork),
    bad(
        "remembered-checkpoint-of-another-log", "log", CHAIN, "The checker remembers another log.", _remember_another
    ),
    bad(
        "remembered-checkpoint-unreadable",
        "log",
        CHAIN,
        "What the checker remembers is no checkpoint.",
        option(lastCheckpoint=base64.b64encode(b"garbage").decode()),
    ),
    bad(
        "kept-checkpoint-flipped",
        "log-accepted",
        SIGNATURE,
        "A kept checkpoint's signature is changed.",
        _beside("a kept checkpoint's signature flipped"),
    ),
    bad(
        "kept-checkpoint-under-another-size",
        "log-accepted",
        CHAIN,
        "A kept checkpoint lies under another size.",
        _beside("a kept checkpoint under another size"),
    ),
    bad(
        "kept-checkpoint-of-another-history",
        "log-accepted",
        CHAIN,
        "A kept checkpoint signs another history.",
        _beside("a kept checkpoint of another history"),
    ),
    bad(
        "kept-checkpoint-only-cosigned",
        "log-accepted",
        SIGNATURE,
        "A kept checkpoint bears a cosignature, and not the log's own.",
        _beside("a kept checkpoint without the log's own signature"),
    ),
    bad(
        "cosignature-moved-in-time",
        "log-accepted",
        SIGNATURE,
        "A cosignature's time was changed.",
        _beside("a cosignature moved in time"),
    ),
    bad(
        "cosignature-by-nobody-announced",
        "log-accepted",
        SIGNATURE,
        "Somebody cosigned whom no event announces.",
        _beside("a cosignature by nobody whom the log announces"),
    ),
)
INVALID: tuple[Bad, ...] = (*_ORDER, *_SIGNERS, *_CHECKPOINTS)
