"""Vectors of what proves something: envelopes and statements, time-stamp tokens, Merkle proofs."""

import json
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from support.tsa import POLICY, Tsa
from support.vector_desk import person
from support.vector_format import Vector, told
from support.vector_parts import ROBIN, Judged

from evidence_kit.custody import dsse, merkle, statement, strict, timestamp
from evidence_kit.custody.trust import HEADER
from evidence_kit.custody.trust.writing import time_authority_entry
from evidence_kit.errors import Exit
from evidence_kit.signers.file import KeySigner, generate

_AS = {"p256": "P-256", "ed25519": "Ed25519", "mldsa65": "ML-DSA-65"}


def parts(folder: Path) -> Iterator[Judged]:
    """Yield every vector of proofs, with the verdict that it must have."""
    yield from _envelopes()
    yield from _tokens(folder)
    yield from _merkle()


# -- envelopes -----------------------------------------------------------------------------------------------------


def _said(**changes: Any) -> dict[str, Any]:
    subject = [{"name": "case.json", "digest": {"sha256": "0" * 64}}]
    said = {"_type": statement.STATEMENT, "subject": subject, "predicateType": statement.CUSTODY_EVENT}
    return said | {"predicate": {"case": "IR-2026-014", "seq": 0}} | changes


def _line(payload: bytes | dict[str, Any] | None = None, signer: KeySigner = ROBIN) -> bytes:
    payload = _said() if payload is None else payload
    return dsse.sign_line(payload if isinstance(payload, bytes) else strict.encode(payload), signer)


def _edited(change: Callable[[dict[str, Any]], object]) -> bytes:
    value = json.loads(_line())
    change(value)
    return strict.encode(value)


