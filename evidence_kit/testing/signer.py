"""What every signer must do, wherever its key is; a plug-in's tests inherit it and give a `signer` fixture."""
# ruff: noqa: D102, S101 - a test's name is its claim, and assert is how it speaks

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.hazmat.primitives import serialization

from evidence_kit.custody import dsse
from evidence_kit.custody.keys import PublicKey
from evidence_kit.errors import SignatureError
from evidence_kit.model.ports import Signer

SIZES = [0, 1, 31, 32, 64, 4096, 4097, 100_000]


class SignerConformance:
    """Inherit, and define the fixture `signer`: an opened signer."""

    def test_the_keyid_is_the_digest_of_the_public_key(self, signer: Signer) -> None:
        key = serialization.load_pem_public_key(signer.public_key_pem)
        der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)

        assert signer.keyid == hashlib.sha256(der).hexdigest()

    @pytest.mark.parametrize("size", SIZES)
    def test_a_payload_of_any_size_gets_a_signature_that_verifies(self, signer: Signer, size: int) -> None:
        payload = bytes(index % 251 for index in range(size))

        PublicKey.from_pem(signer.public_key_pem).verify(payload, signer.sign(payload))

    def test_an_envelope_verifies_and_a_changed_one_does_not(self, signer: Signer) -> None:
        line = dsse.sign_line(b'{"a":1}', signer)
        key = PublicKey.from_pem(signer.public_key_pem)

        assert dsse.parse_line(line).verify(key) == b'{"a":1}'
        changed = json.loads(line) | {"payload": "eyJhIjoyfQ=="}
        with pytest.raises(SignatureError):
            dsse.parse(changed).verify(key)

    def test_a_signature_is_over_the_payload_and_not_over_its_digest(self, signer: Signer) -> None:
        key = PublicKey.from_pem(signer.public_key_pem)
        signature = signer.sign(b"payload")
        with pytest.raises(SignatureError):
            key.verify(hashlib.sha256(b"payload").digest(), signature)

    def test_signing_from_several_threads_mixes_nothing_up(self, signer: Signer) -> None:
        payloads = [b"payload %d" % index for index in range(12)]
        with ThreadPoolExecutor(4) as pool:
            signatures = list(pool.map(signer.sign, payloads))
        key = PublicKey.from_pem(signer.public_key_pem)

        for payload, signature in zip(payloads, signatures, strict=True):
            key.verify(payload, signature)

    def test_a_signer_shows_no_more_than_its_key_id(self, signer: Signer) -> None:
        assert len(repr(signer)) < 60
        assert signer.keyid[:12] in repr(signer)
