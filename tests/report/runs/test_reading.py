"""What a report tells of runs is what is signed; the journal says why, and where the two differ both are told."""

import json

import pytest
from support.told_runs import EU, STEPS, told

from evidence_kit.report.runs.reading import NOT_ENDED, read_runs
from evidence_kit.vaults.local import LocalVault


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return told(tmp_path_factory.mktemp("told"), STEPS)


def read(table):
    return read_runs(LocalVault(table.lab.root))


def test_each_step_is_told_with_its_needs_its_end_and_why(whole):
    table, ended = whole
    (run,) = read(table).runs
    steps = {one.id: one for one in run.steps}

    assert (run.id, run.playbook, run.outcome) == (ended.run, "test-book 1.0.0", "success")
    assert {name: one.outcome for name, one in steps.items()} == {
        name: one.outcome.value for name, one in ended.results.items()
    }
    assert (steps["who"].needs, steps["keep"].needs) == (("take",), ("agree",))
    assert steps["never"].reason == "its condition is not met"
    assert steps["take"].acquisition == ended.results["take"].acquisitions[0]
    assert all(one.started_at and one.ended_at for one in run.steps if one.outcome != "skipped")


def test_what_people_and_rules_decided_is_told_with_the_event_that_says_so(whole):
    table, _ = whole
    (run,) = read(table).runs
    log = [json.loads(line) for line in (table.lab.root / "custody" / "log.jsonl").read_bytes().splitlines()]
    by_step = {one.step: one for one in run.decisions}

    assert by_step["persons"].choice == "eu; aware_at: 2026-11-20T00:00:00Z"
    assert (by_step["persons"].reason, by_step["agree"].choice) == (EU.reason, "approved")
    assert by_step["agree"].by == f"boss (key {table.approver.keyid[:12]})"
    assert (by_step["far"].by, by_step["far"].choice) == ("the playbook's rule", "far")
    assert [one.event for one in run.decisions] == sorted(one.event for one in run.decisions)
    assert all(0 < one.event < len(log) for one in run.decisions)


def test_a_run_that_waits_says_for_what(tmp_path):
    table, ended = told(tmp_path, STEPS, answers={})
    (run,) = read(table).runs
    steps = {one.id: one for one in run.steps}

    assert (ended.outcome, run.outcome, run.ended_at) == ("waiting", NOT_ENDED, "")
    assert (steps["persons"].outcome, steps["persons"].reason) == ("", "it waits for people")


def test_a_step_whose_turn_has_not_come_says_so(tmp_path):
    table, _ = told(tmp_path, STEPS, approvals={})
    steps = {one.id: one for one in read(table).runs[0].steps}

    assert (steps["keep"].outcome, steps["keep"].reason) == ("", "its turn has not come")


def test_a_case_without_runs_has_none(small_case):
    found = read_runs(small_case.vault)
    assert (found.runs, found.unread) == ((), ())


def changed(table, name, old, new):
    (folder,) = (table.lab.root / "custody" / "runs").iterdir()
    path = folder / name
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(old, new, 1))


def test_a_journal_that_was_cut_leaves_what_is_signed_and_is_named(tmp_path):
    table, ended = told(tmp_path, STEPS)
    changed(table, "journal.jsonl", b'"outcome":"far"', b'"outcome":"fxr"')
    changed(table, "journal.jsonl", b'"type":"ended"', b'"type":"endxd"')
    found = read(table)

    assert {one.id: one.outcome for one in found.runs[0].steps} == {
        name: one.outcome.value for name, one in ended.results.items()
    }
    assert any(one.part.endswith("journal.jsonl") and "follow" in one.why for one in found.unread)


def test_an_end_that_the_journal_tells_otherwise_is_named(tmp_path):
    table, _ = told(tmp_path, STEPS)
    (folder,) = (table.lab.root / "custody" / "runs").iterdir()
    path = folder / "journal.jsonl"
    rewrite(path)
    found = read(table)

    assert {one.outcome for one in found.runs[0].steps if one.id == "take"} == {"success"}
    assert any("step `take` ended success by event" in one.why and "failed here" in one.why for one in found.unread)


def rewrite(path):
    """Write a journal anew in which the first step failed: its chain holds, and no signature does."""
    from evidence_kit.custody.ledger import Chain

    chain, lines, done = Chain(), [], False
    for line in path.read_bytes().splitlines():
        fields = json.loads(line)
        kind = fields.pop("type")
        del fields["seq"], fields["prev"]
        if kind == "ended" and not done:
            fields["result"]["outcome"], done = "failed", True
        lines.append(chain.line(kind, fields))
    path.chmod(0o644)
    path.write_bytes(b"".join(line + b"\n" for line in lines))


def test_a_playbook_that_is_not_the_one_signed_is_not_told_from(tmp_path):
    table, ended = told(tmp_path, STEPS)
    changed(table, "playbook.yaml", b"Whose data?", b"Which data?")
    found = read(table)

    assert [one.part.rsplit("/", 1)[-1] for one in found.unread] == ["playbook.yaml"]
    assert {one.id for one in found.runs[0].steps} == set(ended.results)
    assert (found.playbooks, {one.needs for one in found.runs[0].steps}) == ({}, {()})
