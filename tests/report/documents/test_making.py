"""Documents: filled in from the record, blank where a person has to speak, the same when made again."""

import json
import re
import shutil
from dataclasses import replace

import pytest
from support.case_reports import HOSTILE, full

from evidence_kit.errors import EmptyError, UsageError
from evidence_kit.governance.clocks.sets import standard
from evidence_kit.report.case import words
from evidence_kit.report.documents import making
from evidence_kit.report.documents.blocks import Table, lines
from evidence_kit.report.documents.making import NAMES, make
from evidence_kit.report.documents.writing import as_json, markdown

CHANGED_BY_ESCAPING = "</script></style><img src=x onerror=alert(1)>"


def text_of(document) -> str:
    return "\n".join("".join(span.text for span in line) for block in document.blocks for line in lines(block))


def test_every_document_is_about_the_case_and_its_last_event(document, real) -> None:
    assert document.case in text_of(document)
    assert document.as_of == real.report.events[-1].at
    assert document.blanks


def test_a_document_made_again_later_is_the_same(name, real, record) -> None:
    report = full(real.report)
    later = replace(report, made_at=report.made_at.replace(year=2030))
    first, second = (make(name, one, record) for one in (report, later))
    assert list(markdown(first)) == list(markdown(second))
    assert as_json(first) == as_json(second)


def test_there_is_no_other_document(real, record) -> None:
    with pytest.raises(UsageError, match="no document `summery`") as raised:
        make("summery", real.report, record)
    assert "summary" in str(raised.value.hint)


def test_without_an_event_there_is_no_document(real, record) -> None:
    with pytest.raises(EmptyError, match="no event"):
        make("summary", replace(real.report, events=()), record)


def test_numbers_are_those_of_the_report(real, record) -> None:
    counts = real.report.counts
    found = {
        "".join(span.text for span in row[0]): "".join(span.text for span in row[1])
        for block in make("summary", real.report, record).blocks
        if isinstance(block, Table)
        for row in block.rows
    }
    assert found["files of evidence"] == f"{counts.artifacts:,}"
    assert found["bytes"] == f"{counts.bytes:,}"
    assert found["units of work obtained in full"] == f"{counts.units_whole:,} of {counts.units:,}"
    assert found["custody events"] == f"{counts.events:,}"


def test_the_custody_record_has_every_field_of_the_record(real, record) -> None:
    said = text_of(make("custody-record", real.report, record))
    for section in record.sections:
        for part in section.parts:
            for field in part.fields:
                assert " ".join(field.label.split()) in said


def test_the_acquisition_report_names_each_unit_that_is_missing(real, record) -> None:
    said = text_of(make("acquisition-report", real.report, record))
    assert "eu-west-1" in said
    assert "partial" in said
    assert "logging was off in eu-west-1" in said


def test_the_certification_has_both_wordings_of_the_statute_and_no_signature(real, record) -> None:
    made = make("certification", real.report, record)
    said = " ".join(text_of(made).split())
    assert "under penalty of perjury that the foregoing is true and correct" in said
    assert "under penalty of perjury under the laws of the United States of America that the foregoing" in said
    assert made.blanks.count("signature") == 2
    assert made.blanks.count("date") == 3
    for acquisition in real.report.acquisitions:
        assert acquisition.seal_sha256 in said


def test_the_certification_names_what_collected_and_not_what_writes(real, record) -> None:
    said = text_of(make("certification", replace(real.report, tool="another-tool 9"), record))
    process = said.partition("The process")[2].partition("The copies")[0]
    assert "evidence-kit test" in process
    assert "another-tool" not in process
    nobody = replace(real.report, acquisitions=tuple(replace(one, tool="") for one in real.report.acquisitions))
    assert "which program, and which version of it" in make("certification", nobody, record).blanks


def test_a_run_of_a_playbook_is_part_of_the_method(real, record) -> None:
    said = text_of(make("acquisition-report", full(real.report), record))
    assert "run R-1" in said
    assert "did not run" in said


