"""Vectors of whole cases: single bytes, whole files, manifests, ledgers, seals, bags shipped alone."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from support import forging
from support.strangers import rewrite
from support.vector_desk import (
    OBJECT,
    PAGE,
    Bad,
    Change,
    Desk,
    add,
    also,
    bad,
    data,
    flip,
    lines,
    link,
    option,
    remove,
    stranger,
)

from evidence_kit.custody import bag, log
from evidence_kit.custody.verify.proofs import DIGESTS, LOGS
from evidence_kit.errors import Exit

MANIFEST, TAGS = f"BAG/{bag.MANIFEST}", f"BAG/{bag.TAGMANIFEST}"
LEDGER, ATTESTATIONS = f"BAG/{bag.LEDGER}", f"BAG/{bag.ATTESTATIONS}"
SEAL, KEYS = f"BAG/{bag.SEAL}", f"BAG/{bag.ACQUISITION_KEYS}"
OTHER_BAG = "bags/20261121T000000Z-aaaaaa/bagit.txt"


def _with(change: Change, **made: Any) -> Callable[[Path], Desk]:
    def build(folder: Path) -> Desk:
        desk = Desk(folder, made=made)
        change(desk)
        return desk

    return build


def _nothing(_: Desk) -> None:
    """Leave the case as it was made."""


def _alone(desk: Desk) -> None:
    desk.kind = "bag"


def _twice(desk: Desk) -> None:
    desk.collect()


def _complete(folder: Path) -> Desk:
    return Desk(folder, made={"regions": ("us-east-1", "eu-west-1"), "partial": ("eu-west-1",)})


def _trail(alter: bool = False) -> Callable[[Path], Desk]:  # noqa: FBT001, FBT002 - read by name below
    def build(folder: Path) -> Desk:
        from support import trails
        from support.vector_desk import somewhere_else

        desk = Desk(folder)
        shutil.rmtree(desk.case.root)
        objects = trails.objects_of(hours=1)
        if alter:
            key = min(trails.logs_in(objects))
            objects[key] = (trails.altered(objects[key][0]), objects[key][1])
        with somewhere_else():
            desk.case = trails.make_trail_case(
                desk.case.root,
                trails.FromBucket(DIGESTS, trails.digests_in(objects), keys=trails.public_keys()),
                trails.FromBucket(LOGS, trails.logs_in(objects)),
            )
        desk.people = (desk.case.signer, desk.sam, desk.kim)
        desk.trust = desk.trusting(since=None)
        return desk

    return build


BASES: Mapping[str, tuple[str, Callable[[Path], Desk]]] = {
    "plain": ("One acquisition of one page, sealed, by a collector whom the policy trusts.", Desk),
    "page-and-object": ("One acquisition of a page and an object.", _with(_nothing, names=("two words",))),
    "two-acquisitions": ("Two acquisitions in one case, each sealed.", _with(_twice)),
    "noted": (
        "A note stands after the seal; every signature is asked for.",
        _with(also(lambda desk: desk.case.note(), option(eachSignature=True))),
    ),
    "unsealed-after-a-crash": (
        "The acquisition crashed before its seal: all that is there is intact, and the verdict says that it is open.",
        _with(_nothing, sealed=False),
    ),
    "unsealed-and-torn": (
        "A crash also tore the last lines of both journals: a state, not a defect.",
        _with(
            also(
                data(LEDGER, lambda found: found + b'{"seq":7'), data(ATTESTATIONS, lambda found: found + b'{"payl')
            ),
            sealed=False,
        ),
    ),
    "incomplete-not-asked": ("One of two units is partial, and nobody asked for completeness.", _complete),
    "derived-beside": (
        "Files below `derived/` are nobody's evidence.",
        _with(add("derived/timeline.csv")),
    ),
    "bag-alone": ("A bag without its case: nothing is said of a log.", _with(_alone)),
    "cloudtrail": ("CloudTrail's digests agree with the log files that the bag holds.", _trail()),
}


def _swap(desk: Desk) -> None:
    one, other = desk.path(f"BAG/{PAGE}"), desk.path(f"BAG/{OBJECT}")
    first, second = one.read_bytes(), other.read_bytes()
    rewrite(one, second)
    rewrite(other, first)


def _rename(desk: Desk) -> None:
    path = desk.path(f"BAG/{PAGE}")
    path.rename(path.with_name("000001.json"))


def _nest(desk: Desk) -> None:
    desk.path(f"BAG/{OBJECT}").unlink()
    add(f"BAG/{OBJECT}/inside")(desk)


def resealed(*changes: Change, **said: Any) -> Change:
    """Let Robin do `changes`, seal what is there then, and have the log record that seal: an insider's forgery."""

    def do(desk: Desk) -> None:
        for change in changes:
            change(desk)
        forging.reseal(desk.case, **said)
        forging.relog_seal(desk.case)

    return do


