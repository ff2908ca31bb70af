"""The table of the language: what its parts have in common, and what no playbook can say."""

import pytest
from support.lint_cases import GOOD

from evidence_kit.errors import UsageError
from evidence_kit.model.grammar import rows
from evidence_kit.playbook.language import OUTCOMES, PLAYBOOK, STEP, VERBS
from evidence_kit.playbook.model import OUTPUTS, Outcome
from evidence_kit.playbook.reading import parse_playbook


def test_every_type_of_step_says_what_it_hands_on():
    assert {*STEP.shapes} == {*OUTPUTS}


def test_outcomes_are_those_of_the_model():
    assert tuple(OUTCOMES) == tuple(one.value for one in Outcome)


def test_no_step_runs_a_program_or_deletes():
    words = {word for name in STEP.shapes for word in name.split("_")}

    assert not words & {"shell", "run", "exec", "script", "delete", "remove", "contain", "http"}
    assert VERBS == ("read", "preserve", "hold", "notify")


def test_every_field_says_what_it_is_for():
    assert all(help_ for _, kind, help_ in rows(PLAYBOOK) if kind)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("kind: Playbook", "kind: Plybook", "a.yaml:2:7: unknown kind `Plybook`"),
        ("evidence-kit/v1", "evidence-kit/v2", "a.yaml:1:13: unknown apiVersion"),
        ("type: hold", "type: shell", "unknown type `shell`"),
        ("id: leaked-key", "id: Leaked Key", "`metadata.id` cannot be `Leaked Key`"),
        ("max: 20", "max: 0", "`steps.7.for_each.max` is at least 1"),
        ("timeout: PT4H", "timeout: 4h", "`4h` is not a duration"),
        ("    saved: same_address", "    saved: same_address\n    sql: SELECT 1", "needs exactly one of"),
        ("  purpose: find out what was done with a key\n", "", "`policy.purpose` is missing"),
    ],
)
def test_what_the_language_does_not_allow_is_refused_where_it_stands(old, new, said):
    assert GOOD.count(old) == 1
    with pytest.raises(UsageError) as caught:
        parse_playbook(GOOD.replace(old, new).encode(), name="a.yaml")

    assert said in caught.value.message
