#!/usr/bin/env python3
"""Check the signatures of one bag with securesystemslib alone: the seal's, and every attestation's.

    python securesystemslib_check.py BAG KEY.pem

KEY.pem is the examiner's public key, which you trust and did not take from the case. Exit 0 if every signature
verifies and the seal covers the files that carry the rest, else 1. Digests of artifacts are left to `sha256sum -c`.

Two traps. securesystemslib names a key by a hash over its own JSON; the envelopes name it by the SHA-256 of its DER,
and `Envelope.verify` passes over a signature whose name it does not know: the name has to be handed in. And
`Envelope.from_dict` takes its argument apart: it gets a copy of its own each time.
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import Key, SSlibKey

PAYLOAD_TYPE = "application/vnd.in-toto+json"
PREDICATE = "https://evidence-kit.dev/attestation/"
END = b"-----END PUBLIC KEY-----\n"


class Refused(Exception):  # noqa: N818 - says what the bag is, not what went wrong here
    """Something about the bag does not hold."""


def key_of(pem: bytes) -> Key:
    """Return the key under the name that the envelopes use."""
    public = load_pem_public_key(pem)
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return SSlibKey.from_crypto(public, keyid=hashlib.sha256(der).hexdigest())


def statement(document: dict[str, Any], keys: list[Key], kind: str) -> dict[str, Any]:
    """Return the statement in an envelope that one of `keys` has signed."""
    envelope = Envelope.from_dict(document)
    if envelope.payload_type != PAYLOAD_TYPE:
        raise Refused(f"holds {envelope.payload_type!a}, not a statement")
    envelope.verify(keys, threshold=1)
    said: dict[str, Any] = json.loads(envelope.payload)
    if said["predicateType"] != f"{PREDICATE}{kind}/v1":
        raise Refused(f"is a {said['predicateType']!a}, not a statement of type {kind}")
    return said


def check_seal(bag: Path, key: Key) -> int:
    """Check the seal and the files that it names; return how many those are."""
    bundle = json.loads((bag / "seal/seal.sigstore.json").read_bytes())
    subjects = statement(bundle["dsseEnvelope"], [key], "seal")["subject"]
    for subject in subjects:
        found = hashlib.sha256((bag / subject["name"]).read_bytes()).hexdigest()
        if found != subject["digest"]["sha256"]:
            raise Refused(f"{subject['name']} differs from what was sealed")
    return len(subjects)


def check_attestations(bag: Path) -> int:
    """Check each attestation under the acquisition's own keys, which the seal has vouched for."""
    pems = (bag / "seal/acquisition.pub").read_bytes().split(END)
    keys = [key_of(pem + END) for pem in pems if pem]
    count = 0
    with (bag / "record/artifacts.intoto.jsonl").open("rb") as lines:
        for line in lines:
            statement(json.loads(line), keys, "artifact")
            count += 1
    return count


def main(arguments: list[str]) -> int:
    """Answer in one line."""
    bag, key = Path(arguments[0]), key_of(Path(arguments[1]).read_bytes())
    try:
        files, lines = check_seal(bag, key), check_attestations(bag)
    except (VerificationError, Refused, ValueError, KeyError, TypeError, OSError) as error:
        print(f"FAILED  {bag.name}: {type(error).__name__}: {error}")  # noqa: T201 - a script speaks
        return 1
    print(f"OK  {bag.name}: the seal covers {files} files, {lines} attestations verify")  # noqa: T201
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: securesystemslib_check.py BAG KEY.pem")
    sys.exit(main(sys.argv[1:]))
