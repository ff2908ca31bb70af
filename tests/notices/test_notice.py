"""A notice holds numbers, times, digests, and words of people; hostile text is only text."""

import json
import unicodedata
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.receivers import NOW

from evidence_kit.errors import UsageError
from evidence_kit.model.status import UnitStatus
from evidence_kit.notices.channels import EMAIL, JIRA, PAGERDUTY, SLACK, TEAMS, WEBHOOK, Channel
from evidence_kit.notices.notice import MAX_TEXT, MAX_TITLE, Notice, Written
from evidence_kit.notices.sending import send

TEXTS = st.text().filter(lambda text: "${{" not in text)
KINDS = (SLACK, TEAMS, WEBHOOK, PAGERDUTY, JIRA, EMAIL)


def shown(kind, notice):
    channel = Channel(
        name="x", kind=kind, secret="secret://env/X", url="https://x.example", host="x.example", port=25,
        sender="a@x.example", to=("b@x.example",), user="u", project="IR",
    )  # fmt: skip
    return send(channel, notice, dry=True, secret=lambda _: "", now=NOW).shown.body


@pytest.mark.parametrize(
    "more",
    [
        {"title": "a text that nobody wrote"},
        {"text": "likewise"},
        {"text": b"bytes"},
        {"title": Written(" \n ")},
        {"title": Written("\x1b\u202e")},
        {"case": "../x"},
        {"case": "IR 1"},
        {"counts": {"records": "1204"}},
        {"counts": {"records": True}},
        {"counts": {"records": -1}},
        {"counts": {"records": 1.5}},
        {"counts": {"203.0.113.7": 4}},
        {"counts": {"alice@acme.example": 4}},
        {"counts": {"arn:aws:iam::123456789012:user/alice": 4}},
        {"counts": {"a\nb": 4}},
        {"counts": {"x" * 65: 4}},
        {"counts": {f"c{n}": n for n in range(21)}},
        {"gaps": {"denied": 1}},
        {"gaps": {UnitStatus.DENIED: "one"}},
        {"deadlines": {"eu.gdpr.art33": datetime(2026, 11, 22)}},  # noqa: DTZ001 - that is the point
        {"digests": {"report": "not a digest but a value from evidence"}},
        {"digests": {"report": "AB" * 32}},
        {"digests": {"/bags/2026/data/evil.json": "ab" * 32}},
    ],
)
def test_what_has_no_place_in_a_notice_is_refused(more) -> None:
    with pytest.raises(UsageError):
        Notice(**{"case": "IR-1", "title": Written("t"), **more})


def test_the_error_does_not_repeat_what_was_refused() -> None:
    with pytest.raises(UsageError) as caught:
        Notice(case="IR-1", title=Written("t"), counts={"alice@acme.example": 4})
    assert "alice" not in caught.value.message + (caught.value.hint or "")


@pytest.mark.parametrize("text", ["${{ steps.x.outputs.ip }}", "a ${{", 5, None])
def test_words_with_an_expression_in_them_are_nobody_s(text) -> None:
    with pytest.raises(UsageError):
        Written(text)


@given(text=TEXTS)
def test_no_control_no_turn_of_direction_and_no_separator_is_left(text) -> None:
    kept = Written(text).text

    assert {unicodedata.category(char) for char in kept} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} <= {"Cc"}
    assert all(char == "\n" for char in kept if unicodedata.category(char) == "Cc")
    assert Written(kept).text == kept


@given(title=TEXTS, text=TEXTS)
def test_subject_and_text_are_cut_and_the_subject_is_one_line(title, text) -> None:
    try:
        notice = Notice(case="IR-1", title=Written(title), text=Written(text))
    except UsageError:
        assert not " ".join(Written(title).text.split())
        return
    assert len(notice.subject) <= MAX_TITLE
    assert "\n" not in notice.subject
    assert len(notice.to_json()["text"]) <= MAX_TEXT


@pytest.mark.parametrize("kind", KINDS)
@given(text=TEXTS)
def test_every_text_makes_a_message_that_can_be_read_again(kind, text) -> None:
    body = shown(kind, Notice(case="IR-1", title=Written("t"), text=Written(text)))

    assert kind == EMAIL or json.loads(body)
    assert body.isascii()


HOSTILE = (
    "<!channel> <@U123> <https://evil.example|our portal> [our portal](https://evil.example) **bold** "
    "{color:red}x{color} !https://evil.example/x.png! *x* `y` &lt; @here"
)


def inside(value):
    """Yield every object of a document."""
    if isinstance(value, dict):
        yield value
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from inside(one)


def hostile(kind):
    return json.loads(shown(kind, Notice(case="IR-1", title=Written(HOSTILE), text=Written(HOSTILE))))


def test_slack_gets_plain_text_only_and_a_fallback_without_mentions_or_links() -> None:
    said = hostile(SLACK)

    assert {one["type"] for one in inside(said["blocks"]) if "text" in one and isinstance(one["text"], str)} == {
        "plain_text"
    }
    assert not {"<", ">"} & set(said["text"])
    assert (said["unfurl_links"], said["unfurl_media"]) == (False, False)


def test_slack_s_limits_are_kept() -> None:
    said = json.loads(
        shown(
            SLACK,
            Notice(
                case="IR-1",
                title=Written("x" * 500),
                text=Written("y" * 5000),
                digests={f"d{n}": "ab" * 32 for n in range(20)},
                deadlines={f"c{n}": NOW for n in range(20)},
            ),
        )
    )
    header, *sections = said["blocks"]

    assert len(header["text"]["text"]) <= 150
    assert all(0 < len(one["text"]["text"]) <= 3000 for one in sections)


def test_teams_gets_runs_of_text_and_never_a_block_that_reads_markup() -> None:
    types = {one.get("type") for one in inside(hostile(TEAMS))}

    assert "TextBlock" not in types
    assert types - {None} == {"message", "AdaptiveCard", "RichTextBlock", "TextRun"}


def test_jira_gets_a_document_of_paragraphs_without_marks() -> None:
    fields = hostile(JIRA)["fields"]

    assert {one["type"] for one in inside(fields["description"])} == {"doc", "paragraph", "text"}
    assert not [one for one in inside(fields["description"]) if "marks" in one]
    assert len(fields["summary"]) <= 255


def test_the_same_title_of_the_same_case_does_not_page_twice_and_another_does() -> None:
    def key(case, title, count):
        notice = Notice(case=case, title=Written(title), counts={"records": count})
        return json.loads(shown(PAGERDUTY, notice))["dedup_key"]

    assert key("IR-1", "t", 1) == key("IR-1", "t", 2)
    assert len({key("IR-1", "t", 1), key("IR-2", "t", 1), key("IR-1", "u", 1)}) == 3
    assert len(key("IR-1", "t", 1)) <= 255


def test_the_body_lists_deadlines_in_order() -> None:
    notice = Notice(
        case="IR-1", title=Written("t"), deadlines={"b": NOW + timedelta(hours=2), "a": NOW.astimezone(UTC)}
    )

    assert notice.body.index("deadline a") < notice.body.index("deadline b")
