"""GitHub's runner reads the commands that were meant, and no evidence adds one."""

import re
from html import unescape

from hypothesis import given
from support.outcomes import OUTCOMES, defect, outcome

from evidence_kit.errors import Exit
from evidence_kit.report.verdict import github
from evidence_kit.report.verdict.text import visible


def parse(line):
    """Read a command as the runner does: name, properties, message."""
    assert line.startswith("::")
    head, _, message = line[2:].partition("::")
    name, _, rest = head.partition(" ")
    pairs = (pair.split("=", 1) for pair in rest.split(",") if pair)
    return name, {key: undo(value, {"%3A": ":", "%2C": ","}) for key, value in pairs}, undo(message, {})


def undo(text, more):
    for code, char in {"%0D": "\r", "%0A": "\n", **more, "%25": "%"}.items():
        text = text.replace(code, char)
    return text


@given(OUTCOMES)
def test_any_evidence_makes_one_line_a_finding_and_no_other_command(told):
    lines = "\n".join(github.commands(told)).splitlines()
    commands = [parse(line) for line in lines]
    findings = list(told.findings)

    assert [name for name, _, _ in commands[: len(findings)]] == ["error"] * len(findings)
    assert {name for name, _, _ in commands[len(findings) :]} == {"notice"}
    assert len(commands) == len(findings) + 1 + bool(told.open_questions)
    for finding, (_, properties, message) in zip(findings, commands, strict=False):
        said = finding.defect
        assert properties["title"] == f"{said.verdict.name}: {said.verdict.meaning}"
        assert set(properties) <= {"file", "line", "title"}
        assert message.split("\n")[0] == visible(f"{said.subject}: {said.message}")
        assert len(message.split("\n")) == 1 + len(said.facts)
        if finding.place:
            assert properties["file"] == visible(told.located(finding.place))


@given(OUTCOMES)
def test_any_evidence_is_utf8_without_controls(told):
    text = "\n".join(github.commands(told))

    assert all(char.isprintable() or char == "\n" for char in text)
    assert text.encode()


def test_a_defect_is_annotated_at_its_file_and_line():
    line, *_ = github.commands(outcome(defect("custody/log.jsonl:3", "100% wrong: a, b", Exit.CHAIN)))

    assert line == (
        "::error file=cases/IR-1/custody/log.jsonl,line=3,"
        "title=CHAIN%3A custody log or exchange chain broken%2C reordered%2C truncated or rolled back"
        "::custody/log.jsonl:3: 100%25 wrong: a, b"
    )


def test_a_file_name_starts_no_command_of_its_own():
    line, *_ = github.commands(outcome(defect(ascii("bags/a/x\n::stop-commands::y,line=9"))))

    name, properties, _ = parse(line)
    assert name == "error"
    assert properties["file"] == r"cases/IR-1/bags/a/x\n::stop-commands::y,line=9"
    assert "line" not in properties


def test_the_verdict_and_what_was_not_checked_are_notices():
    *_, asked, verdict = github.commands(outcome(unasked=("log: rolled back?",)))

    assert parse(asked) == ("notice", {"title": "evidence-kit verify: not checked"}, "log: rolled back?")
    assert parse(verdict) == ("notice", {"title": "evidence-kit verify"}, "the headline")


@given(OUTCOMES)
def test_no_evidence_makes_markup_in_the_summary(told):
    text = github.summary(told)
    rows = [line for line in text.splitlines() if line.startswith("|")]

    assert all(char.isprintable() or char == "\n" for char in text)
    assert all(row.count("|") == 4 for row in rows)
    # All that is left beside our own table, headings, bullets and bold word is plain text and character references.
    bare = re.sub(r"&#\d+;", "", text.replace("**FAIL**", ""))
    assert not set("".join(line.strip("|#-: ") for line in bare.splitlines()).replace("|", "")) & set("<>`[]*_\\!&@~")


def test_the_summary_says_what_was_found_where():
    text = unescape(github.summary(outcome(defect("bags/a/data/x|y", "differs"), unasked=("log: rolled back?",))))

    assert "| files | pass | 3 of 3 files match |" in text
    assert "| log | **FAIL** | 1 finding |" in text
    assert "| DIGEST | cases/IR-1/bags/a/data/x|y | differs |" in text
    assert "- not checked: log: rolled back?" in text


def test_a_long_summary_stops_and_says_so():
    text = github.summary(outcome(*(defect(f"bags/{number}") for number in range(25))))

    assert text.count("| DIGEST |") == 20
    assert "… and 5 more" in text
