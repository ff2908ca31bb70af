"""DSSE envelopes (secure-systems-lab/dsse v1.0.2): one payload, one signature, never re-serialised."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from evidence_kit.custody import strict
from evidence_kit.custody.keys import PublicKey
from evidence_kit.errors import SignatureError, UntrustedError
from evidence_kit.model.ports import Signer

PAYLOAD_TYPE = "application/vnd.in-toto+json"


def pae(payload: bytes, payload_type: str = PAYLOAD_TYPE) -> bytes:
    """Return the pre-authentication encoding: what is really signed."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


@dataclass(frozen=True, slots=True)
class Envelope:
    """A decoded envelope. `keyid` is only a hint until `verify` has bound it to a key."""

    payload: bytes
    signature: bytes
    keyid: str

    def verify(self, key: PublicKey) -> bytes:
        """Return the payload if `key` signed it and the hint names `key`."""
        if self.keyid != key.keyid:
            raise SignatureError(f"signed by key {self.keyid[:12]!a}, expected {key.keyid[:12]}")
        key.verify(pae(self.payload), self.signature)
        return self.payload

    def verify_among(self, find: Callable[[str], PublicKey | None]) -> bytes:
        """Return the payload if the key that the hint names is known and signed it."""
        key = find(self.keyid)
        if key is None:
            raise UntrustedError(f"signed by key {self.keyid[:12]!a}, which nobody vouches for")
        return self.verify(key)


def sign(payload: bytes, signer: Signer) -> dict[str, object]:
    """Return the envelope over `payload` as plain JSON data."""
    signature = strict.to_base64(signer.sign(pae(payload)))
    return {
        "payload": strict.to_base64(payload),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [{"keyid": signer.keyid, "sig": signature}],
    }


def sign_line(payload: bytes, signer: Signer) -> bytes:
    """Return the envelope as one compact line, without the line feed."""
    return strict.encode(sign(payload, signer))


def parse(value: Mapping[str, object]) -> Envelope:
    """Read an envelope with exactly one signature."""
    if strict.field(value, "payloadType", str) != PAYLOAD_TYPE:
        raise SignatureError("the envelope holds no in-toto statement")
    signatures = strict.field(value, "signatures", list)
    if len(signatures) != 1 or not isinstance(signatures[0], dict):
        raise SignatureError(f"an envelope carries exactly one signature, this one {len(signatures)}")
    return Envelope(
        payload=strict.from_base64(strict.field(value, "payload", str)),
        signature=strict.from_base64(strict.field(signatures[0], "sig", str)),
        keyid=strict.field(signatures[0], "keyid", str),
    )


def parse_line(line: bytes) -> Envelope:
    """Read an envelope from one line of a journal, given without its line feed."""
    return parse(strict.decode_line(line))
