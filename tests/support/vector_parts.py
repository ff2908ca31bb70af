"""Vectors of what a checker brings or keeps: trust policies and checkpoints."""

import base64
from collections.abc import Iterator
from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from support.casemaker import NOW, ORIGIN
from support.private_ca import PrivateCa
from support.vector_desk import person
from support.vector_format import Vector, told

from evidence_kit.custody import checkpoint, merkle
from evidence_kit.custody.checkpoint import Checkpoint
from evidence_kit.custody.trust import HEADER
from evidence_kit.custody.trust.writing import certificate_authority_entry, time_authority_entry
from evidence_kit.errors import Exit
from evidence_kit.signers.file import KeySigner, generate

Judged = tuple[Vector, Exit]
ROBIN = KeySigner(generate("p256"))


def parts() -> Iterator[Judged]:
    """Yield every vector of policies and checkpoints, with the verdict that it must have."""
    yield from _trusts()
    yield from _checkpoints()


# -- trust policies ------------------------------------------------------------------------------------------------


def _trusts() -> Iterator[Judged]:
    entry, good = person("Robin Examiner", ROBIN), HEADER + person("Robin Examiner", ROBIN)
    ca = PrivateCa.root("Example IR")
    clock = "timeAuthorities:\n" + time_authority_entry(name="clock", pem=ca.pem)
    people = certificate_authority_entry(
        name="people", pem=ca.pem, roles=("collector",), identities=("*@ir.example.com",)
    )
    rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    rsa_pem = rsa_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    rsa_entry = "".join(f"      {line}\n" for line in rsa_pem.splitlines())
    whole = good + "timestamps:\n  required: true\n  quorum: 1\n  maxSkewSeconds: 60\n" + clock
    whole += "certificateAuthorities:\n" + people + "thresholds:\n  seal: 2\n  disposal: 2\n"
    until = person("Robin Examiner", ROBIN, until=NOW - timedelta(days=99))
    rows = (
        ("trust", Exit.OK, "A policy of one key.", good),
        ("trust-with-everything", Exit.OK, "Keys, authorities, time-stamps and thresholds.", whole),
        (
            "trust-revoked",
            Exit.OK,
            "A key that was superseded.",
            HEADER + person("R", ROBIN, revoked=(NOW, "superseded")),
        ),
        ("trust-of-nobody", Exit.USAGE, "The policy lists no key, and no authority.", HEADER.removesuffix("keys:\n")),
        ("trust-keys-empty", Exit.USAGE, "The list of keys is empty.", HEADER.removesuffix("keys:\n") + "keys: []\n"),
        ("trust-keys-blank", Exit.USAGE, "The list of keys is blank.", HEADER),
        ("trust-key-twice", Exit.USAGE, "One key is listed under two names.", good + person("Sam", ROBIN)),
        ("trust-role-unknown", Exit.USAGE, "A role is not known.", good.replace("approver", "auditor")),
        (
            "trust-roles-empty",
            Exit.USAGE,
            "A key has no role.",
            good.replace("[collector, custodian, approver]", "[]"),
        ),
        ("trust-field-unknown", Exit.USAGE, "A field is not known.", good + "note: be kind\n"),
        ("trust-field-twice", Exit.USAGE, "A field stands twice.", good + "keys:\n" + entry),
        (
            "trust-version-unknown",
            Exit.USAGE,
            "The policy is of another version.",
            good.replace("trust.v1", "trust.v2"),
        ),
        ("trust-name-empty", Exit.USAGE, "A key has no name.", good.replace("Robin Examiner", " ")),
        ("trust-key-not-pem", Exit.USAGE, "A key is no key.", good.replace("BEGIN PUBLIC KEY", "BEGIN KEY")),
        (
            "trust-key-rsa",
            Exit.USAGE,
            "A key is RSA, which nothing here verifies.",
            good[: good.index("      ---")] + rsa_entry,
        ),
        ("trust-window-ends-before-it-begins", Exit.USAGE, "A key counted until before it counts.", HEADER + until),
        (
            "trust-revoked-for-no-reason",
            Exit.USAGE,
            "A key is revoked for a reason that nobody knows.",
            HEADER + person("R", ROBIN, revoked=(NOW, "lost")),
        ),
        (
            "trust-quorum-too-large",
            Exit.USAGE,
            "Two authorities must agree, one is listed.",
            good + "timestamps: {quorum: 2}\n" + clock,
        ),
        (
            "trust-quorum-of-none",
            Exit.USAGE,
            "No authority has to agree.",
            good + "timestamps: {quorum: 0}\n" + clock,
        ),
        (
            "trust-time-stamps-by-nobody",
            Exit.USAGE,
            "Time-stamps are required, and no authority is listed.",
            good + "timestamps: {required: true}\n",
        ),
        (
            "trust-time-authorities-empty",
            Exit.USAGE,
            "The list of time authorities is empty.",
            good + "timeAuthorities: []\n",
        ),
        ("trust-thresholds-empty", Exit.USAGE, "There are thresholds, and none.", good + "thresholds: {}\n"),
        ("trust-threshold-of-none", Exit.USAGE, "Nobody has to sign a seal.", good + "thresholds: {seal: 0}\n"),
        ("trust-threshold-true", Exit.USAGE, "A threshold is `true`.", good + "thresholds: {seal: true}\n"),
        (
            "trust-identities-empty",
            Exit.USAGE,
            "An authority may name nobody.",
            good + "certificateAuthorities:\n" + people.replace('["*@ir.example.com"]', "[]"),
        ),
        ("trust-not-a-mapping", Exit.USAGE, "The policy is a list.", "- " + good.replace("\n", "\n  ")),
    )
    for name, code, claim, text in rows:
        yield Vector(name=name, claim=claim, kind="trust", trust=text), code


