"""What is asked of a time authority, what it answers, and when that proves anything."""

import hashlib
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st
from rfc3161_client._rust import parse_timestamp_request
from support.tsa import POLICY, Tsa, needs_openssl, stranger

from evidence_kit.custody import timestamp
from evidence_kit.custody.timestamp import MAX_REPLY, Refused, TimeAuthority
from evidence_kit.errors import EvidenceKitError, SignatureError, UntrustedError

pytestmark = needs_openssl
DATA = b"a checkpoint"
NONCE = 0x8123456789ABCDEF


@pytest.fixture(scope="module")
def tsa(tmp_path_factory):
    return Tsa(tmp_path_factory.mktemp("tsa") / "a")


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    return Tsa(tmp_path_factory.mktemp("tsa") / "b", name="B")


@pytest.fixture(scope="module")
def raw(tsa):
    return tsa.reply(timestamp.request(DATA, nonce=NONCE))


@pytest.fixture
def faulty(tsa):
    yield tsa
    tsa.fault = ""


@given(
    data=st.binary(),
    nonce=st.integers(min_value=1, max_value=(1 << 64) - 1),
    algorithm=st.sampled_from(["sha256", "sha512"]),
)
def test_a_request_says_exactly_digest_nonce_and_that_the_certificate_is_wanted(data, nonce, algorithm) -> None:
    read = parse_timestamp_request(timestamp.request(data, nonce=nonce, algorithm=algorithm))

    assert (read.version, read.nonce, read.cert_req, read.policy) == (1, nonce, True, None)
    assert len(bytes(read.message_imprint.message)) == {"sha256": 32, "sha512": 64}[algorithm]


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_openssl_reads_the_request(tmp_path, algorithm) -> None:
    (tmp_path / "q").write_bytes(timestamp.request(DATA, nonce=NONCE, algorithm=algorithm))

    told = subprocess.run(
        ["openssl", "ts", "-query", "-in", tmp_path / "q", "-text"], capture_output=True, text=True, check=True
    )

    assert f"Hash Algorithm: {algorithm}" in told.stdout
    assert "0x8123456789ABCDEF" in told.stdout
    assert "Certificate required: yes" in told.stdout


def test_a_token_by_a_trusted_authority_verifies(tsa, raw) -> None:
    stamp = timestamp.verify(raw, DATA, [tsa.authority], nonce=NONCE)

    assert (stamp.authority, stamp.policy, stamp.accuracy) == ("A", POLICY, timedelta(seconds=1))
    assert abs(stamp.gen_time - datetime.now(UTC)) < timedelta(minutes=5)
    assert stamp.gen_time.tzinfo is UTC
    assert stamp.latest == stamp.gen_time + timedelta(seconds=1)


def test_large_data_is_stamped_by_its_digest(tsa) -> None:
    def digest(algorithm):
        return hashlib.new(algorithm, DATA).digest()

    raw = tsa.reply(timestamp.request(digest, nonce=1, algorithm="sha512"))

    assert timestamp.read_reply(raw).algorithm == "sha512"
    assert timestamp.verify(raw, DATA, [tsa.authority]) == timestamp.verify(raw, digest, [tsa.authority])


def test_the_first_authority_that_vouches_is_named(tsa, other, raw) -> None:
    assert timestamp.verify(raw, DATA, [other.authority, tsa.authority]).authority == "A"


def test_a_leaf_in_the_policy_serves_tokens_that_carry_none(tsa) -> None:
    query = timestamp.request(DATA, nonce=NONCE)
    bare = tsa.reply(query[:1] + bytes([query[1] - 3]) + query[2:-3])  # without certReq
    with_leaf = replace(tsa.authority, certificates=(tsa.leaf, tsa.root))

    assert tsa.leaf.public_bytes(Encoding.DER) not in bare
    assert timestamp.verify(bare, DATA, [with_leaf]).authority == "A"
    beside = replace(tsa.authority, certificates=(stranger("s"), tsa.leaf, tsa.root))
    assert timestamp.verify(bare, DATA, [beside]).authority == "A"
    with pytest.raises(UntrustedError):
        timestamp.verify(bare, DATA, [tsa.authority])


