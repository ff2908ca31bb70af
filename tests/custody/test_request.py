"""A request says who asks whom for what until when, and nobody can change it unseen."""

import hashlib
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from evidence_kit.custody import dsse, request, statement, strict
from evidence_kit.custody.keys import PublicKey
from evidence_kit.custody.request import Request
from evidence_kit.errors import SignatureError
from evidence_kit.model.time import Window
from evidence_kit.signers.file import KeySigner, generate

AT = datetime(2026, 11, 20, tzinfo=UTC)
ASKED = Request(
    id="REQ-20261120T000000Z-0abcde",
    issued_at=AT,
    case="IR-1",
    partner={"name": "acme", "id": "tenant-7", "provider": "acme"},
    asker={"name": "alice", "keyid": "0" * 64},
    scope="sign-ins",
    window=Window(AT.replace(day=1), AT),
    classes={"audit_logs": "Annex 2", "access_logs": ""},
    formats=("jsonl",),
    files=("admins-*.csv",),
    legal_basis=("gdpr-6-1-f",),
    agreement="DPA-1",
    contact_role="security",
    deadline=date(2026, 12, 1),
)
SIGNER = KeySigner(generate("p256"))
KEY = PublicKey.from_pem(SIGNER.public_key_pem)


@pytest.mark.parametrize("asked", [ASKED, replace(ASKED, despite="the regulator asks")])
def test_what_was_signed_is_what_is_read(asked):
    assert request.read(request.sign(asked, b"text", "r.md", SIGNER), KEY) == asked


def test_the_signature_covers_the_text_beside_it():
    envelope = dsse.parse(strict.decode(request.sign(ASKED, b"text", "r.md", SIGNER)))
    said = statement.parse(envelope.verify(KEY), expected=request.EVIDENCE_REQUEST)
    assert said.subject("r.md").sha256 == hashlib.sha256(b"text").hexdigest()


def test_another_key_has_not_signed_it():
    other = PublicKey.from_pem(KeySigner(generate("p256")).public_key_pem)
    with pytest.raises(SignatureError):
        request.read(request.sign(ASKED, b"", "r.md", SIGNER), other)


def test_it_can_be_read_by_whoever_has_no_key():
    assert request.read(request.sign(ASKED, b"", "r.md", SIGNER)) == ASKED


BROKEN = {
    "id": "REQ-1", "issuedAt": "yesterday",
    "window": {"start": "2026-11-02T00:00:00Z", "end": "2026-11-01T00:00:00Z"},
    "deadline": "soon", "classes": ["audit_logs"], "formats": [1], "partner": {"name": 1}, "scope": None,
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_field_that_says_nothing_is_refused(name):
    with pytest.raises(SignatureError):
        Request.from_json({**ASKED.to_json(), name: BROKEN[name]})


@pytest.mark.parametrize(
    ("file", "known"),
    [
        ("audit_logs/2026/a.jsonl", "audit_logs"),
        ("export/Audit-Logs-2026.csv", "audit_logs"),
        ("x/access logs.zip", "access_logs"),
        ("billing/a.csv", ""),
        ("my_audit_logs/a.csv", ""),
        ("audit_logs/access_logs.csv", "access_logs"),
    ],
)
def test_a_file_belongs_to_the_class_that_its_name_begins_with(file, known):
    assert ASKED.class_of(file) == known


def test_a_file_is_expected_by_name_or_by_path():
    assert ASKED.answers("admins-*.csv", "deep/admins-1.csv")
    assert ASKED.answers("deep/*", "deep/a")
    assert not ASKED.answers("admins-*.csv", "admins.csv")


def test_the_day_of_the_deadline_still_counts():
    assert not ASKED.is_late(datetime(2026, 12, 1, 23, 59, tzinfo=UTC))
    assert ASKED.is_late(datetime(2026, 12, 2, tzinfo=UTC))