def _remanifest(desk: Desk) -> None:
    forging.write_manifests(desk.case)


def relisted(change: Change) -> Change:
    """Alter evidence and make both manifests agree with it."""
    return also(change, _remanifest)


def entries(change: Callable[[list[dict[str, Any]]], object]) -> Change:
    """Let Robin tell another ledger, chained, listed and sealed."""

    def do(desk: Desk) -> None:
        forging.change_ledger(desk.case, change)
        chain = forging.chain_of(desk.case)
        resealed(_remanifest, ledger_size=chain.size, ledger_head=chain.head)(desk)

    return do


def _drop(kind: str) -> Callable[[list[dict[str, Any]]], object]:
    return lambda said: said.__setitem__(slice(None), [entry for entry in said if entry["type"] != kind])


def _unacknowledge(said: list[dict[str, Any]]) -> None:
    said.remove(next(entry for entry in said if entry.get("artifact")))


def _status(said: list[dict[str, Any]]) -> None:
    next(entry for entry in said if entry["type"] == "unit")["status"] = "splendid"


def _again(kind: str) -> Callable[[list[dict[str, Any]]], object]:
    def change(said: list[dict[str, Any]]) -> None:
        place = next(number for number, entry in enumerate(said) if entry["type"] == kind)
        said.insert(place, said[place])

    return change


def _by_a_stranger(desk: Desk) -> None:
    forging.reseal(desk.case, stranger())


def _in_anothers_name(desk: Desk) -> None:
    intruder = stranger()
    intruder.keyid = desk.case.signer.keyid
    forging.reseal(desk.case, intruder)
    forging.relog_seal(desk.case)


def _other_seal(desk: Desk) -> None:
    first, second = desk.case.bags
    rewrite(
        desk.case.root / first / bag.SEAL,
        (desk.case.root / second / bag.SEAL).read_bytes(),
    )


def _other_key(desk: Desk) -> None:
    rewrite(desk.path(KEYS), stranger().public_key_pem)


def _no_case(desk: Desk) -> None:
    shutil.rmtree(desk.case.root / "bags")
    shutil.rmtree(desk.case.root / "custody")
    desk.path(log.CASE).unlink()
    add("derived/left-over.txt")(desk)


def _empty(**made: Any) -> Change:
    """Make the case anew, with nothing in it."""

    def do(desk: Desk) -> None:
        other = Desk(desk.folder / "empty", made=made)
        desk.case, desk.trust = other.case, other.trust

    return do


def _altered_trail(desk: Desk) -> None:
    other = _trail(alter=True)(desk.folder / "altered")
    desk.case, desk.trust = other.case, other.trust


def _base(path: str) -> str:
    """Return the smallest valid case in which a change of `path` is seen for itself."""
    return "plain" if path.startswith(("BAG/", ".work")) else "log"


_BYTES = tuple(
    bad(f"flipped-{name}", _base(path), code, f"One byte of {what} is changed.", flip(path, at))
    for name, path, at, code, what in (
        ("artifact", f"BAG/{PAGE}", 3, Exit.DIGEST, "an artifact"),
        ("manifest", MANIFEST, 5, Exit.DIGEST, "a digest in the manifest"),
        ("tagmanifest", TAGS, 5, Exit.DIGEST, "a digest in the tag manifest"),
        ("attestation", ATTESTATIONS, -12, Exit.DIGEST, "an artifact's attestation"),
        ("ledger", LEDGER, 40, Exit.DIGEST, "the ledger"),
        ("seal", SEAL, -20, Exit.DIGEST, "the seal's signature"),
        ("acquisition-key", KEYS, 60, Exit.DIGEST, "the acquisition's public key"),
        ("acquisition-record", "BAG/record/acquisition.json", 30, Exit.DIGEST, "the record of the acquisition"),
        ("bag-info", "BAG/bag-info.txt", 20, Exit.DIGEST, "the bag's description"),
        ("case-description", log.CASE, 8, Exit.DIGEST, "the case's description"),
        ("log", log.LOG, -12, Exit.SIGNATURE, "the last event's signature"),
        ("checkpoint", log.CHECKPOINT, -20, Exit.SIGNATURE, "the checkpoint's signature"),
    )
)
_REMOVED = tuple(
    bad(f"removed-{name}", _base(path), Exit.MISSING, f"{what} is gone.", remove(path))
    for name, path, what in (
        ("artifact", f"BAG/{PAGE}", "An artifact"),
        ("manifest", MANIFEST, "The manifest"),
        ("tagmanifest", TAGS, "The tag manifest"),
        ("seal", SEAL, "The seal"),
        ("log", log.LOG, "The custody log"),
        ("checkpoint", log.CHECKPOINT, "The checkpoint"),
        ("case-description", log.CASE, "The case's description"),
    )
)
_ADDED = tuple(
    bad(f"added-{name}", _base(path), Exit.UNEXPECTED, f"A file was added {where}.", add(path))
    for name, path, where in (
        ("to-case", "added.txt", "to the case's folder"),
        ("to-custody", "custody/added.txt", "beside the custody log"),
        ("to-checkpoints", "custody/checkpoints/added.txt", "among the kept checkpoints"),
        ("to-timestamps", "custody/timestamps/added.txt", "among the time-stamps"),
        ("to-renewals", "custody/renewals/added.txt", "among the renewals"),
        ("to-bag", "BAG/added.txt", "to the bag"),
        ("to-data", f"BAG/{PAGE}.orig", "among the artifacts"),
        ("to-record", "BAG/record/added.json", "to the record"),
        ("to-seal", "BAG/seal/added.txt", "beside the seal"),
        ("bag", OTHER_BAG, "in a bag that the log does not name"),
        ("work", ".work/added.txt", "to the staging folder, while nothing is under way"),
    )
)


