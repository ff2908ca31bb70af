"""`verify` holds a run's folder against the log: what is there, what is gone, what nobody put there."""

from dataclasses import replace

import pytest
from support.deck import book
from support.play_child import STEPS, table_of

from evidence_kit.custody.trust import Trust
from evidence_kit.custody.verify.case import Options, verify_case
from evidence_kit.errors import Exit
from evidence_kit.vaults.local import LocalVault


@pytest.fixture
def played(tmp_path):
    table = table_of(tmp_path)
    ended = table.play(book(STEPS), {})
    folder = table.lab.root / "custody" / "runs" / ended.run
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return table, folder


def found(table):
    report = table.verify()
    return report.exit(), {(one.subject.rpartition("/")[2], one.verdict) for one in report.defects}


def test_a_run_that_ended_is_checked_and_counted(played):
    table, _ = played
    report = table.verify()
    runs = next(check for check in report.checks if check.id == "runs")
    assert (report.exit(), runs.status, runs.summary) == (Exit.OK, "pass", "1 run of playbooks")


@pytest.mark.parametrize("name", ["journal.jsonl", "playbook.yaml", "answers/choose.1.json"])
def test_what_is_gone_is_missed_and_what_differs_is_named(played, name):
    table, folder = played
    data = (folder / name).read_bytes()
    (folder / name).write_bytes(data + b" ")
    assert found(table) == (Exit.DIGEST, {(name.rpartition("/")[2], Exit.DIGEST)})
    (folder / name).unlink()
    assert found(table)[0] == Exit.MISSING


def test_what_nobody_put_there_is_unexpected(played):
    table, folder = played
    (folder / "extra.txt").write_text("x")
    (folder.parent / "other").mkdir()
    (folder.parent / "other" / "journal.jsonl").write_text("x")
    (folder / "answers" / "link.json").symlink_to("/etc/hostname")
    code, defects = found(table)
    assert code == Exit.UNEXPECTED
    assert {name for name, _ in defects} == {"extra.txt", "journal.jsonl", "link.json"}


def test_an_answer_by_somebody_whom_the_caller_does_not_trust_is_untrusted(played):
    table, _ = played
    whom = table.trust
    operator = table.lab.signer.keyid
    alone = Trust(keys={operator: whom.keys[operator]})
    report = verify_case(LocalVault(table.lab.root), name="case", trust=alone, options=Options())
    assert report.exit() == Exit.UNTRUSTED
    assert [one.subject.rpartition("/")[2] for one in report.defects] == ["agree.1.json"]


@pytest.mark.parametrize("role", ["custodian", "collector"])
def test_whoever_is_trusted_for_something_else_has_not_approved(played, role):
    table, _ = played
    known = dict(table.trust.keys)
    boss = table.approver.keyid
    known[boss] = replace(known[boss], roles=frozenset({role}))
    report = verify_case(LocalVault(table.lab.root), name="case", trust=Trust(keys=known), options=Options())

    assert report.exit() == Exit.UNTRUSTED
    assert [one.subject.rpartition("/")[2] for one in report.defects] == ["agree.1.json"]
