"""The report step: its files are kept in the case, say what the run did, and for others less than for ourselves."""

import json
from dataclasses import replace

import pytest
from support.deck import HEAD, TAKE, book, deck
from support.told_runs import EU, EVENTS, KEY, REPORT, STEPS, kept, told

from evidence_kit.report.runs.writing import Writer

MINIMISED = HEAD.replace("policy: {", "policy: {minimise: {drop: [userAgent], pseudonymise: [sourceIPAddress]}, ")
ALL = REPORT.replace("[html]", "[html, md, json]")
FOR_OTHERS = ALL + "    audience: regulator\n"


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    return told(tmp_path_factory.mktemp("ours"), STEPS + ALL + "    title: The <b>leaked</b> key\n", head=MINIMISED)


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    answers = {"persons": replace(EU, reason="203.0.113.9 is the intruder")}
    return told(tmp_path_factory.mktemp("theirs"), STEPS + FOR_OTHERS, head=MINIMISED, answers=answers)


def test_every_format_is_kept_with_what_it_was_made_from_and_the_case_verifies(ours):
    table, ended = ours
    files = ended.results["tell"].outputs["files"]

    assert [path.rsplit(".", 1)[1] for path in files] == ["html", "md", "json"]
    derived = [one["derived"] for one in table.events("derived") if one["derived"]["by"] == "report"]
    assert [(one["step"], one["audience"]) for one in derived] == [("tell", "internal")] * 3
    assert table.verify().exit() == 0


def test_the_page_shows_the_steps_their_ends_and_who_decided(ours):
    table, ended = ours
    (page,) = kept(table, ".html")

    for name, result in ended.results.items():
        if name != "tell":
            assert f">{name}</text>" in page
            assert f"<strong>{result.outcome.value}</strong>" in page
    assert "its condition is not met" in page
    assert "step persons: <strong>eu; aware at: 2026-11-20T00:00:00Z</strong>, two customers" in page
    assert f"boss (key {table.approver.keyid[:12]})" in page


def test_a_hostile_name_of_a_step_and_a_hostile_title_stay_text(ours):
    table, _ = ours
    (page,), (text,) = kept(table, ".html"), kept(table, ".md")

    assert "<script>alert" not in page
    assert "Who &lt;script&gt;alert(1)&lt;/script&gt; called" in page
    assert "<b>leaked" not in page + text


def test_a_report_for_ourselves_shows_everything(ours):
    table, _ = ours
    assert "203.0.113.9" in kept(table, ".html")[0]


def test_a_report_for_others_shows_no_value_of_a_field_that_the_policy_takes_out(theirs):
    table, ended = theirs
    assert ended.results["tell"].outcome == "success"
    for text in (*kept(table, ".html"), *kept(table, ".md"), *kept(table, ".json")):
        assert "203.0.113.9" not in text
        assert "198.51.100.7" not in text
        assert "aws-cli" not in text


def test_a_report_for_others_says_for_whom_it_is_and_what_is_not_in_it(theirs):
    table, _ = theirs
    found = json.loads(kept(table, ".json")[0])

    assert found["incident"]["asked"] == "for: regulator; without userAgent; pseudonyms for sourceIPAddress"
    assert {one["address"][:10] for one in found["incident"]["moments"]} == {"pseudonym:"}
    assert len({one["address"] for one in found["incident"]["moments"]}) == 2


def test_what_people_said_loses_those_values_too(theirs):
    table, _ = theirs
    assert all("is the intruder" in text for text in (*kept(table, ".html"), *kept(table, ".md")))


def test_without_a_trust_policy_there_is_no_report_and_the_step_says_so(tmp_path):
    table = deck(tmp_path, EVENTS, more={"render": Writer(key=lambda: KEY), "verify": None})
    ended = table.play(book(TAKE + "  - {id: tell, type: report, needs: [take], formats: [md]}\n"), {})

    assert ended.results["tell"].outcome == "failed"
    assert "--trust" in ended.results["tell"].reason
