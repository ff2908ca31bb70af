"""The one model of a report says what the case says, and tells of a broken case too."""

import os

import pytest
from support.case_reports import report_of, run
from support.casemaker import CASE, NOW, make_case
from support.forging import change_ledger, overwrite
from support.people import Cast
from support.watched import Watched

from evidence_kit.acquire.decisions import decide, disposal
from evidence_kit.acquire.handover import Terms, accept, offer
from evidence_kit.analysis.tables.asking import Limits, Question
from evidence_kit.custody import bag, log
from evidence_kit.errors import Exit
from evidence_kit.report.case import holdings
from evidence_kit.report.case.incident import read_answer
from evidence_kit.report.case.reading import Beside, read_case


def test_a_number_counts_work_that_was_done_twice_once(tmp_path) -> None:
    case = make_case(tmp_path / "case", acquisitions=2)
    counts = report_of(case).counts
    assert (counts.acquisitions, counts.units, counts.artifacts) == (2, 1, 18)


def test_a_report_names_who_did_what_and_where_the_log_says_so(report) -> None:
    twice = [log.STARTED, log.SEALED] * 2
    assert [event.type for event in report.events] == [log.OPENED, *twice]
    assert [str(event.pointer) for event in report.events] == [f"{log.LOG}:{line}" for line in range(1, 6)]
    assert report.custodian.startswith("Robin Examiner")
    first, second = report.acquisitions
    assert (first.artifacts, first.units_missing, first.note) == (2, 0, "")
    assert (second.artifacts, second.units_missing, second.sealed_by) == (8, 1, "Robin Examiner")
    assert [one.name for one in report.partners] == ["shop (111122223333)"]


def test_an_artifact_points_to_the_line_of_the_ledger_that_names_it(real) -> None:
    for artifact in real.report.artifacts:
        lines = (real.case.root / artifact.pointer.path).read_text().splitlines()
        assert artifact.sha256 in lines[artifact.pointer.line - 1]
        assert (real.case.root / artifact.path).is_file()


def test_a_finding_points_to_the_line_of_the_ledger_that_says_so(real) -> None:
    assert len(real.report.findings) == 2
    for finding in real.report.findings:
        lines = (real.case.root / finding.pointer.path).read_text().splitlines()
        assert finding.message in lines[finding.pointer.line - 1]


def test_a_moment_points_to_its_artifact_and_record(real) -> None:
    first, second = real.report.incident.moments[:2]
    assert first.pointer.path in {one.path for one in real.report.artifacts}
    assert (first.pointer.line, second.pointer.line) == (1, 2)


def test_artifacts_can_be_walked_again_and_again(report) -> None:
    assert list(report.artifacts) == list(report.artifacts) != []


def test_a_partial_unit_is_missing_in_words_and_numbers(tmp_path) -> None:
    report = report_of(make_case(tmp_path / "case", regions=("us-east-1", "eu-west-1"), partial=("eu-west-1",)))
    assert report.verdict.headline == "Authentic, but not complete"
    assert (report.counts.units, report.counts.units_missing) == (2, 1)
    assert report.gaps


def test_an_empty_case_says_that_there_is_nothing(tmp_path) -> None:
    report = report_of(make_case(tmp_path / "case", pages=0, names=()))
    assert report.verdict.code is Exit.EMPTY
    assert report.verdict.headline == "Nothing to verify"


def test_an_acquisition_without_a_seal_is_told_as_such(unsealed_case) -> None:
    report = report_of(unsealed_case)
    assert "not sealed" in report.acquisitions[0].note
    assert any("without a seal" in said for said in report.verdict.sentences)
    assert not any("brought all" in said for said in report.verdict.sentences)
    assert report.counts.artifacts > 0


def test_a_changed_artifact_is_a_defect_with_its_path(small_case) -> None:
    victim = next(path for path in (small_case.root / small_case.bag / "data").rglob("*") if path.is_file())
    victim.chmod(0o644)
    victim.write_bytes(victim.read_bytes() + b"x")
    report = report_of(small_case)
    assert report.verdict.code is Exit.DIGEST
    assert report.verdict.headline == "Verification failed"
    assert [defect.subject for defect in report.verdict.report.defects] == [os.path.relpath(victim, small_case.root)]
    assert report.counts.artifacts == 2


def test_a_broken_log_is_told_as_far_as_it_can_be_read(small_case) -> None:
    path = small_case.root / log.LOG
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], b"not an event\n"]))
    report = report_of(small_case)
    assert report.verdict.headline == "Verification failed"
    assert len(report.events) == 2
    assert f"{log.LOG}:3" in {one.part for one in report.unread}
    assert "coverage" in {one.part for one in report.unread}


def test_a_broken_ledger_is_named_and_what_came_before_counts(small_case) -> None:
    path = small_case.path("record/exchanges.jsonl")
    path.chmod(0o644)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:-2], b"{}\n", lines[-1]]))
    report = report_of(small_case)
    assert any(one.part == f"the ledger of {small_case.bag}" for one in report.unread)
    assert 0 < report.counts.artifacts <= 2
    assert len(list(report.artifacts)) == report.counts.artifacts


@pytest.mark.parametrize("name", ["path", "sha256", "bytes", "unit"])
def test_a_line_that_names_no_artifact_is_never_left_out_in_silence(small_case, name) -> None:
    def spoil(entries) -> None:
        entry = next(one for one in entries if one.get("artifact"))
        (entry["artifact"] if name in entry["artifact"] else entry)[name] = None

    change_ledger(small_case, spoil)
    report = report_of(small_case)
    assert f"the ledger of {small_case.bag}" in {one.part for one in report.unread}
    assert len(list(report.artifacts)) == report.counts.artifacts