# -- checkpoints ---------------------------------------------------------------------------------------------------


def _checkpoints() -> Iterator[Judged]:
    key, witness, nobody = (KeySigner(generate("ed25519")) for _ in range(3))
    head = Checkpoint(ORIGIN, 4, merkle.leaf_hash(b"four"))
    note = checkpoint.sign(head, key)
    cosigned = checkpoint.cosign(note, name="Sam", signer=witness, at=NOW)
    other = checkpoint.sign(Checkpoint("evidence-kit.dev/case/another", 4, head.root), key)
    later = checkpoint.cosign(
        checkpoint.sign(Checkpoint(ORIGIN, 5, head.root), key), name="Sam", signer=witness, at=NOW
    )
    text, blank, tail = note.partition(b"\n\n")
    lines = text.split(b"\n")
    no_size = b"\n".join([lines[0], b"04", lines[2]])
    short = b"\n".join([*lines[:2], base64.b64encode(head.root[:-1])])
    rows = (
        ("checkpoint", Exit.OK, "A checkpoint that its log signed.", note),
        ("checkpoint-cosigned", Exit.OK, "A checkpoint that an announced witness cosigned.", cosigned),
        ("checkpoint-of-another-log", Exit.CHAIN, "It is another log's.", other),
        ("checkpoint-in-another-key", Exit.SIGNATURE, "Another key signed it.", checkpoint.sign(head, nobody)),
        ("checkpoint-flipped", Exit.SIGNATURE, "Its size was changed.", note.replace(b"\n4\n", b"\n5\n", 1)),
        ("checkpoint-with-a-leading-zero", Exit.CHAIN, "Its size has a leading zero.", no_size + blank + tail),
        ("checkpoint-with-crlf", Exit.CHAIN, "Its lines end in CRLF.", note.replace(b"\n", b"\r\n")),
        ("checkpoint-of-a-short-root", Exit.CHAIN, "Its root is 31 bytes.", short + blank + tail),
        ("checkpoint-with-an-extension", Exit.CHAIN, "It has a fourth line.", text + b"\nmore" + blank + tail),
        ("checkpoint-unsigned", Exit.CHAIN, "No signature line is there.", text + blank),
        ("checkpoint-torn", Exit.CHAIN, "It does not end in a line feed.", note[:-1]),
        ("checkpoint-not-text", Exit.CHAIN, "It is not UTF-8.", b"\xff" + note),
        ("checkpoint-too-large", Exit.CHAIN, "It is a megabyte of zeros.", bytes(1 << 20)),
        (
            "checkpoint-only-cosigned",
            Exit.SIGNATURE,
            "A witness signed it, its log did not.",
            text + blank + cosigned[len(note) :],
        ),
        (
            "checkpoint-cosigned-falsely",
            Exit.SIGNATURE,
            "The cosignature is of another checkpoint.",
            note + later.splitlines(keepends=True)[-1],
        ),
        (
            "checkpoint-cosigned-by-nobody-announced",
            Exit.SIGNATURE,
            "Nobody announced who cosigned.",
            checkpoint.cosign(note, name="Kim", signer=nobody, at=NOW),
        ),
        (
            "checkpoint-cosigned-in-anothers-name",
            Exit.SIGNATURE,
            "Somebody cosigned in the witness's name.",
            checkpoint.cosign(note, name="Sam", signer=nobody, at=NOW),
        ),
    )
    witnesses = [{"name": "Sam", "publicKey": witness.public_key_pem.decode()}]
    given = {"origin": ORIGIN, "publicKey": key.public_key_pem.decode(), "witnesses": witnesses}
    for name, code, claim, found in rows:
        yield Vector(name=name, claim=claim, kind="checkpoint", given=given, files={"checkpoint": told(found)}), code
