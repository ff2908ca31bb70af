"""The formats of a disclosure: read strictly, written once, decoded as they were encoded."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_kit.custody import disclosure, names, redacted, statement, strict
from evidence_kit.custody.disclosure import Disclosed, FromBag, Handover, Proof
from evidence_kit.custody.redacted import Redaction, Span, require_markers, splice
from evidence_kit.errors import DigestError, SignatureError
from evidence_kit.signers.file import KeySigner, generate

BAG = FromBag(acquisition="a-1", seal_sha256="1" * 64, root="2" * 64, size=9, artifacts=2)
SAID = Disclosed(
    case="IR-1",
    at="2026-11-22T00:00:00Z",
    name="Robin",
    keyid="k",
    to=Handover(recipient="R", purpose="P"),
    bags=(BAG,),
    redacted=1,
    withheld=7,
    rules="3" * 64,
    tool="t",
)
PROOF = Proof(path="data/x", index=3, size=9, hashes=(b"a" * 32, b"b" * 32))
SPANS = (
    Span(rule="r", reason="why", place="bytes", start=2, end=4),
    Span(rule="s", reason="because", place="#1/a", start=6, end=7),
)
REDACTION = Redaction(
    artifact="bags/a/data/x", sha256="1" * 64, size=9, copy_sha256="2" * 64, copy_size=30, decoded="", spans=SPANS
)


def test_what_is_signed_is_read_back():
    signer = KeySigner(generate("p256"))
    envelope = disclosure.parse(disclosure.make("4" * 64, SAID, signer))

    assert envelope.keyid == signer.keyid
    assert disclosure.read(envelope.verify(signer.public)) == ("4" * 64, SAID)


def test_a_disclosure_without_rules_says_so_with_null():
    plain = Disclosed.from_json({**SAID.to_json(), "rulesSha256": None})

    assert plain.rules == ""
    assert plain.to_json()["rulesSha256"] is None


def test_a_certificate_travels_with_its_key():
    said = SAID.to_json() | {"by": {"name": "Robin", "keyid": "k", "certificate": strict.to_base64(b"der")}}

    assert Disclosed.from_json(said).certificate == b"der"
    assert Disclosed.from_json(said).to_json() == said


def changed(**fields):
    return SAID.to_json() | fields


@pytest.mark.parametrize(
    "said",
    [
        changed(artifacts=3),
        changed(bags=[BAG.to_json()] * 2),
        changed(bags=["x"]),
        changed(bags={}),
        changed(bags=[BAG.to_json() | {"acquisition": "../x"}]),
        changed(bags=[BAG.to_json() | {"acquisition": "a/b"}]),
        changed(bags=[BAG.to_json() | {"size": "9"}]),
        changed(disclosedAt="yesterday"),
        changed(by="me"),
        changed(recipient=None),
        changed(rulesSha256=5),
        changed(redacted=True),
        changed(bags=[BAG.to_json()] * 2001),
        {k: v for k, v in SAID.to_json().items() if k != "rulesSha256"},
    ],
)
def test_a_malformed_disclosure_is_refused(said):
    with pytest.raises(SignatureError):
        Disclosed.from_json(said)


def test_a_disclosure_is_one_line_about_one_manifest():
    signer = KeySigner(generate("p256"))
    line = disclosure.make("4" * 64, SAID, signer)

    for bad in (line[:-1], b" " + line, line + b"\n", b""):
        with pytest.raises(SignatureError):
            disclosure.parse(bad)


def test_a_disclosure_about_two_files_is_refused():
    subjects = [statement.Subject(name, "1" * 64) for name in ("manifest-sha256.txt", "other")]

    with pytest.raises(SignatureError, match="one manifest"):
        disclosure.read(statement.build(disclosure.PREDICATE, subjects, SAID.to_json()))


def test_a_proof_is_read_back_as_it_was_written():
    assert Proof.from_line(PROOF.line()) == PROOF


@pytest.mark.parametrize(
    "change",
    [
        {"path": "../x"},
        {"path": "/x"},
        {"path": "a\nb"},
        {"path": 1},
        {"index": "3"},
        {"index": True},
        {"size": None},
        {"proof": "x"},
        {"proof": [1]},
        {"proof": ["%%"]},
        {"proof": ["YQ=="]},
        {"proof": [strict.to_base64(b"a" * 32)] * 65},
    ],
)
def test_a_malformed_proof_is_refused(change):
    line = strict.encode(strict.decode(PROOF.line()) | change)

    with pytest.raises(SignatureError):
        Proof.from_line(line)


def test_a_redaction_is_read_back_as_it_was_written():
    assert Redaction.from_line(REDACTION.line()) == REDACTION


@pytest.mark.parametrize(
    "change",
    [
        {"spans": []},
        {"spans": ["x"]},
        {"spans": [SPANS[1].to_json(), SPANS[0].to_json()]},
        {"spans": [SPANS[0].to_json()] * 2},
        {"spans": [SPANS[0].to_json() | {"start": -1}]},
        {"spans": [SPANS[0].to_json() | {"end": 2}]},
        {"decoded": "zip"},
        {"spans": [SPANS[0].to_json() | {"start": True}]},
        {"artifact": "../x"},
        {"original": None},
        {"decoded": 0},
    ],
)
def test_a_malformed_redaction_is_refused(change):
    with pytest.raises(SignatureError):
        Redaction.from_line(strict.encode(strict.decode(REDACTION.line()) | change))


def test_splicing_replaces_spans_and_nothing_else():
    copy = b"".join(splice(io.BytesIO(b"012345678"), SPANS))

    assert copy == b'01[redacted: r]45"[redacted: s]"78'
    require_markers(io.BytesIO(copy), SPANS)


@pytest.mark.parametrize("original", [b"", b"012", b"012345"])
def test_an_original_that_ends_before_a_span_is_refused(original):
    with pytest.raises(DigestError):
        b"".join(splice(io.BytesIO(original), SPANS))


def test_a_copy_without_its_markers_is_refused():
    with pytest.raises(DigestError):
        require_markers(io.BytesIO(b'01[redacted: r]456"[redacted: s]"8'), SPANS)


def test_a_copy_larger_than_it_is_said_to_be_is_not_made():
    with pytest.raises(DigestError, match="larger"):
        redacted.digest_of(io.BytesIO(b"0" * 1000), REDACTION)


@given(st.text("ab./", min_size=0, max_size=8), st.integers(1, 200))
def test_the_copy_of_every_safe_path_has_a_safe_path_of_its_own(middle, length):
    path = f"data/{middle}{'n' * length}"
    if names.is_safe(path):
        copy = disclosure.copy_path("a-1", path)
        assert names.is_safe(copy)
        assert copy != disclosure.copy_path("a-1", path + "x") or length == 200
