import hashlib

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, rsa
from hypothesis import given
from hypothesis import strategies as st
from securesystemslib.signer import Signature, SSlibKey

from evidence_kit.custody.keys import MAX_PEM, PublicKey
from evidence_kit.errors import SignatureError
from evidence_kit.signers.file import KeySigner, generate

P256, ED25519, MLDSA65 = (KeySigner(generate(name)) for name in ("p256", "ed25519", "mldsa65"))
SIGNERS = [P256, ED25519, MLDSA65]
SIGNATURES = {signer.keyid: signer.sign(b"payload") for signer in SIGNERS}


def pem_of(key):
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, spki)


@pytest.mark.parametrize("signer", SIGNERS)
def test_a_key_reads_back_from_its_pem(signer):
    key = PublicKey.from_pem(signer.public_key_pem)
    assert (key.keyid, key.pem) == (signer.keyid, signer.public_key_pem)
    assert PublicKey.from_text(key.pem.decode()).keyid == key.keyid


@pytest.mark.parametrize("signer", SIGNERS)
def test_the_keyid_is_the_digest_of_the_public_key_in_der(signer):
    key = serialization.load_pem_public_key(signer.public_key_pem)
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert signer.keyid == hashlib.sha256(der).hexdigest()


@pytest.mark.parametrize(("signer", "name"), [(P256, "p256"), (ED25519, "ed25519"), (MLDSA65, "mldsa65")])
def test_a_key_names_its_algorithm(signer, name):
    assert PublicKey.from_pem(signer.public_key_pem).algorithm == name


@pytest.mark.parametrize("signer", SIGNERS)
@given(payload=st.binary(max_size=100))
def test_a_genuine_signature_verifies(signer, payload):
    signer.public.verify(payload, signer.sign(payload))


@pytest.mark.parametrize("signer", SIGNERS)
@given(data=st.data())
def test_any_flipped_bit_of_a_signature_fails(signer, data):
    signature = bytearray(SIGNATURES[signer.keyid])
    signature[data.draw(st.integers(0, len(signature) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(SignatureError, match="does not verify"):
        signer.public.verify(b"payload", bytes(signature))


@pytest.mark.parametrize("signer", SIGNERS)
@pytest.mark.parametrize("signature", [b"", b"x", b"\0" * 64, b"\0" * 10_000])
def test_what_is_no_signature_fails(signer, signature):
    with pytest.raises(SignatureError, match="does not verify"):
        signer.public.verify(b"payload", signature)


def test_an_ml_dsa_key_speaks_for_nobody_alone():
    assert [signer.public.is_identity for signer in SIGNERS] == [True, True, False]


@pytest.mark.parametrize(
    ("signer", "other"),
    [
        (P256, ED25519),
        (P256, MLDSA65),
        (P256, KeySigner(generate("p256"))),
        (MLDSA65, P256),
        (MLDSA65, KeySigner(generate("mldsa65"))),
    ],
)
def test_a_signature_by_another_key_fails(signer, other):
    with pytest.raises(SignatureError, match=signer.keyid[:12]):
        signer.public.verify(b"payload", other.sign(b"payload"))


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP384R1()),
        ec.generate_private_key(ec.SECP256K1()),
        rsa.generate_private_key(public_exponent=65537, key_size=2048),
        mldsa.MLDSA44PrivateKey.generate(),
        mldsa.MLDSA87PrivateKey.generate(),
    ],
    ids=["p384", "k256", "rsa", "mldsa44", "mldsa87"],
)
def test_another_kind_of_key_is_refused(key):
    with pytest.raises(SignatureError, match="only P-256, Ed25519 and ML-DSA-65"):
        PublicKey.from_pem(pem_of(key))


@pytest.mark.parametrize("text", ["", "x", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "\ud800"])
def test_what_is_no_key_is_refused(text):
    with pytest.raises(SignatureError, match="not a PEM public key"):
        PublicKey.from_text(text)


def test_an_overlong_key_is_refused_unread():
    with pytest.raises(SignatureError, match="is not one"):
        PublicKey.from_pem(P256.public_key_pem + b"\n" * MAX_PEM)


@pytest.mark.parametrize("other", [P256, MLDSA65])
def test_only_an_ed25519_key_has_the_raw_form_of_notes(other):
    assert len(ED25519.public.raw_ed25519()) == 32
    with pytest.raises(SignatureError, match="needs an Ed25519 key"):
        other.public.raw_ed25519()


@pytest.mark.parametrize(
    ("signer", "kind", "scheme"), [(P256, "ecdsa", "ecdsa-sha2-nistp256"), (ED25519, "ed25519", "ed25519")]
)
def test_securesystemslib_accepts_our_signatures(signer, kind, scheme):
    key = serialization.load_pem_public_key(signer.public_key_pem)
    public = SSlibKey.from_crypto(key, signer.keyid, scheme)
    assert public.keytype == kind
    public.verify_signature(Signature(signer.keyid, signer.sign(b"payload").hex()), b"payload")


def test_cryptography_accepts_our_signatures():
    serialization.load_pem_public_key(MLDSA65.public_key_pem).verify(MLDSA65.sign(b"x"), b"x")
    key = serialization.load_pem_public_key(P256.public_key_pem)
    key.verify(P256.sign(b"x"), b"x", ec.ECDSA(hashes.SHA256()))
    assert isinstance(serialization.load_pem_public_key(ED25519.public_key_pem), ed25519.Ed25519PublicKey)
