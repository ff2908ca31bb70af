"""PKCS#8 files: written so that OpenSSL opens them, read only if guessing their passphrase is expensive."""

import base64
import re
import shutil
import subprocess
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa, x25519
from cryptography.hazmat.primitives.serialization import pkcs12
from hypothesis import given
from hypothesis import strategies as st

from evidence_kit.errors import AccessError, EvidenceKitError, UsageError
from evidence_kit.signers import pkcs8
from evidence_kit.signers.file import KeySigner, generate, load, save
from evidence_kit.signers.registry import open_signer

PHRASE = "correct horse battery staple"
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
SHA256 = "1.2.840.113549.2.9"
AES256 = "2.16.840.1.101.3.4.1.42"


def openssl(*command, **more):
    return subprocess.run(["openssl", *map(str, command)], check=True, capture_output=True, text=True, **more).stdout


def nobody():
    raise AssertionError("a file that is not strong enough is refused before anybody is asked")


@pytest.fixture
def plain(tmp_path):
    """An unencrypted P-256 key in PKCS#8."""
    path = tmp_path / "plain.pem"
    path.write_bytes(
        ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return path


@needs_openssl
def test_openssl_opens_what_is_written(tmp_path):
    path, key = tmp_path / "key.p8", generate("p256")
    save(key, path, PHRASE)
    public = openssl("pkey", "-in", path, "-passin", f"pass:{PHRASE}", "-pubout")

    assert public.encode() == KeySigner(key).public_key_pem


@needs_openssl
def test_openssl_reads_scrypt_and_aes_in_an_ml_dsa_file(tmp_path):
    path = tmp_path / "key.p8"
    save(generate("mldsa65"), path, PHRASE)
    said = openssl("asn1parse", "-in", path)

    assert re.search(r"OBJECT +:PBES2\b", said)
    assert re.search(r"OBJECT +:scrypt\b", said)
    assert re.search(r"INTEGER +:4000\b", said)  # 2^14 in hexadecimal
    assert ":aes-256-cbc" in said


@pytest.mark.parametrize("algorithm", ["p256", "ed25519", "mldsa65"])
def test_every_kind_of_key_signs_as_before(tmp_path, algorithm):
    path, key = tmp_path / "key.p8", generate(algorithm)
    save(key, path, PHRASE)
    signer = load(path, lambda: PHRASE)

    assert signer.keyid == KeySigner(key).keyid
    KeySigner(key).public.verify(b"x", signer.sign(b"x"))
    with pytest.raises(AccessError, match="does not open"):
        load(path, lambda: "wrong")


def test_pkcs12_cannot_hold_ml_dsa(tmp_path):
    with pytest.raises(UsageError, match="cannot hold"):
        save(generate("mldsa65"), tmp_path / "key.p12", PHRASE)


@needs_openssl
@pytest.mark.parametrize(
    "options",
    [
        ("-scrypt",),
        ("-iter", "600000"),
        ("-iter", "600000", "-v2", "aes128"),
        ("-iter", "600000", "-v2prf", "hmacWithSHA512"),
    ],
)
def test_what_the_hint_tells_to_write_is_accepted(plain, tmp_path, options):
    strong = tmp_path / "strong.pem"
    openssl("pkcs8", "-topk8", *options, "-in", plain, "-out", strong, "-passout", f"pass:{PHRASE}")
    signer = open_signer(f"file:{strong}", passphrase=lambda: PHRASE)

    signer.public.verify(b"x", signer.sign(b"x"))


@needs_openssl
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "2,048 rounds"),
        (("-iter", "599999"), "599,999 rounds"),
        (("-iter", "600000", "-v2prf", "hmacWithSHA1"), "without HMAC-SHA-2"),
        (("-iter", "600000", "-v2", "des3"), "else than AES-CBC"),
        (("-scrypt", "-scrypt_N", "8192"), "N = 8,192"),
        (("-v1", "PBE-SHA1-3DES"), "outdated"),
    ],
)
def test_a_weakly_encrypted_key_is_refused_with_the_way_out(plain, tmp_path, options, said):
    weak = tmp_path / "weak.pem"
    openssl("pkcs8", "-topk8", *options, "-in", plain, "-out", weak, "-passout", f"pass:{PHRASE}")
    with pytest.raises(UsageError, match=said) as raised:
        open_signer(f"file:{weak}", passphrase=nobody)

    assert "openssl pkcs8 -topk8 -scrypt" in raised.value.hint