def test_a_leaf_alone_is_no_root(tsa, raw) -> None:
    with pytest.raises(UntrustedError):
        timestamp.verify(raw, DATA, [replace(tsa.authority, certificates=(tsa.leaf,))])


def test_other_data_is_refused(tsa, raw) -> None:
    with pytest.raises(SignatureError, match="about other data"):
        timestamp.verify(raw, b"something else", [tsa.authority])


def test_another_nonce_is_refused(tsa, raw) -> None:
    with pytest.raises(SignatureError, match="nonce"):
        timestamp.verify(raw, DATA, [tsa.authority], nonce=NONCE + 1)


def test_another_root_by_the_same_name_is_not_trusted(tmp_path, raw) -> None:
    namesake = Tsa(tmp_path / "namesake")

    with pytest.raises(UntrustedError, match="no time authority that you trust"):
        timestamp.verify(raw, DATA, [namesake.authority])


def test_no_authority_vouches_for_nothing(raw) -> None:
    with pytest.raises(UntrustedError):
        timestamp.verify(raw, DATA, [])


def test_a_policy_that_is_not_allowed_is_not_trusted(tsa, raw) -> None:
    allowed = replace(tsa.authority, policies=frozenset({POLICY, "1.2.3"}))
    assert timestamp.verify(raw, DATA, [allowed]).policy == POLICY

    with pytest.raises(UntrustedError, match=f"policy {POLICY}"):
        timestamp.verify(raw, DATA, [replace(allowed, policies=frozenset({"1.2.3"}))])


def test_the_authoritys_window_is_half_open_and_judged_at_the_tokens_time(tsa, raw) -> None:
    at = timestamp.read_reply(raw).gen_time
    second = timedelta(seconds=1)

    inside: TimeAuthority = replace(tsa.authority, valid_from=at, valid_until=at + second)
    assert timestamp.verify(raw, DATA, [inside])
    for window, said in (({"valid_from": at + second}, "trusted from"), ({"valid_until": at}, "trusted until")):
        with pytest.raises(UntrustedError, match=said):
            timestamp.verify(raw, DATA, [replace(tsa.authority, **window)])


@pytest.mark.parametrize(
    ("valid", "said"),
    [((-20, -10), "certificate has expired"), ((10, 20), "certificate is not yet valid")],
)
def test_certificates_have_to_be_valid_at_the_tokens_time(tmp_path, valid, said) -> None:
    tsa = Tsa(tmp_path / "t", valid=(timedelta(days=valid[0]), timedelta(days=valid[1])))
    raw = tsa.reply(timestamp.request(DATA, nonce=NONCE))

    with pytest.raises(UntrustedError, match=said):
        timestamp.verify(raw, DATA, [tsa.authority])


def test_a_refusal_says_what_the_authority_said(faulty) -> None:
    faulty.fault = "refuse"

    with pytest.raises(Refused, match=r"refused with status 2.*digest algorithm is not supported"):
        timestamp.read_reply(faulty.reply(timestamp.request(DATA, nonce=NONCE)))


def test_unsorted_certificates_are_named_and_the_way_to_check_them(faulty, tmp_path) -> None:
    faulty.fault = "unsorted"
    raw = faulty.reply(timestamp.request(DATA, nonce=NONCE))

    with pytest.raises(SignatureError, match="unsorted; check it with `openssl ts -verify`"):
        timestamp.verify(raw, DATA, [faulty.authority])
    (tmp_path / "r").write_bytes(raw)
    (tmp_path / "d").write_bytes(DATA)
    subprocess.run(
        ["openssl", "ts", "-verify", "-in", tmp_path / "r", "-data", tmp_path / "d", "-CAfile", faulty.root_file],
        check=True,
        capture_output=True,
    )


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "not DER"),
        (b"<!DOCTYPE html><html>down</html>", "an HTML page"),
        (b"\r\n<HTML>", "an HTML page"),
        (b"{}", "not DER"),
        (b"\x30\x80", "strict DER"),
        (b"\x30" * 70, "strict DER"),
        (b"\x30" + b"\0" * MAX_REPLY, "more than 65,536 bytes"),
    ],
)
def test_what_is_no_reply_is_called_what_it_is(raw, said) -> None:
    with pytest.raises(SignatureError, match=said):
        timestamp.read_reply(raw)


