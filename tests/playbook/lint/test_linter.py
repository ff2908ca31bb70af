"""The good playbook is good, and every fault is told with its rule, its line and its column."""

from dataclasses import replace

import pytest
from support.lint_cases import CASES, GOOD

from evidence_kit.governance.policy import parse_policy
from evidence_kit.playbook.lint.known import Known
from evidence_kit.playbook.lint.linter import MAX_FINDINGS, MAX_SIZE, MAX_STEPS, errors, lint
from evidence_kit.playbook.lint.rules import RULES


def test_the_good_playbook_is_good(known):
    assert lint(GOOD.encode(), name="good.yaml", known=known) == ()


def test_what_nobody_knows_is_not_held_against_a_playbook():
    assert lint(GOOD.encode(), name="good.yaml", known=Known()) == ()


@pytest.mark.parametrize(("rule", "changes"), CASES, ids=[f"{n}-{rule}" for n, (rule, _) in enumerate(CASES)])
def test_a_fault_is_told_where_it_is(wrong, rule, changes):
    made = wrong(*changes)

    assert made.at in [(one.line, one.column) for one in made.of(rule)], [one.headline for one in made.findings]
    assert all(one.level is RULES[rule].level for one in made.of(rule))


def test_every_rule_has_an_input_that_it_catches():
    elsewhere = {
        "agreement", "target-set", "sql-unchecked", "unknown-provider", "depth",
    }  # told below  # fmt: skip
    assert {rule for rule, _ in CASES} | elsewhere == {*RULES}


def test_one_fault_does_not_hide_another(wrong):
    made = wrong(
        ("  version: 1.0.0\n", "  version: 1.0.0\n  oops: 1\n"),
        ("    required: true\n    pattern", "    required: maybe\n    pattern"),
        ("sources: [aws.iam.account]", "sources: [aws.iam.acount]"),
        ("needs: [foreign, pivot]", "needs: [foreign, pivto]"),
        ("SELECT src_ip, resource", "SELECT src_ip, resorce"),
        ("fields:\n      said: {type: string}", "fields:\n      said: {type: strin}"),
    )

    assert {"unknown-key", "type", "unknown-source", "unknown-step", "sql", "value"} <= made.rules


def test_faults_of_the_document_are_all_told_at_once(wrong):
    made = wrong(
        ("  title: An access key", "  title: &one An access key"),
        ("description: how bad it looks", "description: !!str how bad it looks"),
        ("    max: 40\n", "    max: 40\n    max: 41\n"),
        ("description: whom to tell", "description: NO"),
    )

    assert {"no-alias", "no-tag", "duplicate-key", "two-ways"} <= made.rules


def test_an_alias_that_holds_itself_ends():
    found = lint((GOOD + "x: &a [*a]\n").encode(), name="a.yaml", known=Known())

    assert [one.rule for one in found].count("no-alias") == 2


def test_a_fault_in_a_step_does_not_make_its_id_unknown(wrong):
    made = wrong(("type: approve\n    needs: [pivot]", "type: aprove\n    needs: [pivot]"))

    assert made.rules == {"step-type"}


def test_a_parameter_may_be_called_as_a_field_of_a_step_is(wrong):
    made = wrong(("      key: ${{ inputs.key }}", "      checks: ${{ inputs.key }}"), ("= $key", "= $checks"))

    assert made.findings == ()


# -- with an inventory, a policy ------------------------------------------------------------------------------------


def test_evidence_that_no_agreement_allows_is_told_with_its_clause(wrong, entries):
    made = wrong(entries=entries)

    (one,) = made.of("agreement")
    assert "orders by 4.2" in one.message
    assert "DPA-7" in one.message


def test_a_set_that_fits_no_target_is_told(wrong, entries):
    assert not wrong(entries=entries).of("target-set")

    made = wrong(('== "prod"', '== "production"'), entries=entries)
    assert [one.message for one in made.of("target-set")] == [
        "`accounts` needs at least 1, and of aws the inventory has 0 that fit"
    ]


def test_a_provider_that_nothing_has_is_told(wrong, known):
    made = wrong(("providers: [acme]", "providers: [acme, nobody]"))

    assert [one.message for one in made.of("unknown-provider")] == ["no source is of `nobody`"]


