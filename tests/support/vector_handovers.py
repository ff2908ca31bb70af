"""Vectors of custody: hand-overs, holds, approvals, rotations, disposal."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from support import handed_over
from support.vector_desk import (
    Bad,
    Change,
    Desk,
    bad,
    event,
    option,
    person,
    trust,
)
from support.vector_logs import ELSEWHERE, acquisition, append, built, lean

from evidence_kit.custody import log, strict
from evidence_kit.errors import Exit
from evidence_kit.signers.file import KeySigner, generate

HOLD = {"hold": {"id": "H-1", "reason": "litigation", "authority": "counsel"}}
CHAIN, SIGNATURE, UNTRUSTED = Exit.CHAIN, Exit.SIGNATURE, Exit.UNTRUSTED


def _offer(desk: Desk) -> None:
    desk.offer()


def _accept(desk: Desk) -> None:
    desk.accept()


def _by_sam(kind: str) -> Change:
    """Let Sam answer the offer; Robin, who keeps the log, writes it down."""

    def do(desk: Desk) -> None:
        sam = desk.keeper(desk.sam, desk.case.log_signer)
        said = {"transfer": desk.acceptance["transfer"], "reason": "two bags were announced", "found": {}}
        desk.append(sam, kind, said)

    return do


def _withdraw(desk: Desk) -> None:
    said = {"transfer": desk.acceptance["transfer"], "reason": "a mistake"}
    desk.append(desk.robin, log.WITHDRAWN, said)


def _rotate(desk: Desk) -> None:
    new = KeySigner(generate("p256"))
    desk.append(desk.robin, log.ROTATED, new_key(desk, new, new.sign(rotation(desk, new))))
    desk.trust = desk.trusting(person("Robin Examiner", new))


def _dispose(scope: int) -> Change:
    """Dispose of one bag as its authority says: the event stays, the evidence goes."""

    def do(desk: Desk) -> None:
        gone = desk.case.bags[scope]
        said = {"scope": gone, "method": "overwritten", "authority": "order 12"}
        desk.append(desk.robin, log.DISPOSED, {"disposal": said | {"certificate": {"sha256": "0" * 64, "bytes": 1}}})
        shutil.rmtree(desk.case.root / gone)

    return do


def _answer(
    kind: str = log.ACCEPTED, *, by: str = "sam", change: Callable[[dict[str, Any]], object] = lambda _: None
) -> Change:
    """Let somebody answer, whether or not there is an offer; as it does not count, the log's key stays the same."""

    def do(desk: Desk) -> None:
        said = desk.acceptance
        change(said)
        desk.force(desk.keeper(getattr(desk, by), desk.case.log_signer), kind, said)

    return do


def _false_rotation(desk: Desk) -> None:
    new = KeySigner(generate("p256"))
    desk.force(desk.robin, log.ROTATED, new_key(desk, new, desk.case.signer.sign(rotation(desk, new))))


def _self_offer(desk: Desk) -> None:
    to = {"name": "Robin Examiner", "keyid": desk.case.signer.keyid}
    desk.force(desk.robin, log.OFFERED, {"transfer": {"to": to}})


def _offer_by_kim(desk: Desk) -> None:
    to = {"name": "Sam", "keyid": desk.sam.keyid}
    desk.force(desk.keeper(desk.kim, desk.case.log_signer), log.OFFERED, {"transfer": {"to": to}})


def _disposed(desk: Desk) -> None:
    desk.force(desk.robin, log.DISPOSED, {"disposal": {"scope": "case"}})


def _written_on(desk: Desk) -> None:
    """Let the giver, who still has the old log key, go on writing."""
    desk.force(desk.robin, log.NOTE, {"text": "one more thing"})


def _hand(name: str) -> Change:
    """Do one of the forgeries that the tests of strangers share."""
    return handed_over.FORGERIES[name]


def rotation(desk: Desk, new: KeySigner) -> bytes:
    return log.rotation(desk.case.keeper.state().case, desk.case.signer.keyid, new.keyid)


def new_key(desk: Desk, new: KeySigner, proof: bytes) -> Mapping[str, Any]:
    said = {"name": "Robin Examiner", "keyid": new.keyid, "publicKey": new.public_key_pem.decode()}
    return {"newKey": said | {"proof": strict.to_base64(proof)}}


