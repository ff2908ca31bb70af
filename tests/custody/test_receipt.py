"""A receipt is signed as a whole, however many files it lists."""

import pytest

from evidence_kit.custody import dsse, receipt, statement, strict
from evidence_kit.custody.keys import PublicKey
from evidence_kit.errors import SignatureError
from evidence_kit.signers.file import KeySigner, generate

SIGNER = KeySigner(generate("ed25519"))
KEY = PublicKey.from_pem(SIGNER.public_key_pem)
SEAL = statement.Subject("bags/x/seal/seal.sigstore.json", "0" * 64)


def test_a_receipt_over_more_than_a_megabyte_of_files_is_read_again():
    said = {"files": [{"name": f"{number}", "sha256": "0" * 64} for number in range(20_000)]}
    document = receipt.sign(SEAL, said, SIGNER)
    assert len(document) > strict.MAX_DOCUMENT
    assert receipt.read(document, KEY).predicate == said


def test_one_byte_changed_is_found():
    document = bytearray(receipt.sign(SEAL, {"files": []}, SIGNER))
    document[40] ^= 1
    with pytest.raises(SignatureError):
        receipt.read(bytes(document), KEY)


def test_a_receipt_is_about_one_seal():
    two = [SEAL, statement.Subject("other", "1" * 64)]
    document = strict.encode(dsse.sign(statement.build(receipt.EVIDENCE_RECEIPT, two, {}), SIGNER))
    with pytest.raises(SignatureError, match="one seal"):
        receipt.read(document, KEY)