def test_bytes_behind_the_reply_are_refused(tsa, raw) -> None:
    with pytest.raises(SignatureError):
        timestamp.verify(raw + b"\0", DATA, [tsa.authority])


def test_two_certificates_under_one_name_are_refused(tmp_path) -> None:
    tsa = Tsa(tmp_path / "t")
    tsa.embed(_twin(tsa.leaf))
    tsa.fault = "unsorted"
    raw = tsa.reply(timestamp.request(DATA, nonce=NONCE))

    with pytest.raises(SignatureError, match="two certificates of one issuer"):
        timestamp.verify(raw, DATA, [tsa.authority])


def _twin(leaf: x509.Certificate) -> x509.Certificate:
    """Another certificate with issuer and serial number of `leaf`; longer, so that it sorts behind it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x" * 60), *leaf.subject] * 4)
    builder = x509.CertificateBuilder(issuer_name=leaf.issuer, subject_name=subject, public_key=key.public_key())
    builder = builder.serial_number(leaf.serial_number).not_valid_before(leaf.not_valid_before_utc)
    return builder.not_valid_after(leaf.not_valid_after_utc).sign(key, hashes.SHA256())


def test_other_certificates_in_a_token_do_no_harm_and_vouch_for_nothing(tmp_path) -> None:
    tsa, mallory = Tsa(tmp_path / "t"), Tsa(tmp_path / "m")
    mallory.embed(stranger("x" * 60), mallory.root)
    mallory.fault = "unsorted"
    raw = mallory.reply(timestamp.request(DATA, nonce=NONCE))

    for trusted in ([], [tsa.authority], [replace(tsa.authority, certificates=(tsa.root, stranger("s")))]):
        with pytest.raises(EvidenceKitError):
            timestamp.verify(raw, DATA, trusted)


def test_a_token_without_accuracy_is_taken_at_its_word(tmp_path) -> None:
    tsa = Tsa(tmp_path / "t", accuracy="")
    stamp = timestamp.verify(tsa.reply(timestamp.request(DATA, nonce=NONCE)), DATA, [tsa.authority])

    assert (stamp.accuracy, stamp.latest) == (timedelta(), stamp.gen_time)


def test_accuracy_counts_down_to_the_microsecond(tmp_path) -> None:
    tsa = Tsa(tmp_path / "t", accuracy="secs:2, millisecs:500, microsecs:100")
    stamp = timestamp.verify(tsa.reply(timestamp.request(DATA, nonce=NONCE)), DATA, [tsa.authority])

    assert stamp.accuracy == timedelta(seconds=2, milliseconds=500, microseconds=100)


@pytest.mark.parametrize("mask", [0x01, 0x80])
def test_a_flipped_bit_in_any_byte_fails_or_changes_nothing(tsa, raw, mask) -> None:
    sound = timestamp.verify(raw, DATA, [tsa.authority])
    for position in range(len(raw)):
        changed = bytearray(raw)
        changed[position] ^= mask
        try:
            assert timestamp.verify(bytes(changed), DATA, [tsa.authority]) == sound, position
        except EvidenceKitError:
            continue


@settings(max_examples=300, deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), mask=st.integers(1, 255))
def test_any_changed_byte_fails_or_changes_nothing(tsa, raw, place, mask) -> None:
    changed = bytearray(raw)
    changed[int(place * len(raw))] ^= mask
    try:
        stamp = timestamp.verify(bytes(changed), DATA, [tsa.authority])
    except EvidenceKitError:
        return
    assert stamp == timestamp.verify(raw, DATA, [tsa.authority])


@settings(max_examples=200, deadline=None)
@given(cut=st.floats(0, 1, exclude_max=True), more=st.binary(max_size=40))
def test_any_cut_or_spliced_reply_fails_in_our_own_words(tsa, raw, cut, more) -> None:
    with pytest.raises(EvidenceKitError):
        timestamp.verify(raw[: int(cut * len(raw))] + more, DATA, [tsa.authority])


@given(st.binary(max_size=400).map(lambda tail: b"\x30" + tail))
def test_random_bytes_fail_in_our_own_words(junk) -> None:
    with pytest.raises(SignatureError):
        timestamp.read_reply(junk)