BASES: Mapping[str, tuple[str, Callable[[Path], Desk]]] = {
    "log-on-offer": ("The same log, and the case on offer.", lean(_offer)),
    "log-accepted": ("The same log after a hand-over: the pen has passed, both cosigned.", lean(_offer, _accept)),
    "log-held": ("The same log, and a hold.", lean(append(log.HELD, HOLD))),
    "on-offer": ("The custodian has offered the case, and nobody has answered.", built(_offer)),
    "accepted": ("The receiver accepted: the pen has passed, both cosigned.", built(_offer, _accept)),
    "rejected": ("The receiver rejected; the custodian stays who it was.", built(_offer, _by_sam(log.REJECTED))),
    "withdrawn": ("The custodian took the offer back.", lean(_offer, _withdraw)),
    "held-and-released": (
        "A hold was placed and released.",
        built(append(log.HELD, HOLD), append(log.RELEASED, HOLD)),
    ),
    "disposed": (
        "One of two bags was disposed of: it need not be there any more.",
        built(_dispose(0), acquisitions=2),
    ),
    "rotated": ("The custodian changed to a new key, which signed for it.", built(_rotate)),
    "approved": (
        "The policy wants two people behind a disposal: the custodian, and an approver who agreed.",
        built(
            lambda desk: desk.append(
                desk.keeper(desk.kim, desk.case.log_signer), log.APPROVED, {"approval": {"action": "disposal"}}
            ),
            _dispose(0),
            trust(lambda desk: desk.trusting(extra="thresholds:\n  disposal: 2\n")),
            acquisitions=2,
        ),
    ),
}
INVALID: tuple[Bad, ...] = (
    bad(
        "offer-not-answered",
        "on-offer",
        Exit.INCOMPLETE,
        "An offer is open, and completeness is required.",
        option(requireComplete=True),
    ),
    bad("accepted-without-an-offer", "log", CHAIN, "Somebody accepts what nobody offered.", _answer()),
    bad(
        "accepted-by-another",
        "log-on-offer",
        CHAIN,
        "Somebody accepts to whom it was not offered.",
        _answer(by="kim"),
    ),
    bad(
        "accepted-in-the-name-of-another",
        "log-on-offer",
        SIGNATURE,
        "Somebody accepts in the receiver's name.",
        _hand("accepted in the name of another"),
    ),
    bad(
        "accepted-another-offer",
        "log-on-offer",
        CHAIN,
        "The acceptance names another event's leaf.",
        _answer(change=lambda said: said["transfer"]["offer"].update(leaf="0" * 64)),
    ),
    bad("accepted-twice", "log-on-offer", CHAIN, "The offer is accepted twice.", _hand("accepted twice")),
    bad(
        "accepted-with-a-key-for-another-log",
        "log-on-offer",
        CHAIN,
        "The receiver names a log key for another log.",
        _answer(change=lambda said: said["logKey"].update(origin="elsewhere")),
    ),
    bad(
        "accepted-and-the-old-pen-kept",
        "log-on-offer",
        SIGNATURE,
        "After the acceptance the checkpoint is signed with the giver's log key.",
        _hand("accepted, but signed with the log key of before"),
    ),
    bad(
        "written-on-by-the-giver",
        "log-accepted",
        SIGNATURE,
        "The giver goes on writing with the log key of before.",
        _written_on,
    ),
    bad(
        "rejected-by-another",
        "log-on-offer",
        CHAIN,
        "Somebody rejects to whom it was not offered.",
        _answer(log.REJECTED, by="kim"),
    ),
    bad(
        "withdrawn-by-another",
        "log-on-offer",
        CHAIN,
        "Somebody withdraws who is not the custodian.",
        _answer(log.WITHDRAWN, by="kim"),
    ),
    bad(
        "offered-twice",
        "log-on-offer",
        CHAIN,
        "The case is offered a second time while an offer is open.",
        _hand("offered a second time"),
    ),
    bad("offered-by-another", "log", CHAIN, "Somebody offers who is not the custodian.", _offer_by_kim),
    bad("offered-to-oneself", "log", CHAIN, "The custodian offers the case to the custodian.", _self_offer),
    bad(
        "collected-while-on-offer",
        "log-on-offer",
        CHAIN,
        "An acquisition starts while the case is on offer.",
        acquisition(log.STARTED, ELSEWHERE),
    ),
    bad("held-twice", "log-held", CHAIN, "A hold is placed a second time.", event(log.HELD, HOLD)),
    bad(
        "released-without-a-hold", "log", CHAIN, "A hold is released that does not stand.", event(log.RELEASED, HOLD)
    ),
    bad("disposed-under-a-hold", "log-held", CHAIN, "Evidence is disposed of while a hold stands.", _disposed),
    bad(
        "gone-without-disposal",
        "two-acquisitions",
        Exit.MISSING,
        "A bag is gone that no event disposed of.",
        lambda desk: shutil.rmtree(desk.case.root / desk.case.bags[0]),
    ),
    bad(
        "rotated-with-a-false-proof", "log", SIGNATURE, "The new key did not sign for its rotation.", _false_rotation
    ),
    bad(
        "too-few-approved",
        "approved",
        UNTRUSTED,
        "The policy wants three people behind a disposal, two agreed.",
        trust(lambda desk: desk.trusting(extra="thresholds:\n  disposal: 3\n")),
    ),
)
