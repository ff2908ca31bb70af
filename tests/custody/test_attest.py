import dataclasses
import hashlib
import json
from datetime import timedelta

import pytest
from support.casemaker import NOW, TARGET, WINDOW, exchange

from evidence_kit.custody import attest, dsse, statement
from evidence_kit.custody.attest import Reading
from evidence_kit.model.ports import Stored
from evidence_kit.model.unit import Unit
from evidence_kit.signers.file import KeySigner, generate

SIGNER = KeySigner(generate("p256"))
UNIT = Unit(source="aws.x", target=TARGET, region="us-east-1", window=WINDOW)
EXCHANGE = exchange("List", b"body")
READING = Reading(kind="page", name="list/0", page=0, records=3, cursor="secret-token")


def predicate(**changes):
    given = {"unit": UNIT, "exchange": EXCHANGE, "reading": READING, **changes}
    line = attest.artifact_line(
        path="data/a", stored=Stored("h", "0" * 64, 4), context={"case": "IR-1"}, signer=SIGNER, **given
    )
    payload = dsse.parse_line(line).verify(SIGNER.public)
    return statement.parse(payload, expected=statement.ARTIFACT)


def test_an_attestation_is_about_one_artifact():
    said = predicate()
    assert said.subjects == (statement.Subject("data/a", "0" * 64),)


def test_an_attestation_says_where_from_how_asked_and_when_answered():
    said = predicate().predicate
    assert (said["source"], said["region"], said["window"]) == ("aws.x", "us-east-1", WINDOW.to_json())
    assert said["target"] == {"provider": "aws", "id": "111122223333", "name": "shop"}
    assert said["request"]["operation"] == "List"
    assert (said["sentAt"], said["receivedAt"]) == ("2026-11-21T21:30:00Z", "2026-11-21T21:30:00.120000Z")
    assert (said["case"], said["bytes"], said["records"]) == ("IR-1", 4, 3)


def test_an_attestation_holds_the_cursors_digest_and_not_the_cursor():
    said = predicate().predicate
    assert said["cursor"] == hashlib.sha256(b"secret-token").hexdigest()
    assert "secret-token" not in json.dumps(said)


def test_a_last_page_has_no_cursor():
    assert predicate(reading=dataclasses.replace(READING, cursor=None)).predicate["cursor"] is None


def test_a_unit_without_a_window_says_so():
    assert predicate(unit=dataclasses.replace(UNIT, window=None)).predicate["window"] is None


def test_an_object_keeps_its_original_name_and_place():
    reading = Reading(kind="object", name="two words\n", page=0, object={"bucket": "b", "key": "two words\n"})
    said = predicate(reading=reading).predicate
    assert said["originalName"] == "two words\n"
    assert said["object"] == {"bucket": "b", "key": "two words\n"}


@pytest.mark.parametrize(
    ("headers", "skew"),
    [
        ({"date": "Sat, 21 Nov 2026 21:30:00 GMT"}, -0.1),
        ({"Date": "Sat, 21 Nov 2026 21:30:10 GMT"}, 9.9),
        ({"Date": "Sat, 21 Nov 2026 22:30:00 +0100"}, -0.1),
        ({"Date": "Sat, 21 Nov 2026 21:30:00 -0000"}, None),
        ({"Date": "soon"}, None),
        ({"Date": ""}, None),
        ({"Date": "Sat, 21 Nov 2026 21:30:00 +99999999999999999999"}, None),
        ({"Date": "Sat, 21 Nov 99999999999999999999 21:30:00 GMT"}, None),
        ({}, None),
    ],
)
def test_the_clock_skew_is_the_providers_date_against_the_middle_of_the_exchange(headers, skew):
    asked = dataclasses.replace(EXCHANGE, headers=headers, received_at=NOW + timedelta(milliseconds=120))
    found = attest.clock_skew(asked)
    assert found == (skew if skew is None else pytest.approx(skew))