def test_the_librarys_own_default_is_refused(tmp_path):
    path = tmp_path / "weak.pem"
    encryption = serialization.BestAvailableEncryption(PHRASE.encode())
    path.write_bytes(
        generate("p256").private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    )
    with pytest.raises(UsageError, match="2,048 rounds"):
        open_signer(f"file:{path}", passphrase=nobody)


def test_an_unencrypted_key_is_refused_with_the_way_out(plain):
    with pytest.raises(UsageError, match="`private key` is no encrypted") as raised:
        open_signer(f"file:{plain}", passphrase=nobody)

    assert "-topk8" in raised.value.hint


@pytest.mark.parametrize("encrypted", [True, False])
def test_openssls_traditional_format_is_refused(tmp_path, encrypted):
    encryption = serialization.BestAvailableEncryption(b"x") if encrypted else serialization.NoEncryption()
    path = tmp_path / "old.pem"
    path.write_bytes(
        generate("p256").private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, encryption
        )
    )
    with pytest.raises(UsageError, match="`ec private key` is no encrypted"):
        open_signer(f"file:{path}", passphrase=nobody)


def test_another_kind_of_key_is_refused_after_it_is_opened(tmp_path):
    for key in (
        ec.generate_private_key(ec.SECP384R1()),
        rsa.generate_private_key(public_exponent=65537, key_size=2048),
    ):
        path = tmp_path / f"{key.key_size}.pem"
        der = key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path.write_bytes(pkcs8.wrap(der, PHRASE))
        with pytest.raises(UsageError, match=r"secp384r1|RSA key of 2048 bits"):
            open_signer(f"file:{path}", passphrase=lambda: PHRASE)


def forged(kdf_oid, parameters, *, scheme="1.2.840.113549.1.5.13", cipher=AES256):
    kdf = pkcs8._algorithm(x509.ObjectIdentifier(kdf_oid), parameters)
    pbes2 = pkcs8._Scheme(kdf=kdf, cipher=pkcs8._algorithm(x509.ObjectIdentifier(cipher), b"\0" * 16))
    algorithm = pkcs8._algorithm(x509.ObjectIdentifier(scheme), pbes2)
    return pem(asn1.encode_der(pkcs8._Encrypted(algorithm=algorithm, data=b"\0" * 48)))


def pem(der):
    body = base64.encodebytes(der)
    return b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n%b-----END ENCRYPTED PRIVATE KEY-----\n" % body


def scrypt(cost=1 << 14, block=8, parallel=1):
    said = pkcs8._ScryptParameters(salt=b"\0" * 16, cost=cost, block=block, parallel=parallel, length=None)
    return forged("1.3.6.1.4.1.11591.4.11", said)


def pbkdf2(rounds, prf=SHA256):
    algorithm = pkcs8._Algorithm(oid=x509.ObjectIdentifier(prf), parameters=asn1.decode_der(asn1.TLV, b"\5\0"))
    said = pkcs8._Pbkdf2Parameters(salt=b"\0" * 16, rounds=rounds, length=None, prf=algorithm if prf else None)
    return forged("1.2.840.113549.1.5.12", said)


def test_the_forgeries_are_well_formed():
    assert pkcs8.require_strong(scrypt())
    assert pkcs8.require_strong(pbkdf2(600_000))