def test_a_line_under_a_number_that_is_none_is_never_left_out_in_silence(small_case) -> None:
    path = small_case.path("record/exchanges.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    (at, line) = next((at, line) for at, line in enumerate(lines) if b'"artifact":{' in line)
    overwrite(path, b"".join([*lines[:at], line.replace(b'"seq":%d,' % at, b'"seq":%d.0,' % at)]))
    report = report_of(small_case)
    assert f"the ledger of {small_case.bag}" in {one.part for one in report.unread}
    assert len(list(report.artifacts)) == report.counts.artifacts


HOSTILE_ENDS = {
    "a window without an end": {"findings": [{"kind": "k", "message": "m", "facts": {}, "window": {}}]},
    "a finding that is a text": {"findings": ["x"]},
    "a status that there is not": {"status": "novel"},
}


@pytest.mark.parametrize("name", HOSTILE_ENDS)
def test_an_end_that_makes_no_sense_is_named_and_ends_no_report(small_case, name) -> None:
    change_ledger(small_case, lambda entries: end_of(entries).update(HOSTILE_ENDS[name]))
    report = report_of(small_case)
    assert "coverage" in {one.part for one in report.unread}
    assert report.counts.artifacts == 2


def test_a_planned_unit_that_was_settled_as_nothing_known_is_named(small_case) -> None:
    def settle(entries) -> None:
        next(one for one in entries if one["type"] == "planned")["settled"] = {"status": "novel", "reason": ""}

    change_ledger(small_case, settle)
    assert any("'novel' is no status" in one.why for one in report_of(small_case).unread)


def end_of(entries):
    return next(one for one in entries if one["type"] == "unit")


@pytest.mark.parametrize("path", ["case.json", log.LOG])
def test_a_file_that_is_gone_is_named(small_case, path) -> None:
    (small_case.root / path).unlink()
    report = report_of(small_case)
    assert path in {one.part for one in report.unread}
    assert report.verdict.code is not Exit.OK


def test_a_case_that_nobody_trusts_says_so(tmp_path) -> None:
    case, stranger = make_case(tmp_path / "case"), make_case(tmp_path / "other")
    judged = case.verify(trust=stranger.trust)
    report = read_case(case.vault, report=judged, now=NOW, specs={})
    assert report.verdict.headline == "Not trusted"
    assert report.case == CASE


def test_a_hand_over_tells_who_gave_and_who_took(tmp_path) -> None:
    cast = Cast(tmp_path)
    for name in ("alice", "bob"):
        cast.add(name)
    alice = cast.open("alice")
    offer(alice.vault, alice.ring, None, to=cast["bob"].person, terms=Terms(purpose="analysis"), at=NOW)
    pending = read_case(alice.vault, report=cast.verify("alice"), now=NOW, specs={})
    assert pending.offer == "bob"
    bob = cast.carry("alice", "bob")
    accept(bob.vault, bob.ring, None, trust=cast.trust(), terms=Terms(purpose="analysis"), last=None, at=NOW)
    taken = read_case(bob.vault, report=cast.verify("bob"), now=NOW, specs={})
    assert taken.custodian.startswith("bob")
    assert "from alice" in taken.events[-1].summary


def test_what_is_handed_in_is_told(real) -> None:
    report = report_of(real.case, Beside(runs=[run()]))
    assert report.runs[0].decisions[0].choice == "go_on"
    assert report.incident.absent == "no time line was asked for"


def test_a_seal_that_is_gone_or_broken_is_said_where_the_acquisition_stands(small_case) -> None:
    path = small_case.path("seal/seal.sigstore.json")
    path.chmod(0o644)
    path.write_bytes(b"{}\n")
    assert "cannot be read" in report_of(small_case).acquisitions[0].note
    path.unlink()
    assert "is not here" in report_of(small_case).acquisitions[0].note


def test_evidence_that_was_disposed_of_is_told_with_the_event(tmp_path) -> None:
    cast = Cast(tmp_path)
    cast.add("alice")
    alice = cast.open("alice")
    with alice.vault.open(log.LOG) as stream:
        state = log.scan(stream, report=lambda *_: None)
    (bag,) = (known.bag for known in state.acquisitions.values())
    fields = disposal(state, bag, method="erased", authority="a court", certificate=None)
    seq = decide(alice.vault, alice.ring, None, log.DISPOSED, fields, at=NOW)
    report = read_case(alice.vault, report=cast.verify("alice"), now=NOW, specs={})
    assert report.acquisitions[0].note == f"disposed of by event {seq}"


def test_an_answer_keeps_its_first_rows_and_counts_the_others(real) -> None:
    question = Question("SELECT range AS n FROM range(600)")
    found = read_answer([real.tables], "How many?", question, Limits())
    assert (len(found.rows), found.more, found.columns) == (500, 100, ("n",))


def test_the_ledgers_are_read_once_before_any_format_asks_for_artifacts(small_case) -> None:
    vault = Watched(small_case.root)
    report = read_case(vault, report=small_case.verify(), now=NOW, specs={})
    assert vault.ledgers() == {f"{small_case.bag}/{bag.LEDGER}": 1}
    assert len(list(report.artifacts)) == report.counts.artifacts > 0


def test_ledgers_that_were_read_for_the_time_line_are_not_read_again(small_case) -> None:
    vault = Watched(small_case.root)
    walked = holdings.walk(vault, [small_case.bag])
    report = read_case(vault, report=small_case.verify(), now=NOW, specs={}, beside=Beside(walked=walked))
    assert vault.ledgers() == {f"{small_case.bag}/{bag.LEDGER}": 1}
    assert report.counts == report_of(small_case).counts
