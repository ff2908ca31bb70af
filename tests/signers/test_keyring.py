"""The user's keys: some are here, some are held elsewhere; what was registered is what opens."""

import stat
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from evidence_kit.custody.checkpoint import MAX_CHECKPOINT
from evidence_kit.custody.trust import parse_trust
from evidence_kit.errors import AccessError, UsageError, VaultError
from evidence_kit.signers.file import KeySigner, generate, save
from evidence_kit.signers.keyring import KeyRing

PHRASE = "correct horse battery staple"
NOW = datetime(2026, 11, 22, tzinfo=UTC)
ALICE, BOB = "alice@example.com", "bob@example.com"


@pytest.fixture
def ring(tmp_path):
    return KeyRing(tmp_path / "home", lambda: PHRASE)


@pytest.fixture
def held(tmp_path):
    """A key held in a file elsewhere: its URI and its path."""
    path = tmp_path / "elsewhere" / "key.p8"
    save(generate("p256"), path, PHRASE)
    return f"file:{path}", path


def trusted(ring):
    return parse_trust(ring.trust_file.read_bytes(), name="trust.yaml")


def test_a_key_held_elsewhere_opens_by_name_and_by_uri_and_is_trusted(ring, held):
    signer = ring.add(ALICE, held[0], at=NOW)

    for said in (ALICE, held[0], None):
        name, opened = ring.open(said)
        assert (name, opened.keyid) == (ALICE, signer.keyid)
    assert trusted(ring).keys[signer.keyid].roles == {"collector", "custodian"}


def test_an_hsm_and_a_kms_key_sit_beside_one_in_a_file(ring, aws, token):
    token.make()
    key = aws.client("kms").create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]
    ring.create(ALICE, algorithm="p256", at=NOW)
    ring.add(BOB, f"awskms:{key['Arn']}?endpoint={aws.url}", at=NOW)
    hsm = KeyRing(ring.home, lambda: PHRASE, pin=lambda: "123456")
    hsm.add("carol@example.com", token.uri(), at=NOW)

    assert [ring.where(name) for name in ring.names()] == ["file", "awskms", "pkcs11"]
    for name, opened in ((ALICE, ring), (BOB, ring), ("carol@example.com", hsm)):
        signer = opened.open(name)[1]
        trusted(ring).keys[signer.keyid].key.verify(b"x", signer.sign(b"x"))


def test_what_is_kept_of_a_key_held_elsewhere_is_no_secret_and_the_owners_alone(ring, held):
    ring.add(ALICE, held[0], at=NOW)
    folder = ring.home / "keys"

    assert {path.name for path in folder.iterdir()} == {f"{ALICE}.uri", f"{ALICE}.pub.pem"}
    assert (folder / f"{ALICE}.uri").read_text() == f"{held[0]}\n"
    assert stat.S_IMODE((folder / f"{ALICE}.uri").stat().st_mode) == 0o600


def test_a_key_that_was_replaced_behind_its_uri_is_refused(ring, held):
    ring.add(ALICE, held[0], at=NOW)
    held[1].unlink()
    save(generate("p256"), held[1], PHRASE)
    with pytest.raises(AccessError, match=r"not .* as registered"):
        ring.open(ALICE)


def test_a_uri_that_nobody_registered_is_not_opened(ring, held):
    with pytest.raises(UsageError, match="registered") as raised:
        ring.open(held[0])

    assert "keys add" in raised.value.hint


def test_a_key_that_cannot_be_opened_is_not_registered(ring):
    with pytest.raises(AccessError):
        ring.add(ALICE, "file:/nowhere/key.p12", at=NOW)

    assert ring.names() == ()
    assert not ring.trust_file.exists()


def test_one_key_is_registered_once(ring, held):
    ring.add(ALICE, held[0], at=NOW)
    with pytest.raises(UsageError, match="already, as `alice@"):
        ring.add(BOB, held[0], at=NOW)

    assert len(trusted(ring).keys) == 1


