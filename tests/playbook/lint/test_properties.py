"""Whatever is handed to lint, it ends, and points into the file."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.lint_cases import GOOD

from evidence_kit.playbook.lint.known import Known
from evidence_kit.playbook.lint.linter import lint
from evidence_kit.playbook.lint.rules import RULES

LINES = GOOD.split("\n")
JUNK = (
    "${{", "}}", "{", "}", "[", "]", '"', "'", "\x00", "\u2028", "é", "- ", ": ", "*a", "&a", "!!x", "|", ">-", "NO",
    "0123", "null", "true", "~", "1e5", "[]", "{}", "steps.", "inputs.", "\t", "?", "#", "\\", "$x", "\r\n", "any",
)  # fmt: skip
EDITS = st.lists(
    st.tuples(st.integers(0, len(GOOD)), st.integers(0, 20), st.sampled_from(JUNK)), min_size=1, max_size=5
)
PLACE = st.integers(0, len(LINES) - 1)
MOVES = st.lists(st.tuples(PLACE, PLACE, st.sampled_from(["cut", "copy", "end"])), min_size=1, max_size=5)


def judge(text):
    found = lint(text.encode("utf-8", "surrogatepass"), name="a.yaml", known=Known())
    lines = re.split("\r\n|[\n\r\x85\u2028\u2029]", text)
    for one in found:
        assert 1 <= one.line <= len(lines)
        assert 1 <= one.column <= len(lines[one.line - 1]) + 1
        assert one.snippet == lines[one.line - 1]
        assert one.rule in RULES
        assert one.message
    return found


@pytest.fixture(autouse=True)
def without_duckdb(monkeypatch):
    """Ask no database: what it says of SQL is another test's matter, and a process for each example takes long."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)


SETTINGS = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@SETTINGS
@given(EDITS)
def test_whatever_is_typed_is_judged_and_every_finding_points_into_the_file(edits):
    text = GOOD
    for at, length, junk in edits:
        text = text[:at] + junk + text[at + length :]
    judge(text)


@SETTINGS
@given(MOVES)
def test_lines_that_are_lost_or_stand_twice_are_judged(moves):
    lines = list(LINES)
    for at, other, how in moves:
        if how == "cut" and len(lines) > 1:
            del lines[min(at, len(lines) - 1)]
        elif how == "copy":
            lines.insert(at, lines[min(other, len(lines) - 1)])
        else:
            line = min(at, len(lines) - 1)
            lines[line] = lines[line].partition(":")[0] + ":"
    judge("\n".join(lines))


@SETTINGS
@given(st.text(max_size=200))
def test_any_expression_is_judged(text):
    quoted = text.encode("utf-8", "replace").decode().replace("\\", "\\\\").replace('"', '\\"')
    judge(GOOD.replace("when: steps.foreign.outputs.choice ==", f'description: x\n    when: "{quoted}"\n    name:'))


@pytest.mark.parametrize(
    "bomb",
    [
        "(" * 3000 + "1" + ")" * 3000,
        "[" * 60 + "]" * 60 + ".size() > 0",
        " && ".join(["true"] * 500),
        "+".join(["1"] * 2000) + " > 0",
        "!" * 4000 + "true",
        "-" * 4000 + "1",
        "true ? " * 500 + "true" + " : false" * 500,
        "steps" + ".a" * 2000,
        "[1,2,3].all(a, " * 50 + "true" + ")" * 50,
        "'" + "a" * 5000 + "' == 'a'",
    ],
    ids=range(10),
)
def test_an_expression_that_would_never_end_is_judged(bomb):
    condition = 'when: steps.foreign.outputs.choice == "foreign"'
    assert condition in GOOD
    judge(GOOD.replace(condition, f'when: "{bomb}"'))


@pytest.mark.slow
def test_a_mebibyte_of_expressions_is_judged():
    slots = "".join(f"      a{n}: ${{{{ inputs.key }}}}\n" for n in range(25_000))

    (one,) = judge(GOOD.replace("      bucket: ${{ inputs.bucket }}\n", slots))
    assert "2,000 expressions" in one.message


@pytest.mark.parametrize(
    "text", ["", "\n", "a", "- 1", "steps: 1", "{}", "steps: [1, null, {}]", "\ufeff{}", "---\n---"]
)
def test_what_is_hardly_a_document_is_judged(text):
    assert judge(text) if text != "\ufeff{}" else True


def test_bytes_that_are_no_text_are_told_where_they_are():
    (one,) = lint(b"kind: Playbook\nid: \xff\n", name="a.yaml", known=Known())

    assert (one.line, one.column, one.rule) == (2, 5, "syntax")
