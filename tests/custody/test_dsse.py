import json

import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st
from securesystemslib.dsse import Envelope as TheirEnvelope
from securesystemslib.signer import SSlibKey

from evidence_kit.custody import dsse, strict
from evidence_kit.errors import SignatureError, UntrustedError
from evidence_kit.signers.file import KeySigner, generate

SIGNER, OTHER = KeySigner(generate("p256")), KeySigner(generate("p256"))
PAYLOAD = b'{"a":1}'
LINE = dsse.sign_line(PAYLOAD, SIGNER)


def test_the_encoding_is_the_one_of_the_specification():
    assert dsse.pae(b"hello world", "http://example.com/HelloWorld") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_lengths_count_bytes_and_not_characters():
    assert dsse.pae("\u00fc".encode(), "\u00fc") == b"DSSEv1 2 \xc3\xbc 2 \xc3\xbc"


@given(st.binary(max_size=60), st.binary(max_size=60), st.text(max_size=9), st.text(max_size=9))
def test_different_content_is_encoded_differently(one, other, kind, other_kind):
    assert (dsse.pae(one, kind) == dsse.pae(other, other_kind)) == ((one, kind) == (other, other_kind))


@given(st.binary(max_size=200))
def test_an_envelope_returns_its_payload_to_who_knows_the_key(payload):
    envelope = dsse.parse_line(dsse.sign_line(payload, SIGNER))
    assert envelope.verify(SIGNER.public) == payload
    assert envelope.verify_among({SIGNER.keyid: SIGNER.public}.get) == payload


def test_another_key_than_the_hinted_one_is_refused():
    with pytest.raises(SignatureError, match=f"expected {OTHER.keyid[:12]}"):
        dsse.parse_line(LINE).verify(OTHER.public)


def test_a_key_that_nobody_vouches_for_is_untrusted():
    with pytest.raises(UntrustedError, match="nobody vouches"):
        dsse.parse_line(LINE).verify_among({}.get)


def test_a_hint_that_lies_does_not_verify():
    lying = LINE.replace(SIGNER.keyid.encode(), OTHER.keyid.encode())
    with pytest.raises(SignatureError, match="does not verify"):
        dsse.parse_line(lying).verify_among({OTHER.keyid: OTHER.public}.get)


def test_every_flipped_byte_of_an_envelope_is_caught():
    for position in range(len(LINE)):
        damaged = bytearray(LINE)
        damaged[position] ^= 1 << (position % 8)
        with pytest.raises((SignatureError, UntrustedError)):
            dsse.parse_line(bytes(damaged)).verify_among({SIGNER.keyid: SIGNER.public}.get)


def altered(**changes):
    return {**json.loads(LINE), **changes}


SIGNATURE = json.loads(LINE)["signatures"][0]


@pytest.mark.parametrize(
    "value",
    [
        altered(payloadType="application/json"),
        altered(payloadType=None),
        altered(payload=1),
        altered(payload="%%"),
        altered(signatures=[]),
        altered(signatures=[SIGNATURE, SIGNATURE]),
        altered(signatures=["x"]),
        altered(signatures={"0": SIGNATURE}),
        altered(signatures=[{"sig": SIGNATURE["sig"]}]),
        altered(signatures=[{**SIGNATURE, "sig": "%%"}]),
        altered(signatures=[{**SIGNATURE, "keyid": 7}]),
        {},
    ],
)
def test_a_malformed_envelope_is_refused(value):
    with pytest.raises(SignatureError):
        dsse.parse(value)


def test_a_line_with_idle_bytes_is_refused():
    with pytest.raises(SignatureError, match="compact form"):
        dsse.parse_line(LINE.replace(b":", b": ", 1))


def test_securesystemslib_verifies_our_envelopes():
    theirs = TheirEnvelope.from_dict(json.loads(LINE))
    key = serialization.load_pem_public_key(SIGNER.public_key_pem)
    theirs.verify([SSlibKey.from_crypto(key, SIGNER.keyid, "ecdsa-sha2-nistp256")], 1)
    assert theirs.pae() == dsse.pae(PAYLOAD)


def test_a_signature_stands_over_the_stored_payload():
    assert strict.from_base64(json.loads(LINE)["payload"]) == PAYLOAD