def test_a_key_that_comes_back_is_not_listed_twice_in_the_policy(ring, held):
    ring.add(ALICE, held[0], at=NOW)
    (ring.home / "keys" / f"{ALICE}.uri").unlink()
    ring.add(ALICE, held[0], at=NOW)

    assert len(trusted(ring).keys) == 1


def test_a_name_is_taken_wherever_its_key_is(ring, held):
    ring.create("one", algorithm="p256", at=NOW)
    ring.create("two", algorithm="mldsa65", at=NOW)
    ring.add("three", held[0], at=NOW)
    for name in ring.names():
        for algorithm in ("p256", "mldsa65"):
            with pytest.raises(UsageError, match="exists already"):
                ring.create(name, algorithm=algorithm, at=NOW)
        with pytest.raises(UsageError, match="exists already"):
            ring.add(name, held[0], at=NOW)


@pytest.mark.parametrize("name", ["a.pub", "a.p12", "a.uri", "a.crt.pem", "a.pub.pem"])
def test_names_that_look_like_files_stay_apart(ring, held, name):
    first, second = ring.create("a", algorithm="p256", at=NOW), ring.create(name, algorithm="ed25519", at=NOW)

    assert ring.names() == ("a", name)
    assert ring.open("a")[1].keyid == first.keyid
    assert ring.open(name)[1].keyid == second.keyid


def test_an_ml_dsa_key_countersigns_and_never_speaks_alone(ring):
    other = ring.create("pq", algorithm="mldsa65", at=NOW)
    with pytest.raises(UsageError, match="only signs beside another key") as raised:
        ring.open("pq")
    assert "--key" in raised.value.hint
    with pytest.raises(AccessError, match="no signing key yet"):
        ring.open(None)

    identity = ring.create(ALICE, algorithm="p256", at=NOW)
    assert ring.open(None)[1].keyid == identity.keyid
    assert ring.open("pq", identity=False)[1].keyid == other.keyid
    with pytest.raises(UsageError, match="several keys"):
        ring.open(None, identity=False)


def test_an_ml_dsa_key_held_elsewhere_is_no_identity_either(ring, tmp_path):
    save(generate("mldsa65"), tmp_path / "pq.p8", PHRASE)
    ring.add("pq", f"file:{tmp_path / 'pq.p8'}", at=NOW)
    with pytest.raises(UsageError, match="only signs beside another key"):
        ring.open("pq")


def test_an_unknown_name_is_access(ring):
    with pytest.raises(AccessError, match="there is no key `eve`"):
        ring.open("eve")
    with pytest.raises(AccessError, match="there is no key `eve`"):
        ring.public_pem("eve")


def test_a_damaged_uri_file_is_refused(ring, held):
    ring.add(ALICE, held[0], at=NOW)
    for text in (b"", b"\xff\xfe", b"x" * 10_000, b"file:\n/x"):
        (ring.home / "keys" / f"{ALICE}.uri").write_bytes(text)
        with pytest.raises(UsageError, match="no key URI"):
            ring.open(ALICE)


def certificate_of(key, *, signed_by=None):
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "alice")])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key)
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=1))
        .sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    )


def test_a_certificate_for_the_key_is_kept_and_handed_out_as_der(ring):
    signer = ring.create(ALICE, algorithm="p256", at=NOW)
    assert ring.certificate(ALICE) is None
    issued = certificate_of(serialization.load_pem_public_key(signer.public_key_pem))
    ring.add_certificate(ALICE, issued.public_bytes(serialization.Encoding.PEM))

    assert ring.certificate(ALICE) == issued.public_bytes(serialization.Encoding.DER)


def test_a_certificate_for_another_key_is_refused_now_and_when_it_is_slipped_in(ring):
    ring.create(ALICE, algorithm="p256", at=NOW)
    other = certificate_of(ec.generate_private_key(ec.SECP256R1()).public_key())
    pem = other.public_bytes(serialization.Encoding.PEM)
    with pytest.raises(UsageError, match="not for"):
        ring.add_certificate(ALICE, pem)
    assert ring.certificate(ALICE) is None

    (ring.home / "keys" / f"{ALICE}.crt.pem").write_bytes(pem)
    with pytest.raises(UsageError, match="not for"):
        ring.certificate(ALICE)


