"""A signed receipt: which files of whose delivery arrived, with which digests, and into which seal they went."""

from collections.abc import Mapping

from evidence_kit.custody import dsse, statement, strict
from evidence_kit.custody.keys import PublicKey
from evidence_kit.custody.statement import Subject
from evidence_kit.errors import SignatureError
from evidence_kit.model.ports import Signer

EVIDENCE_RECEIPT = "https://evidence-kit.dev/attestation/evidence-receipt/v1"
MAX_RECEIPT = 1 << 30  # bytes; a line a file, so a delivery of a million files is about 400 MB


def sign(seal: Subject, said: Mapping[str, object], signer: Signer) -> bytes:
    """Return the envelope over what `said` tells of the bag that `seal` names."""
    return dsse.sign_line(statement.build(EVIDENCE_RECEIPT, [seal], said), signer) + b"\n"


def read(data: bytes, key: PublicKey) -> statement.Statement:
    """Return what `key` has signed for; SignatureError where it has not."""
    envelope = dsse.parse(strict.decode(data, limit=MAX_RECEIPT))
    said = statement.parse(envelope.verify(key), expected=EVIDENCE_RECEIPT, limit=MAX_RECEIPT)
    if len(said.subjects) != 1:
        raise SignatureError("a receipt is about one seal")
    return said