@pytest.mark.parametrize(
    ("blob", "said"),
    [
        (scrypt(cost=1 << 30), "more memory or time"),
        (scrypt(cost=1 << 2000), "more memory or time"),
        (scrypt(block=1 << 30), "more memory or time"),
        (scrypt(parallel=1 << 30), "more memory or time"),
        (scrypt(cost=(1 << 14) + 1), "power of two"),
        (scrypt(parallel=0), "more memory or time"),
        (scrypt(cost=-1), "under scrypt"),
        (scrypt(cost=-(1 << 14), block=-8), "under scrypt"),
        (scrypt(block=0), "under scrypt"),
        (pbkdf2(1 << 40), "more memory or time"),
        (pbkdf2(-1), "rounds"),
        (forged("1.2.3", b""), "neither scrypt nor PBKDF2"),
        (forged("1.3.6.1.4.1.11591.4.11", b"", scheme="1.2.3"), "outdated"),
        (forged("1.3.6.1.4.1.11591.4.11", b"junk"), "cannot be read"),
        (pem(b"\x30\x80\0\0"), "cannot be read"),
        (pem(b"\x30\x84\xff\xff\xff\xff"), "cannot be read"),
        (pem(b"\x30" * 10_000), "cannot be read"),
        (pem(b"\0" * 20_000), "no single encrypted"),
        (pem(b""), "no single encrypted"),
        (scrypt() + scrypt(), "no single encrypted"),
        (scrypt() + b"junk", "no single encrypted"),
        (b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n!\n", "no single encrypted"),
        (b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nA\n-----END ENCRYPTED PRIVATE KEY-----\n", "cannot be read"),
    ],
    ids=range(23),
)
def test_a_hostile_file_is_refused_before_any_work_is_done(tmp_path, blob, said):
    (tmp_path / "x.pem").write_bytes(blob)
    with pytest.raises(UsageError, match=said):
        open_signer(f"file:{tmp_path / 'x.pem'}", passphrase=nobody)


STRONG = base64.b64decode(b"".join(scrypt().splitlines()[1:-1]))


@given(st.data())
def test_damage_anywhere_in_the_parameters_raises_only_our_errors(data):
    der = bytearray(STRONG)
    for _ in range(data.draw(st.integers(1, 4))):
        der[data.draw(st.integers(0, len(der) - 1))] = data.draw(st.integers(0, 255))
    with suppress(EvidenceKitError):
        pkcs8.require_strong(pem(bytes(der)))


def test_a_file_too_large_for_a_key_is_not_read_whole(tmp_path):
    (tmp_path / "x.pem").write_bytes(b"-----BEGIN " + b"x" * (1 << 20))
    with pytest.raises(AccessError, match="too large"):
        open_signer(f"file:{tmp_path / 'x.pem'}", passphrase=nobody)


@pytest.mark.parametrize("uri", ["file://host/key.pem", "file://host"])
def test_a_file_on_another_host_is_refused(uri):
    with pytest.raises(UsageError, match="on this machine"):
        open_signer(uri, passphrase=nobody)


def test_a_missing_file_is_access(tmp_path):
    for path in (tmp_path, tmp_path / "none.pem"):
        with pytest.raises(AccessError, match="there is no key file"):
            open_signer(f"file:{path}", passphrase=nobody)


def test_a_path_with_odd_characters_is_percent_encoded(tmp_path):
    path = tmp_path / "my key #1?.p12"
    save(generate("p256"), path, PHRASE)
    encoded = str(path).replace(" ", "%20").replace("#", "%23").replace("?", "%3F")

    assert open_signer(f"file:{encoded}", passphrase=lambda: PHRASE).keyid


def test_a_pkcs12_file_without_a_private_key_is_access(tmp_path):
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "alice")])
    key, day = ec.generate_private_key(ec.SECP256R1()), datetime(2026, 11, 22, tzinfo=UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(day).not_valid_after(day)
    issued = builder.sign(key, hashes.SHA256())
    encryption = serialization.BestAvailableEncryption(PHRASE.encode())
    blob = pkcs12.serialize_key_and_certificates(None, None, None, [issued], encryption)
    (tmp_path / "x.p12").write_bytes(blob)
    with pytest.raises(AccessError, match="holds no private key"):
        load(tmp_path / "x.p12", lambda: PHRASE)


def test_a_key_that_cannot_sign_is_refused(tmp_path):
    der = x25519.X25519PrivateKey.generate().private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "x.pem").write_bytes(pkcs8.wrap(der, PHRASE))
    with pytest.raises(UsageError, match="a key of another kind"):
        load(tmp_path / "x.pem", lambda: PHRASE)