def test_what_is_not_exactly_one_certificate_is_refused(ring):
    signer = ring.create(ALICE, algorithm="p256", at=NOW)
    pem = certificate_of(serialization.load_pem_public_key(signer.public_key_pem)).public_bytes(
        serialization.Encoding.PEM
    )
    begin, end = b"-----BEGIN CERTIFICATE-----\n", b"-----END CERTIFICATE-----\n"
    p384 = certificate_of(ec.generate_private_key(ec.SECP384R1()).public_key())
    wrong = p384.public_bytes(serialization.Encoding.PEM)
    for blob in (b"", b"junk", pem * 2, begin + b"AAAA\n" + end, begin, pem + b"x" * 100_000, wrong):
        with pytest.raises(UsageError, match="certificate"):
            ring.add_certificate(ALICE, blob)


def test_a_witness_key_is_ed25519_made_once_and_private(ring):
    first, again = ring.witness(ALICE), ring.witness(ALICE)
    path = ring.home / "witness" / f"{ALICE}.p12"

    assert first.public.algorithm == "ed25519"
    assert again.keyid == first.keyid
    assert ring.witness(BOB).keyid != first.keyid
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (ring.home / "witness" / f"{ALICE}.pub.pem").read_bytes() == first.public_key_pem
    assert ring.names() == ()


def test_the_last_checkpoint_of_each_log_is_remembered(ring):
    assert ring.remembered("evidence-kit/IR-1/x") is None
    ring.remember("evidence-kit/IR-1/x", b"one")
    ring.remember("evidence-kit/IR-1/x", b"two")
    ring.remember("../../../etc/passwd\0\ud800", b"three")

    assert ring.remembered("evidence-kit/IR-1/x") == b"two"
    assert ring.remembered("../../../etc/passwd\0\ud800") == b"three"
    assert len(list((ring.home / "checkpoints").iterdir())) == 2


def test_what_is_no_checkpoint_is_neither_kept_nor_believed(ring):
    for note in (b"", b"x" * (MAX_CHECKPOINT + 1)):
        with pytest.raises(UsageError, match="not one"):
            ring.remember("log", note)
    ring.remember("log", b"note")
    (place,) = (ring.home / "checkpoints").iterdir()
    for note in (b"", b"x" * (MAX_CHECKPOINT + 1)):
        place.write_bytes(note)
        with pytest.raises(VaultError, match="damaged"):
            ring.remembered("log")


def test_a_write_that_fails_leaves_the_old_checkpoint_and_no_draft(ring, monkeypatch):
    import os

    ring.remember("log", b"old")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(VaultError, match="no space left"):
        ring.remember("log", b"new")

    assert ring.remembered("log") == b"old"
    assert len(list((ring.home / "checkpoints").iterdir())) == 1


def test_a_home_that_is_a_file_is_the_stores_fault(tmp_path):
    (tmp_path / "home").write_text("")
    ring = KeyRing(tmp_path / "home", lambda: PHRASE)
    with pytest.raises(VaultError):
        ring.create(ALICE, algorithm="p256", at=NOW)
    with pytest.raises(VaultError):
        ring.remember("log", b"note")


def test_an_unknown_algorithm_names_the_known_ones(ring):
    with pytest.raises(UsageError) as raised:
        ring.create(ALICE, algorithm="rsa", at=NOW)

    assert raised.value.hint == "one of `p256`, `ed25519`, `mldsa65`"


def test_a_log_key_is_still_made_and_opened_as_before(ring):
    assert isinstance(ring.create_log_key("case"), KeySigner)
    assert ring.open_log_key("case").public.algorithm == "ed25519"
    with pytest.raises(AccessError, match="not on this machine"):
        ring.open_log_key("other")