def test_the_policy_of_the_organisation_is_a_limit(wrong):
    text = b"apiVersion: evidence-kit/policy.v1\nkind: Policy\nname: house\nallow: [read, notify]\nmaxWindow: P10D\n"
    made = wrong(policy=parse_policy(text, name="policy.yaml"))

    assert [one.message for one in made.of("policy")] == [
        "a window of 14 days; `house` allows 10 days",
        "`house` does not allow anybody to hold",
        "`house` does not allow anybody to preserve",
    ]


def test_agreements_are_for_today(wrong, known, entries):
    assert not wrong(entries=entries, at=None).of("agreement")


# -- bounds ---------------------------------------------------------------------------------------------------------


def test_a_playbook_beyond_a_mebibyte_is_not_looked_at():
    (one,) = lint(b"a" * (MAX_SIZE + 1), name="a.yaml", known=Known())

    assert "1,048,576 bytes" in one.message


def test_a_playbook_of_too_many_steps_is_told_so():
    steps = "".join(f"  - {{id: s{n}, type: manual, instructions: x}}\n" for n in range(MAX_STEPS + 1))
    text = GOOD.partition("steps:\n")[0].partition("clocks:")[0] + "steps:\n" + steps

    assert "more than 500 steps" in [one.message for one in lint(text.encode(), name="a.yaml", known=Known())]


def test_no_error_is_cut_off_by_a_flood_of_warnings(wrong):
    flood = "".join(f"  spare{n}: {{type: string, description: nothing}}\n" for n in range(MAX_FINDINGS + 1))
    made = wrong(("inputs:\n  key", f"inputs:\n{flood}  key"), ("[aws.iam.account]", "[aws.iam.acount]"))

    assert [one.rule for one in made.findings[-2:]] == ["unused-input", "unknown-source"]
    assert (len(made.findings), errors(made.findings)) == (MAX_FINDINGS, 1)


def test_nesting_without_end_is_told_where_it_begins_to_be_too_deep():
    (one,) = lint(b"a: " + b"[" * 3000 + b"]" * 3000, name="a.yaml", known=Known())

    assert (one.rule, one.line, one.column) == ("depth", 1, 53)


def test_a_bomb_of_aliases_is_told_and_not_built():
    lines = ["a0: &a0 x"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 40)]

    assert {one.rule for one in lint("\n".join(lines).encode(), name="a.yaml", known=Known())} >= {"no-alias"}


def test_a_question_that_takes_too_much_even_to_plan_is_told_and_the_next_is_asked(wrong):
    made = wrong(
        ("FROM events\n", "FROM events LIMIT length(repeat('a', 4000000000)) --\n"),
        ("WHERE credential", "--"),
        ("SELECT step FROM step_gaps", "SELECT stepp FROM step_gaps"),
        ("         AND outcome = 'success'\n", ""),
        ("      key: ${{ inputs.key }}", "      {}"),
    )

    first, second = made.of("sql")
    assert first.message == "it takes too much time or memory even to plan it"
    assert "stepp" in second.message


def test_a_missing_duckdb_is_told_once(wrong, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    made = wrong()

    assert [one.rule for one in made.findings] == ["sql-unchecked"]
    assert "DuckDB is not installed" in made.findings[0].message


def test_the_kit_knows_the_other_direction_too(known, wrong):
    circle = ("playbook: privacy@1", "playbook: backwards@1")

    assert wrong(circle).of("recursion")[0].message.endswith("leaked-key@1 → backwards@1 → leaked-key@1")
    assert not wrong(circle, playbooks=None).of("recursion")
    assert replace(known, playbooks=None).playbooks is None


def test_a_process_that_does_not_start_is_no_fault_of_the_question(wrong, monkeypatch):
    monkeypatch.setattr("evidence_kit.playbook.lint.probing._CHILD", "evidence_kit.playbook.nothing_of_that_name")
    made = wrong(("SELECT step FROM step_gaps", "SELECT stepp FROM step_gaps"))

    assert [(one.rule, one.level) for one in made.findings] == [("sql-unchecked", "note")]
    assert "did not start" in made.findings[0].message