def _lax(text: str) -> str:
    """Return base64 whose spare bits are not zero, or that lacks its padding."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    if not text.endswith("="):
        return text + "\n"
    bare = text.rstrip("=")
    return bare[:-1] + alphabet[alphabet.index(bare[-1]) + 1] + "=" * (len(text) - len(bare))


def _deep() -> dict[str, Any]:
    inner: dict[str, Any] = {}
    for _ in range(64):
        inner = {"a": inner}
    return _said(predicate={"case": inner})


def _envelopes() -> Iterator[Judged]:
    plain, bad = _line(), Exit.SIGNATURE
    compact = strict.encode(_said())
    stranger = KeySigner(generate("p256"))
    subject = {"name": "case.json", "digest": {"sha256": "0" * 64}}
    signature = json.loads(plain)["signatures"][0]
    said: Sequence[tuple[str, Exit, str, bytes]] = (
        ("envelope", Exit.OK, "An envelope over a statement.", plain),
        (
            "envelope-not-compact-inside",
            Exit.OK,
            "The payload has spaces; what is signed is its bytes.",
            _line(json.dumps(_said(), indent=1).encode()),
        ),
        (
            "envelope-with-unknown-fields",
            Exit.OK,
            "Unknown fields in a predicate change nothing.",
            _line(_said(predicate={"case": "IR-2026-014", "seq": 0, "weather": "fair"})),
        ),
        (
            "envelope-flipped",
            bad,
            "One byte of the payload is changed.",
            plain.replace(b'"payload":"ey', b'"payload":"eX', 1),
        ),
        ("envelope-by-another-key", bad, "Another key signed it.", _line(signer=stranger)),
        (
            "envelope-with-another-hint",
            bad,
            "Its hint names another key than the one that signed.",
            plain.replace(ROBIN.keyid.encode(), stranger.keyid.encode()),
        ),
        (
            "envelope-with-two-signatures",
            bad,
            "It carries two signatures.",
            _edited(lambda e: e["signatures"].append(signature)),
        ),
        ("envelope-without-a-signature", bad, "It carries no signature.", _edited(lambda e: e["signatures"].clear())),
        (
            "envelope-of-another-payload-type",
            bad,
            "Its payload type is not in-toto's.",
            plain.replace(b"application/vnd.in-toto+json", b"application/json"),
        ),
        (
            "envelope-with-a-duplicate-key",
            bad,
            "A key stands twice.",
            plain[:-1] + b',"payloadType":"application/vnd.in-toto+json"}',
        ),
        ("envelope-with-a-byte-order-mark", bad, "It begins with a byte order mark.", b"\xef\xbb\xbf" + plain),
        ("envelope-with-trailing-bytes", bad, "Something follows it.", plain + b"{}"),
        ("envelope-with-a-trailing-space", bad, "A space follows it.", plain + b" "),
        ("envelope-not-compact", bad, "There is a space in it.", plain.replace(b":", b": ", 1)),
        (
            "envelope-escaped-needlessly",
            bad,
            "A letter is written as an escape.",
            plain.replace(b'"payload"', b'"p\\u0061yload"', 1),
        ),
        (
            "envelope-in-lax-base64",
            bad,
            "The signature's base64 has spare bits, or a line feed.",
            _edited(lambda e: e["signatures"][0].update(sig=_lax(e["signatures"][0]["sig"]))),
        ),
        (
            "envelope-in-base64url",
            bad,
            "The payload is in the alphabet for URLs.",
            _edited(lambda e: e.update(payload=e["payload"].rstrip("=") + "_-_-")),
        ),
        ("envelope-a-list", bad, "The document is a list.", b"[" + plain + b"]"),
        ("envelope-not-utf8", bad, "It is not UTF-8.", plain.replace(b'"payloadType"', b'"payloadTyp\xe9"')),
        ("envelope-of-zeros", bad, "It is two megabytes of zeros.", bytes(2 << 20)),
        (
            "statement-of-another-predicate",
            bad,
            "It is a seal where an event is expected.",
            _line(_said(predicateType=statement.SEAL)),
        ),
        (
            "statement-of-a-later-version",
            bad,
            "Its predicate is of a version that is not known.",
            _line(_said(predicateType=statement.CUSTODY_EVENT.replace("v1", "v2"))),
        ),
        (
            "statement-of-another-type",
            bad,
            "It is no in-toto Statement v1.",
            _line(_said(_type="https://in-toto.io/Statement/v0.1")),
        ),
        (
            "statement-with-a-critical-field",
            bad,
            "It calls a field critical that nobody knows.",
            _line(_said(predicate={"critical": ["weather"]})),
        ),
        (
            "statement-with-a-duplicate-key",
            bad,
            "The payload has a key twice.",
            _line(compact[:-1] + b',"predicate":{}}'),
        ),
        ("statement-with-nan", bad, "The payload holds NaN.", _line(compact.replace(b'"seq":0', b'"seq":NaN'))),
        (
            "statement-with-infinity",
            bad,
            "The payload holds a number that is too large.",
            _line(compact.replace(b'"seq":0', b'"seq":1e999')),
        ),
        ("statement-with-trailing-bytes", bad, "Something follows the payload.", _line(compact + b"x")),
        (
            "statement-with-a-byte-order-mark",
            bad,
            "The payload begins with a byte order mark.",
            _line(b"\xef\xbb\xbf" + compact),
        ),
        ("statement-nested-too-deep", bad, "The payload nests 67 deep.", _line(_deep())),
        ("statement-without-a-subject", bad, "It is about nothing.", _line(_said(subject=[]))),
        (
            "statement-with-too-many-subjects",
            bad,
            "It is about 17 files.",
            _line(_said(subject=[subject | {"name": str(n)} for n in range(17)])),
        ),
        (
            "statement-with-a-subject-twice",
            bad,
            "Two subjects share a name.",
            _line(_said(subject=[subject, subject])),
        ),
        (
            "statement-with-a-digest-in-upper-case",
            bad,
            "A digest is in upper case.",
            _line(_said(subject=[subject | {"digest": {"sha256": "A" * 64}}])),
        ),
        (
            "statement-with-a-short-digest",
            bad,
            "A digest has 62 digits.",
            _line(_said(subject=[subject | {"digest": {"sha256": "0" * 62}}])),
        ),
        (
            "statement-with-another-digest",
            bad,
            "A digest is another algorithm's.",
            _line(_said(subject=[subject | {"digest": {"sha1": "0" * 40}}])),
        ),
        (
            "statement-with-a-name-of-another-type",
            bad,
            "A subject's name is a number.",
            _line(_said(subject=[subject | {"name": 7}])),
        ),
        ("statement-with-a-predicate-of-another-type", bad, "Its predicate is a list.", _line(_said(predicate=[]))),
    )
    given = {"publicKey": ROBIN.public_key_pem.decode(), "predicateType": statement.CUSTODY_EVENT}
    for name, code, claim, line in said:
        yield Vector(name=name, claim=claim, kind="envelope", given=given, files={"line": told(line)}), code
    for algorithm, called in _AS.items():
        signer = KeySigner(generate(algorithm))
        other = {"publicKey": signer.public_key_pem.decode(), "predicateType": statement.CUSTODY_EVENT}
        claim, files = f"An envelope signed with {called}.", {"line": told(_line(signer=signer))}
        yield Vector(name=f"envelope-{algorithm}", claim=claim, kind="envelope", given=other, files=files), Exit.OK


# -- tokens --------------------------------------------------------------------------------------------------------


def _tokens(folder: Path) -> Iterator[Judged]:
    tsa, other = Tsa(folder / "a", name="a"), Tsa(folder / "b", name="b")
    query = timestamp.request(b"what is stamped", nonce=secrets.randbits(63) | 1)
    good = tsa.reply(query)
    tsa.fault = "refuse"
    refused = tsa.reply(query)
    tsa.fault = "unsorted"
    unsorted = tsa.reply(query)

    def policy(**window: Any) -> str:
        return HEADER + person("Robin Examiner", ROBIN) + "timeAuthorities:\n" + _authority(tsa, **window)

    known = policy()
    stranger = HEADER + person("Robin Examiner", ROBIN) + "timeAuthorities:\n" + _authority(other)
    flipped = good[:-9] + bytes([good[-9] ^ 1]) + good[-8:]
    rows = (
        ("token", Exit.OK, "A token of a known authority.", known, good, b"what is stamped"),
        (
            "token-under-a-listed-policy",
            Exit.OK,
            "A token under a policy that counts.",
            policy(policies=(POLICY,)),
            good,
            b"what is stamped",
        ),
        ("token-over-something-else", Exit.SIGNATURE, "The token is over other data.", known, good, b"what is not"),
        (
            "token-of-an-unknown-root",
            Exit.UNTRUSTED,
            "The policy knows another authority.",
            stranger,
            good,
            b"what is stamped",
        ),
        (
            "token-under-another-policy",
            Exit.UNTRUSTED,
            "The token is under a policy that does not count.",
            policy(policies=("1.2.3.4",)),
            good,
            b"what is stamped",
        ),
        (
            "token-too-late",
            Exit.UNTRUSTED,
            "The authority counted until before.",
            policy(until="2020-01-01T00:00:00Z"),
            good,
            b"what is stamped",
        ),
        (
            "token-too-early",
            Exit.UNTRUSTED,
            "The authority counts from later on.",
            policy(since="2120-01-01T00:00:00Z"),
            good,
            b"what is stamped",
        ),
        (
            "token-altered",
            Exit.SIGNATURE,
            "One byte of the signature is changed.",
            known,
            flipped,
            b"what is stamped",
        ),
        ("token-cut", Exit.SIGNATURE, "The reply is cut short.", known, good[:-1], b"what is stamped"),
        (
            "token-with-trailing-bytes",
            Exit.SIGNATURE,
            "Something follows the reply.",
            known,
            good + b"\0",
            b"what is stamped",
        ),
        ("token-garbage", Exit.SIGNATURE, "The reply is no DER.", known, b"garbage", b"what is stamped"),
        (
            "token-html",
            Exit.SIGNATURE,
            "The reply is an HTML page.",
            known,
            b"<!DOCTYPE html><html></html>",
            b"what is stamped",
        ),
        ("token-refused", Exit.SIGNATURE, "The authority refused.", known, refused, b"what is stamped"),
        (
            "token-unsorted",
            Exit.SIGNATURE,
            "The reply's certificates are unsorted, so it is not DER.",
            known,
            unsorted,
            b"what is stamped",
        ),
        ("token-empty", Exit.SIGNATURE, "The reply is empty.", known, b"", b"what is stamped"),
        (
            "token-too-large",
            Exit.SIGNATURE,
            "The reply is a megabyte of zeros.",
            known,
            bytes(1 << 20),
            b"what is stamped",
        ),
    )
    for name, code, claim, text, reply, data in rows:
        files = {"reply.tsr": told(reply), "data": told(data)}
        yield Vector(name=name, claim=claim, kind="token", trust=text, files=files), code


def _authority(tsa: Tsa, *, policies: Sequence[str] = (), since: str = "", until: str = "") -> str:
    entry = time_authority_entry(name=tsa.name, pem=tsa.root_file.read_bytes(), policies=policies)
    window = (("validFrom", since), ("validUntil", until))
    return entry + "".join(f"    {field}: {moment}\n" for field, moment in window if moment)


# -- Merkle proofs -------------------------------------------------------------------------------------------------


def _merkle() -> Iterator[Judged]:
    entries = [f"entry {number}" for number in range(7)]
    leaves = [merkle.leaf_hash(entry.encode()) for entry in entries]
    root, old = merkle.root_of(leaves), merkle.root_of(leaves[:3])
    inside = {"entry": entries[4], "index": 4, "size": 7, "root": root.hex()}
    inside |= {"proof": _hex(merkle.inclusion_proof(4, leaves))}
    grown = {"oldSize": 3, "oldRoot": old.hex(), "size": 7, "root": root.hex()}
    grown |= {"proof": _hex(merkle.consistency_proof(3, leaves))}
    last = {"entry": entries[6], "index": 6, "proof": _hex(merkle.inclusion_proof(6, leaves))}
    empty = merkle.root_of([]).hex()
    alone = {"entry": entries[0], "index": 0, "size": 1, "root": leaves[0].hex(), "proof": []}
    same = {"oldSize": 7, "oldRoot": root.hex(), "proof": []}
    cases: Sequence[tuple[str, bool, str, Mapping[str, Any]]] = (
        ("inclusion", True, "The fifth of seven entries is in the tree.", inside),
        ("inclusion-at-the-ragged-edge", True, "The last of seven entries is in the tree.", inside | last),
        ("inclusion-of-the-only-entry", True, "A tree of one entry needs no proof.", alone),
        (
            "inclusion-of-another-entry",
            False,
            "The entry is not the one that the proof is for.",
            inside | {"entry": "entry 5"},
        ),
        ("inclusion-at-another-index", False, "The proof is for another place.", inside | {"index": 5}),
        ("inclusion-outside", False, "The place is outside the tree.", inside | {"index": 7}),
        ("inclusion-before-the-first", False, "The place is negative.", inside | {"index": -1}),
        ("inclusion-in-another-size", False, "The tree is said to be of another size.", inside | {"size": 9}),
        ("inclusion-under-another-root", False, "The root is another tree's.", inside | {"root": old.hex()}),
        (
            "inclusion-by-too-short-a-proof",
            False,
            "A hash of the proof is missing.",
            inside | {"proof": inside["proof"][:-1]},
        ),
        (
            "inclusion-by-too-long-a-proof",
            False,
            "The proof has a hash too many.",
            inside | {"proof": [*inside["proof"], "0" * 64]},
        ),
        (
            "inclusion-by-a-swapped-proof",
            False,
            "Two hashes of the proof changed places.",
            inside | {"proof": [inside["proof"][1], inside["proof"][0], *inside["proof"][2:]]},
        ),
        (
            "inclusion-of-a-node-as-an-entry",
            False,
            "An entry is an inner node: leaves and nodes are hashed apart.",
            alone | {"entry": "\x01" + "0" * 64, "root": merkle.node_hash(b"0" * 32, b"0" * 32).hex()},
        ),
        ("consistency", True, "A tree of seven extends that of three.", grown),
        ("consistency-of-the-same", True, "A tree extends itself.", grown | same),
        (
            "consistency-from-nothing",
            True,
            "Every tree extends the empty one.",
            grown | {"oldSize": 0, "oldRoot": empty, "proof": []},
        ),
        (
            "consistency-of-another-history",
            False,
            "The first three entries were others.",
            grown | {"oldRoot": merkle.root_of(leaves[1:4]).hex()},
        ),
        ("consistency-of-a-shrunk-tree", False, "The tree shrank.", grown | {"oldSize": 8}),
        ("consistency-without-a-proof", False, "There is no proof.", grown | {"proof": []}),
        (
            "consistency-by-too-short-a-proof",
            False,
            "A hash of the longer tree is missing.",
            grown | {"proof": grown["proof"][:-1]},
        ),
        (
            "consistency-by-too-long-a-proof",
            False,
            "A hash too many follows.",
            grown | {"proof": [*grown["proof"], "0" * 64]},
        ),
        (
            "consistency-to-another-root",
            False,
            "The new root is another tree's.",
            grown | {"root": merkle.root_of(leaves[:6]).hex()},
        ),
        (
            "consistency-from-nothing-to-something",
            False,
            "The empty tree's root is another's.",
            grown | {"oldSize": 0, "proof": []},
        ),
    )
    for name, sound, claim, given in cases:
        vector = Vector(name=f"merkle-{name}", claim=claim, kind="merkle", given=given)
        yield vector, Exit.OK if sound else Exit.CHAIN


def _hex(nodes: Sequence[bytes]) -> list[str]:
    return [node.hex() for node in nodes]