def test_a_case_that_does_not_verify_is_not_called_identical(real, record, tmp_path) -> None:
    root = tmp_path / "broken"
    shutil.copytree(real.case.root, root)
    victim = next(path for path in (root / real.case.bags[0] / "data").rglob("*") if path.is_file())
    victim.chmod(0o644)
    victim.write_bytes(victim.read_bytes()[:-1] + b"?")
    judged = replace(real.case, root=root).verify()
    said = text_of(make("certification", replace(real.report, verdict=words.verdict(judged, judged.exit())), record))
    assert "cannot be certified" in said
    assert "was hashed anew" not in said


def test_the_certification_does_not_certify_what_was_not_checked(real, record) -> None:
    judged = replace(real.report.verdict.report, unasked=("bags/a, disposed of in event 9",))
    assert judged.authentic
    said = text_of(make("certification", replace(real.report, verdict=words.verdict(judged, judged.exit())), record))
    assert "every file that is still here was hashed anew" in said
    assert "Not checked then, and not certified: bags/a, disposed of in event 9" in said


def test_where_no_unit_can_be_read_nothing_is_said_not_to_be_missing(real, record) -> None:
    whole = replace(real.report, coverage=real.report.coverage[:0], counts=replace(real.report.counts, units=2))
    assert "Nothing that was asked for." in text_of(make("summary", whole, record))
    unread = text_of(make("summary", replace(whole, counts=replace(whole.counts, units=0)), record))
    assert "Nothing that was asked for." not in unread
    assert "No unit of work can be read" in unread


def test_the_regulator_is_told_recorded_facts_and_nothing_else(real, record) -> None:
    bare = make("regulator", replace(real.report, partners=(), deadlines=(), runs=()), record)
    said = text_of(bare)
    for letter in "abcd":
        assert f"({letter}) " in said
    for needed in ("categories", "name and contact details", "the likely consequences of the breach", "countries"):
        assert any(needed in one for one in bare.blanks)
    (clock,) = full(real.report).deadlines
    started = replace(full(real.report), deadlines=(replace(clock, id="eu.gdpr.art33"),))
    known = make("regulator", started, record)
    assert "2026-11-22 00:00:00 UTC" in text_of(known)
    assert len([one for one in known.blanks if one == "countries"]) == 0


def test_hostile_text_is_text_in_markdown(hostile) -> None:
    said = "\n".join(markdown(hostile))
    assert not re.search(r"(?<!\\)<", said)
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert "\\\\u202e" in said
    assert not re.search(r"(?<!\\)\[x(?<!\\)\]\(", said)
    rows = [line for line in said.split("\n") if line.startswith("|")]
    widths = {}
    for line in rows:
        widths.setdefault(len(re.findall(r"(?<!\\)\|", line)), line)
    assert max(widths) <= 10  # no value has opened a column


def test_hostile_text_is_text_in_json(hostile) -> None:
    found = json.loads(as_json(hostile))
    assert CHANGED_BY_ESCAPING in text_of(hostile)
    assert found["blanks"] == list(hostile.blanks)
    assert not any(CHANGED_BY_ESCAPING in one["text"] for one in _spans(found["blocks"]) if one["kind"] == "blank")
    assert HOSTILE.split()[0] in as_json(hostile)


def _spans(value):
    if isinstance(value, dict):
        if set(value) == {"kind", "text"}:
            yield value
        for item in value.values():
            yield from _spans(item)
    elif isinstance(value, list):
        for item in value:
            yield from _spans(item)


def test_a_text_of_ten_megabytes_is_cut_with_its_length(real, record) -> None:
    large = replace(real.report, title="x" * 10_000_000)
    for name in NAMES:
        made = make(name, large, record)
        assert len(as_json(made)) < 500_000
        if name != "certification":  # which has no title
            assert "(10,000,000 characters in the file)" in text_of(made)


def test_the_clocks_of_the_regulation_are_in_the_standard_set() -> None:
    assert standard().clocks.keys() >= making._BREACH
