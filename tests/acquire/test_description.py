"""What people say about a case: read strictly, kept as it was said, absent where nobody said it."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from support.casemaker import NOW
from support.people import Cast
from support.recorded import ABOUT, collected, opened

from evidence_kit.acquire.case import Description, open_case
from evidence_kit.acquire.description import (
    FIELDS,
    MAX_LIST,
    MAX_TEXT,
    encoded,
    local_offset,
    parse_about,
    with_flags,
)
from evidence_kit.custody import strict
from evidence_kit.errors import Exit, UsageError

HEAD = "apiVersion: evidence-kit/about.v1\nkind: About\n"
EXAMINER = {"name": "alice", "keyid": "0" * 64}


def about(text: str):
    return parse_about((HEAD + text).encode(), name="about.yaml")


def written(said: Description, **more) -> dict:
    return json.loads(encoded(said, serial="s", examiner=EXAMINER, at=NOW, **more))


def described(**more) -> Description:
    return Description(id="IR-1", title="t", **({"purpose": "", "authority": ""} | more))


def at(document, path):
    for step in path:
        document = document[step]
    return document


# -- what is kept ----------------------------------------------------------------------------------------------------


def test_the_example_says_something_about_every_field() -> None:
    assert set(parse_about(ABOUT.read_bytes(), name="about.yaml")) == {known.path for known in FIELDS}


def test_all_that_is_said_stands_in_the_case_as_it_was_said() -> None:
    said = parse_about(ABOUT.read_bytes(), name="about.yaml")
    document = written(described(about=said))

    for path, value in said.items():
        assert at(document, path) == (value if isinstance(value, str) else list(value))
    assert document["authority"]["validFrom"] == "2026-11-20T00:00:00+01:00"
    assert document["examiner"]["name"] == "alice"


def test_what_nobody_said_is_absent_and_todays_fields_are_there() -> None:
    document = written(described())

    assert set(document) == {
        "apiVersion",
        "id",
        "uuid",
        "title",
        "purpose",
        "legalAuthority",
        "jurisdictions",
        "retention",
        "examiner",
        "openedAt",
        "localOffset",
        "host",
    }
    assert document["examiner"] == EXAMINER


def test_a_field_of_the_description_wins_over_the_same_one_in_the_file() -> None:
    said = about("purpose: from the file\njurisdictions: [DE]\n")
    document = written(described(purpose="from the flag", about=said))

    assert (document["purpose"], document["jurisdictions"]) == ("from the flag", ["DE"])


def test_flags_win_over_the_file_and_an_empty_one_is_an_error() -> None:
    said = with_flags(
        about("exhibit: {id: EX-1, description: d}\n"), {("exhibit", "id"): "EX-2", ("examiner", "role"): None}
    )

    assert said == {("exhibit", "id"): "EX-2", ("exhibit", "description"): "d"}
    for bad in ("", "  ", "x" * (MAX_TEXT + 1)):
        with pytest.raises(UsageError, match=r"exhibit\.id"):
            with_flags({}, {("exhibit", "id"): bad})


@pytest.mark.parametrize(
    ("hours", "written_as"), [(0, "+00:00"), (1, "+01:00"), (-3.5, "-03:30"), (5.75, "+05:45"), (-11, "-11:00")]
)
def test_the_local_clock_is_told_by_its_offset(hours, written_as) -> None:
    zone = timezone(timedelta(hours=hours))

    assert local_offset(datetime(2026, 7, 1, tzinfo=UTC), zone) == written_as
    assert written(described(), zone=zone)["localOffset"] == written_as


def test_a_case_with_all_of_it_verifies_and_one_word_changed_does_not(tmp_path) -> None:
    cast = Cast(tmp_path)
    cast.add("alice")
    alice = opened(cast)
    collected(alice)
    assert cast.verify("alice").exit() is Exit.OK

    path = alice.case / "case.json"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b"EX-7", b"EX-8"))
    assert cast.verify("alice").exit() is Exit.DIGEST


def test_texts_of_the_greatest_length_in_every_field_can_be_read_again() -> None:
    every = {known.path: "\U0001f512" * MAX_TEXT for known in FIELDS}

    assert strict.decode(encoded(described(about=every), serial="s", examiner=EXAMINER, at=NOW)[:-1])


def test_a_description_that_no_reader_would_take_is_refused_before_anything_is_made(tmp_path) -> None:
    cast = Cast(tmp_path)
    alice = cast.add("alice")
    said = Description(id="IR-1", title="x" * strict.MAX_DOCUMENT, purpose="", authority="")

    with pytest.raises(UsageError, match="larger than"):
        open_case(alice.vault, alice.ring, None, said, at=NOW)

    assert not alice.case.exists()


# -- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("purpos: x\n", "3:9", "unknown field `purpos`"),
        ("examiner: {organization: x}\n", "3:26", "unknown field `organization`"),
        ("purpose: ''\n", "3:10", "empty"),
        ("purpose: '   '\n", "3:10", "empty"),
        ("purpose: 7\n", "3:10", "is int, not str"),
        ("purpose:\n", "3:9", "is missing"),
        ("purpose: [a]\n", "3:10", "is list, not str"),
        ('purpose: "\\e[31mred"\n', "3:10", "control character"),
        (f"purpose: {'x' * (MAX_TEXT + 1)}\n", "3:10", "longer than"),
        ("jurisdictions: []\n", "3:16", "a list of 1 to"),
        ("jurisdictions: DE\n", "3:16", "is str, not list"),
        ("jurisdictions: [DE, '']\n", "3:21", "empty"),
        (f"jurisdictions: [{', '.join(['DE'] * (MAX_LIST + 1))}]\n", "3:16", "a list of 1 to"),
        ("examiner: {}\n", "3:11", "`examiner` is empty"),
        ("examiner: robin\n", "3:11", "is str, not dict"),
        ("examiner:\n", "3:10", "is missing"),
        ("examiner: {email: robin}\n", "3:19", "not an e-mail address"),
        ("authority: {type: warant}\n", "3:19", "unknown type of authority `warant`"),
        ("authority: {validFrom: 2026-11-20T00:00:00}\n", "3:24", "not a time with its zone"),
        ("authority: {validFrom: 2026-11-20}\n", "3:24", "not a time with its zone"),
        ("authority: {validFrom: 20261120T000000Z}\n", "3:24", "not a time with its zone"),
        ("authority: {validFrom: 2026-02-30T00:00:00Z}\n", "3:24", "is not a time"),
        ("storage: {wormUntil: for ever}\n", "3:22", "not a time with its zone"),
        (
            "authority: {validFrom: 2026-11-20T00:00:00+01:00, validUntil: 2026-11-19T23:00:00Z}\n",
            "3:63",
            "ends before it begins",
        ),
        ("", "1:1", "says nothing"),
    ],
)
def test_what_says_nothing_or_is_wrong_is_an_error_at_its_place(text, where, message) -> None:
    with pytest.raises(UsageError) as caught:
        about(text)

    assert caught.value.message.startswith(f"about.yaml:{where}: ")
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("purpos: x\n", "did you mean `purpose`?"),
        ("examiner: {organization: x}\n", "did you mean `organisation`?"),
        ("authority: {type: warant}\n", "did you mean `warrant`?"),
    ],
)
def test_a_slip_gets_the_nearest_name(text, hint) -> None:
    with pytest.raises(UsageError) as caught:
        about(text)

    assert caught.value.hint == hint


@pytest.mark.parametrize("head", ["", "apiVersion: evidence-kit/about.v2\nkind: About\n", "kind: About\n"])
def test_a_file_of_another_kind_is_refused(head) -> None:
    with pytest.raises(UsageError):
        parse_about(f"{head}purpose: x\n".encode(), name="about.yaml")