def _retag(desk: Desk) -> None:
    """List the manifest as it is now among the tag files."""
    listed = [line[66:] for line in desk.path(TAGS).read_text().splitlines()]
    told = "".join(f"{forging.sha256(desk.case, name)}  {name}\n" for name in listed)
    rewrite(desk.path(TAGS), told.encode())


_MANIFESTS = tuple(
    bad(f"manifest-{name}", "page-and-object", Exit.DIGEST, f"{claim}, and the sealer signed that.", change)
    for name, claim, change in (
        (name, f"The manifest {claim}", resealed(lines(MANIFEST, change), _retag))
        for name, claim, change in (
            ("out-of-order", "is not in bytewise order", lambda found: found[::-1]),
            ("with-a-duplicate", "names a file twice", lambda found: [found[0], *found]),
            ("with-crlf", "ends its lines in CRLF", lambda found: [line[:-1] + b"\r\n" for line in found]),
            (
                "in-binary-mode",
                "marks its files with `*`",
                lambda found: [line[:64] + b" *" + line[66:] for line in found],
            ),
            (
                "leading-outside",
                "names a path with `..`",
                lambda found: [b"0" * 64 + b"  ../../etc/passwd\n", *found],
            ),
        )
    )
)
_LEDGERS = (
    bad("plan-never-closed", "plain", Exit.CHAIN, "The plan was never closed.", entries(_drop("plan.closed"))),
    bad(
        "unit-never-ended",
        "plain",
        Exit.CHAIN,
        "A planned unit never ended; the seal covers that ledger.",
        entries(_drop("unit")),
    ),
    bad("unit-never-planned", "plain", Exit.CHAIN, "A unit ended that was never planned.", entries(_drop("planned"))),
    bad("unit-ended-twice", "plain", Exit.CHAIN, "A unit ended twice.", entries(_again("unit"))),
    bad(
        "unit-in-an-unknown-status",
        "plain",
        Exit.CHAIN,
        "A unit ended in a status that nobody knows.",
        entries(_status),
    ),
    bad(
        "ledger-never-closed",
        "plain",
        Exit.CHAIN,
        "The ledger of a sealed bag does not end in `closed`.",
        entries(_drop("closed")),
    ),
    bad(
        "artifact-not-acknowledged",
        "page-and-object",
        Exit.CHAIN,
        "An artifact lies in the bag that no ledger line brought.",
        entries(_unacknowledge),
    ),
    bad(
        "ledger-of-another-acquisition",
        "plain",
        Exit.CHAIN,
        "The ledger tells of another acquisition.",
        entries(lambda said: said[0].update(acquisition="20260101T000000Z-aaaaaa")),
    ),
    bad(
        "ledger-lines-swapped",
        "page-and-object",
        Exit.DIGEST,
        "Two lines of the ledger changed places.",
        lines(LEDGER, lambda found: [*found[:3], found[4], found[3], *found[5:]]),
    ),
    bad(
        "attestations-swapped",
        "page-and-object",
        Exit.DIGEST,
        "Two attestations changed places.",
        lines(ATTESTATIONS, lambda found: found[::-1]),
    ),
)
_SEALS = (
    bad(
        "seal-says-another-case",
        "plain",
        Exit.SIGNATURE,
        "The seal names another case.",
        resealed(case="IR-2026-099"),
    ),
    bad(
        "seal-counts-other-artifacts",
        "plain",
        Exit.CHAIN,
        "The seal counts three artifacts, the bag holds one.",
        resealed(artifacts=3),
    ),
    bad(
        "seal-of-another-tree",
        "plain",
        Exit.CHAIN,
        "The seal signs another tree of attestations.",
        resealed(artifacts_root="0" * 64),
    ),
    bad(
        "seal-dated-nonsense", "plain", Exit.SIGNATURE, "The seal's time is no time.", resealed(sealed_at="yesterday")
    ),
    bad(
        "seal-of-another-bag",
        "two-acquisitions",
        Exit.DIGEST,
        "The seal of the second bag lies in the first.",
        _other_seal,
    ),
    bad(
        "seal-by-a-stranger",
        "plain",
        Exit.DIGEST,
        "A stranger sealed the bag anew; the log recorded another seal.",
        _by_a_stranger,
    ),
    bad(
        "seal-in-anothers-name",
        "plain",
        Exit.SIGNATURE,
        "A stranger sealed under the collector's key id.",
        _in_anothers_name,
    ),
    bad(
        "seal-of-zeros",
        "plain",
        Exit.DIGEST,
        "The seal is two megabytes of zeros.",
        data(SEAL, lambda _: bytes(2 << 20)),
    ),
    bad(
        "acquisition-key-not-endorsed",
        "plain",
        Exit.SIGNATURE,
        "The sealed acquisition key is not the one that the log endorsed.",
        resealed(_other_key, _retag),
    ),
    bad(
        "evidence-rewritten-by-whoever-holds-no-key",
        "plain",
        Exit.DIGEST,
        "An artifact and both manifests were altered to agree.",
        relisted(flip(f"BAG/{PAGE}", 3)),
    ),
    bad(
        "evidence-rewritten-and-resealed",
        "plain",
        Exit.CHAIN,
        "The collector altered an artifact and sealed anew; ledger and attestations tell.",
        also(option(eachSignature=True), resealed(relisted(flip(f"BAG/{PAGE}", 3)))),
    ),
)
_WHOLE = (
    bad("artifact-renamed", "page-and-object", Exit.MISSING, "An artifact has another name.", _rename),
    bad(
        "artifact-a-link",
        "page-and-object",
        Exit.UNEXPECTED,
        "An artifact was replaced by a link to the other one.",
        link(f"BAG/{PAGE}", "../two=20words"),
    ),
    bad(
        "artifact-a-folder", "page-and-object", Exit.UNEXPECTED, "A folder stands in the place of an artifact.", _nest
    ),
    bad("artifacts-swapped", "page-and-object", Exit.DIGEST, "Two artifacts changed places.", _swap),
    bad("log-a-link", "plain", Exit.UNEXPECTED, "The custody log is a link.", link(log.LOG, "log.elsewhere")),
    bad(
        "incomplete",
        "incomplete-not-asked",
        Exit.INCOMPLETE,
        "One of two units is partial, and completeness is required.",
        option(requireComplete=True),
    ),
    bad("empty-case", "plain", Exit.EMPTY, "The case was opened, and nothing acquired.", _empty(acquisitions=0)),
    bad("no-case", "plain", Exit.MISSING, "There is no case in this folder.", _no_case),
    bad(
        "unsealed-artifact-flipped",
        "unsealed-after-a-crash",
        Exit.DIGEST,
        "An artifact that no seal covers yet differs from its ledger line.",
        flip(f"BAG/{PAGE}", 3),
    ),
    bad(
        "unsealed-attestation-flipped",
        "unsealed-after-a-crash",
        Exit.SIGNATURE,
        "An attestation's signature does not verify; no seal is there to say so.",
        flip(ATTESTATIONS, -12),
    ),
    bad(
        "unsealed-ledger-swapped",
        "unsealed-after-a-crash",
        Exit.CHAIN,
        "Two lines of a ledger without a seal changed places.",
        lines(LEDGER, lambda found: [found[0], found[2], found[1], *found[3:]]),
    ),
    bad(
        "bag-alone-flipped",
        "bag-alone",
        Exit.DIGEST,
        "One byte of an artifact is changed in a bag shipped alone.",
        flip(f"BAG/{PAGE}", 3),
    ),
    bad(
        "bag-alone-by-a-stranger",
        "bag-alone",
        Exit.UNTRUSTED,
        "A stranger sealed a bag shipped alone.",
        _by_a_stranger,
    ),
    bad("bag-alone-without-its-seal", "bag-alone", Exit.SIGNATURE, "A bag shipped alone has no seal.", remove(SEAL)),
    bad(
        "cloudtrail-contradicted",
        "cloudtrail",
        Exit.PROVIDER_PROOF,
        "A log file was altered before it was acquired; CloudTrail's digest tells.",
        _altered_trail,
    ),
)
INVALID: tuple[Bad, ...] = (*_BYTES, *_REMOVED, *_ADDED, *_MANIFESTS, *_LEDGERS, *_SEALS, *_WHOLE)
