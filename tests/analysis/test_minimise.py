"""A policy's minimisation: what it names is gone from record and columns, and everything else is as it was."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_kit.analysis.minimise import DROPPED, KEY_BYTES, Minimiser
from evidence_kit.analysis.rules import minimising, parse_rules
from evidence_kit.errors import UsageError

KEY = bytes(range(KEY_BYTES))
BOTH = Minimiser(drop=("device.serial",), pseudonymise=("email",), key=KEY)
RAW = '{"actor": {"email":"maria@example.com", "id": 7.10}, "device": {"serial":"SN-1","os":"x"}, "n": 1e400}'


def test_what_is_named_is_gone_and_every_other_byte_is_as_it_was():
    raw, became = BOTH.raw(RAW)
    mark = BOTH.pseudonym("maria@example.com")
    assert raw == RAW.replace('"maria@example.com"', json.dumps(mark)).replace('"SN-1"', json.dumps(DROPPED))
    assert became == {"maria@example.com": mark, "SN-1": DROPPED}


def test_the_columns_no_longer_tell_it_either():
    row = BOTH.row(
        {"actor": "maria@example.com", "resource": "user:maria@example.com", "line": 3, "raw": RAW, "time": ""}
    )
    assert "maria" not in json.dumps(row)
    assert row["actor"] == BOTH.pseudonym("maria@example.com")
    assert row["line"] == 3


def test_one_person_has_one_pseudonym_and_another_key_another():
    other = Minimiser(drop=(), pseudonymise=("email",), key=bytes(KEY_BYTES))
    assert BOTH.pseudonym("a") == BOTH.pseudonym("a") != BOTH.pseudonym("b")
    assert BOTH.pseudonym("a") != other.pseudonym("a")
    assert repr(KEY) not in repr(BOTH)


def test_an_object_under_a_name_goes_as_a_whole():
    raw, became = Minimiser(drop=(), pseudonymise=("actor",), key=KEY).raw(RAW)
    assert json.loads(raw)["actor"] == DROPPED
    assert set(became) == {"maria@example.com", "7.10"}


def test_a_field_in_a_field_that_is_dropped_is_dropped_with_it():
    raw, _ = Minimiser(drop=("actor",), pseudonymise=("email",), key=KEY).raw(RAW)
    assert json.loads(raw)["actor"] == DROPPED


def test_what_is_no_json_cannot_be_minimised_by_field_and_is_left_out_whole():
    raw, became = BOTH.raw("2 111122223333 eni-1 198.51.100.7 ACCEPT")
    assert json.loads(raw) == DROPPED
    assert became == {"2 111122223333 eni-1 198.51.100.7 ACCEPT": DROPPED}


def test_columns_of_what_is_no_json_tell_nothing_of_it_either():
    line = "2 111122223333 eni-1 198.51.100.7 ACCEPT"
    row = BOTH.row(
        {"src_ip": "198.51.100.7", "actor": None, "artifact": "bags/a", "time": "t", "line": 3, "raw": line}
    )
    assert "198.51" not in json.dumps(row)
    assert (row["src_ip"], row["actor"], row["artifact"], row["line"]) == (DROPPED, None, "bags/a", 3)


def test_a_value_within_a_longer_one_leaves_nothing_of_the_longer():
    one = Minimiser(drop=("name", "mail", "n"), pseudonymise=(), key=b"")
    row = one.row(
        {
            "resource": "of maria@example.com",
            "actor": "1.10",
            "raw": '{"name":"maria","mail":"maria@example.com","n":1.10}',
        }
    )
    assert (row["resource"], row["actor"]) == (f"of {DROPPED}", DROPPED)


@pytest.mark.parametrize("path", ["", "a..b", "**"])
def test_what_is_no_path_is_refused(path):
    with pytest.raises(UsageError):
        Minimiser(drop=(path,), pseudonymise=(), key=KEY).raw("{}")


def test_a_short_key_is_refused():
    with pytest.raises(UsageError, match="32 bytes"):
        Minimiser(drop=(), pseudonymise=("a",), key=b"short")


names = st.sampled_from(["a", "b", "email", "serial"])
leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=12))
records = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4), max_leaves=12
)


@given(st.dictionaries(names, records, max_size=4))
def test_nothing_of_a_named_field_is_left_and_nothing_else_is_lost(record):
    def without(value):
        if isinstance(value, dict):
            return {k: without(v) for k, v in value.items() if k != "email"}
        return [without(item) for item in value] if isinstance(value, list) else value

    def emails(value):
        if isinstance(value, dict):
            for name, item in value.items():
                if name == "email":
                    yield item
                else:
                    yield from emails(item)
        elif isinstance(value, list):
            for item in value:
                yield from emails(item)

    raw, _ = Minimiser(drop=(), pseudonymise=("email",), key=KEY).raw(json.dumps(record))
    made = json.loads(raw)
    assert without(made) == without(record)
    assert all(str(value).startswith(("pseudonym:", "[dropped")) for value in emails(made))


def test_a_policy_becomes_rules_of_a_disclosure_that_need_not_match():
    rules = minimising("group", ("email", "**.serial"), "ab" * 32)
    assert [rule.steps for rule in rules.rules] == [("**", "email"), ("**", "serial")]
    rules.require_matched([])
    own = parse_rules(
        b"apiVersion: evidence-kit/redaction.v1\nkind: RedactionRules\n"
        b"rules: [{name: mine, reason: r, pattern: x+}]\n",
        name="r.yaml",
    )
    both = minimising("group", ("email",), "ab" * 32, own)
    assert [rule.name for rule in both.rules] == ["mine", "policy 1"]
    assert both.sha256 not in {own.sha256, "ab" * 32}
    with pytest.raises(UsageError, match="mine"):
        both.require_matched([])
    with pytest.raises(UsageError, match="no path"):
        minimising("group", ("",), "ab" * 32)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_document_that_is_carried_as_text_is_minimised_too(depth):
    inner = {"sourceIPAddress": "198.51.100.7", "deep": {"email": "maria@example.com"}, "n": 1}
    said = inner
    for _ in range(depth):
        said = {"EventId": "e", "CloudTrailEvent": json.dumps(said)}
    one = Minimiser(drop=("sourceIPAddress",), pseudonymise=("email",), key=KEY)
    row = one.row({"src_ip": "198.51.100.7", "actor": "maria@example.com", "raw": json.dumps(said)})

    assert "198.51" not in json.dumps(row)
    assert "maria" not in json.dumps(row)
    found = json.loads(row["raw"])
    for _ in range(depth):
        found = json.loads(found["CloudTrailEvent"])
    assert found == {"sourceIPAddress": DROPPED, "deep": {"email": one.pseudonym("maria@example.com")}, "n": 1}


@pytest.mark.parametrize("text", ["{not json", "[1, 2", "{}", '[{"x": 1}]', "{" * 5000])
def test_a_text_that_only_looks_like_a_document_stays_as_it_was(text):
    raw = json.dumps({"note": text, "x": "y"})
    assert BOTH.raw(raw) == (raw, {})


NAMED = json.dumps({"email": "maria@example.com", "n": 1})


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (json.dumps(NAMED), '"{\\"email\\": \\"%s\\", \\"n\\": 1}"'),  # a text in a text
        (f" {NAMED}\n{NAMED}", ' {"email": "%s", "n": 1}\n{"email": "%s", "n": 1}'),  # two documents
        (f"{NAMED} {NAMED}", DROPPED),  # no JSON: nobody can say where the field ends
        (NAMED[:-1], DROPPED),
        ("[1] email of maria@example.com", DROPPED),
    ],
)
def test_nothing_of_a_field_is_left_in_a_text_that_holds_more_than_one_document(text, left):
    row = BOTH.row({"resource": text, "raw": json.dumps({"note": text, "x": "{y"})})
    assert "maria" not in json.dumps(row)
    expected = left.replace("%s", BOTH.pseudonym("maria@example.com"))
    assert json.loads(row["raw"]) == {"note": expected, "x": "{y"}


def test_a_document_whose_first_signs_are_escaped_is_one_all_the_same():
    inner = json.dumps(json.dumps(NAMED)).replace('\\"', "\\u0022").replace("{", "\\u007b")
    raw, _ = BOTH.raw(f'{{"note": {inner}}}')
    assert "maria" not in raw
    assert json.loads(json.loads(json.loads(raw)["note"]))["n"] == 1


@pytest.mark.parametrize(
    "text", ['"quoted"', '"a" and "b"', '"{x', "\ud800", '{"a": "\ud800"}', "[1] [2]", '""', '\\"{']
)
def test_a_quoted_text_without_such_a_field_stays_as_it_was(text):
    raw = json.dumps({"note": text, "x": f'say "{text}"'})
    assert BOTH.raw(raw) == (raw, {})
