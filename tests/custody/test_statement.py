import json

import pytest

from evidence_kit.custody import statement
from evidence_kit.custody.statement import Subject
from evidence_kit.errors import SignatureError

ONE = Subject("data/a", "0" * 64)
PAYLOAD = statement.build(statement.ARTIFACT, [ONE], {"bytes": 1, "later": {"unknown": True}})


def parse(payload=PAYLOAD):
    return statement.parse(payload, expected=statement.ARTIFACT)


def altered(**changes):
    return json.dumps({**json.loads(PAYLOAD), **changes}).encode()


def subject(**changes):
    return {"name": "data/a", "digest": {"sha256": "0" * 64}, **changes}


def test_a_statement_reads_back_as_it_was_built():
    said = parse()
    assert said.subjects == (ONE,)
    assert said.predicate["bytes"] == 1


def test_unknown_fields_survive():
    assert parse().predicate["later"] == {"unknown": True}


@pytest.mark.parametrize("critical", [["later"], "later", {"later": 1}, [[["x"] * 1000]]])
def test_unknown_critical_fields_fail(critical):
    payload = statement.build(statement.ARTIFACT, [ONE], {"critical": critical})
    with pytest.raises(SignatureError, match="critical") as caught:
        parse(payload)
    assert len(caught.value.message) < 300


def test_a_statement_without_critical_fields_may_say_so():
    assert parse(statement.build(statement.ARTIFACT, [ONE], {"critical": []})).predicate == {"critical": []}


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (altered(_type="https://in-toto.io/Statement/v0.1"), "not an in-toto Statement v1"),
        (altered(_type=1), "_type"),
        (altered(predicateType=statement.SEAL), "expected a statement of type"),
        (altered(predicate=[]), "predicate"),
        (altered(subject=[]), "1 to 16 subjects, this one 0"),
        (altered(subject=[subject()] * 17), "this one 17"),
        (altered(subject=[subject(), subject()]), "share a name"),
        (altered(subject=["x"]), "is not an object"),
        (altered(subject=[subject(name=None)]), "name"),
        (altered(subject=[subject(digest={})]), "sha256"),
        (altered(subject=[subject(digest={"sha256": "0" * 63})]), "64 lower-case hex"),
        (altered(subject=[subject(digest={"sha256": "A" * 64})]), "64 lower-case hex"),
        (altered(subject=[subject(digest={"sha256": "\u0660" * 64})]), "64 lower-case hex"),
        (b"[]", "expected a JSON object"),
    ],
)
def test_a_malformed_statement_is_refused(payload, said):
    with pytest.raises(SignatureError, match=said):
        parse(payload)


def test_a_subject_is_found_by_its_name():
    assert parse().subject("data/a") == ONE


def test_a_statement_says_nothing_about_other_names():
    with pytest.raises(SignatureError, match="says nothing about `data/b`"):
        parse().subject("data/b")
