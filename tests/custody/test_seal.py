import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_kit.custody import bag, seal, strict
from evidence_kit.custody.seal import Sealed
from evidence_kit.custody.statement import Subject
from evidence_kit.errors import SignatureError
from evidence_kit.signers.file import KeySigner, generate

SIGNER = KeySigner(generate("p256"))
SAID = Sealed(
    acquisition="20261121T213000Z-k3v9qd",
    case="IR-1",
    sealed_at="2026-11-21T21:30:00Z",
    keys=1,
    payload_bytes=100,
    artifacts=2,
    artifacts_root="0" * 64,
    ledger_size=9,
    ledger_head="1" * 64,
    units=3,
    units_missing=1,
)
SUBJECTS = [Subject(name, "a" * 64) for name in bag.SEALED]
SEAL = seal.make(SUBJECTS, SAID, SIGNER)


def altered(**changes):
    return {**SAID.to_json(), **changes}


def test_a_seal_reads_back_as_it_was_made():
    said, sealed = seal.read(seal.parse(SEAL).verify(SIGNER.public))
    assert sealed == SAID
    assert list(said.subjects) == SUBJECTS


COUNTS = st.integers(0, 10**15)


@given(octets=COUNTS, artifacts=COUNTS, units=COUNTS)
def test_what_a_seal_says_survives_a_round_trip(octets, artifacts, units):
    value = altered(
        payloadOxum=f"{octets}.{artifacts}",
        artifacts={"size": artifacts, "root": "x"},
        units={"planned": units, "missing": 0},
    )
    assert Sealed.from_json(json.loads(json.dumps(value))).to_json() == value


def test_a_seal_fits_into_what_key_services_sign():
    most = [Subject(name, "a" * 64) for name in (*bag.SEALED, "one", "two", "three")]
    assert len(seal.make(most, SAID, SIGNER)) < seal.MAX_PAE * 3 // 2


def test_a_seal_too_large_for_a_key_service_is_not_made():
    many = replace(SAID, case="c" * seal.MAX_PAE)
    with pytest.raises(SignatureError, match="more than a key service signs"):
        seal.make(SUBJECTS, many, SIGNER)


@pytest.mark.parametrize(
    "value",
    [
        altered(payloadOxum="100"),
        altered(payloadOxum="100.x"),
        altered(payloadOxum="\u00b2.2"),
        altered(payloadOxum="\u0661.2"),
        altered(payloadOxum="9" * 5000 + ".2"),
        altered(payloadOxum="100.3"),
        altered(payloadOxum=100),
        altered(acquisitionKeys=[1]),
        altered(acquisitionKeys=True),
        altered(acquisitionKeys="1"),
        altered(sealedAt="soon"),
        altered(sealedAt="2026-11-21T21:30:00"),
        altered(sealedAt="2026-11-21\x1b21:30:00Z"),
        altered(sealedAt=1),
        altered(artifacts=2),
        altered(artifacts={"size": True, "root": "x"}),
        altered(ledger={"size": 1}),
        altered(units={"planned": 1.0, "missing": 0}),
        altered(case=None),
        {},
    ],
)
def test_a_malformed_seal_is_refused(value):
    with pytest.raises(SignatureError):
        Sealed.from_json(value)


def bundle(**changes):
    return strict.encode({**json.loads(SEAL), **changes}) + b"\n"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (SEAL[:-1], "line feed"),
        (b"", "line feed"),
        (SEAL + b"\n", "not in compact form"),
        (b"\n", "not strict JSON"),
        (bundle(mediaType="application/vnd.dev.sigstore.bundle.v0.2+json"), "not a Sigstore bundle"),
        (bundle(dsseEnvelope={}), "payloadType"),
        (bundle(dsseEnvelope=[]), "dsseEnvelope"),
        (bundle(verificationMaterial={}), "publicKey"),
        (bundle(verificationMaterial={"publicKey": {"hint": "other"}}), "name different keys"),
    ],
)
def test_what_is_no_bundle_is_refused(data, said):
    with pytest.raises(SignatureError, match=said):
        seal.parse(data)


def test_a_seal_is_no_other_statement():
    from evidence_kit.custody import statement

    payload = statement.build(statement.ARTIFACT, SUBJECTS, SAID.to_json())
    with pytest.raises(SignatureError, match="expected a statement of type"):
        seal.read(payload)
