"""A playbook is read as its author wrote it, with what goes without saying filled in."""

from datetime import timedelta

import pytest
from support.lint_cases import GOOD

from evidence_kit.playbook.model import Outcome
from evidence_kit.playbook.reading import parse_playbook


@pytest.fixture
def playbook():
    return parse_playbook(GOOD.encode(), name="good.yaml")


def test_a_playbook_is_called_by_its_id_and_its_major_version(playbook):
    assert playbook.major == "leaked-key@1"
    assert len(playbook.digest) == 64


def test_collections_and_notices_go_on_after_a_failure_unless_they_say(playbook):
    told = {step.id: step.on_error for step in playbook.steps}

    assert (told["events"], told["tell"], told["pivot"], told["whole"]) == (
        "continue",
        "continue",
        "stop",
        "continue",
    )


def test_a_step_needs_what_was_done_unless_it_says_more(playbook):
    (need,) = playbook.step("pivot").needs
    first = playbook.step("whole").needs[0]

    assert need.accept == {"success", "partial"}
    assert first.accept == {one.value for one in Outcome}
    assert (need.takes_failure, first.takes_failure) == (False, True)


def test_a_step_has_the_time_that_the_playbook_gives_unless_it_says(playbook):
    assert playbook.step("events").timeout == timedelta(days=1)
    assert playbook.step("persons").timeout == timedelta(hours=4)


def test_a_policy_that_says_nothing_allows_to_read(playbook):
    text = GOOD.replace("  allow: [read, preserve, hold, notify]\n", "")

    assert parse_playbook(text.encode(), name="x").policy.allow == {"read"}
    assert playbook.policy.max_window == timedelta(days=90)


def test_a_step_hands_on_what_it_declares_and_what_its_type_has(playbook):
    assert playbook.step("pivot").outputs == {"rows": "int", "ips": "list<ip>", "things": "list<string>"}
    assert playbook.step("persons").outputs["choices"] == "list<string>"
    assert playbook.step("foreign").outputs["choice"] == "string"
    assert playbook.step("call").outputs["said"] == "string"


def test_fields_that_only_a_type_has_are_kept_as_they_were_written(playbook):
    step = playbook.step("more")

    assert step.fields["with"] == {"bucket": "${{ thing }}"}
    assert step.for_each is not None
    assert (step.for_each.name, step.for_each.most) == ("thing", 20)
    assert playbook.doc.marks[(*step.at, "id")] == (GOOD[: GOOD.index("id: more")].count("\n") + 1, 9)
