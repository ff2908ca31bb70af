"""Markdown and JSON say what the model says, and nothing that a case says becomes markup in them."""

import json
import re

import pytest
from support.case_reports import HOSTILE, large, poisoned

from evidence_kit.report.case import markdown, plain
from evidence_kit.report.custody.markdown import escaped

UNESCAPED = re.compile(r"(?<!\\)(<img|</script|\[x|`code|\*\*b)")


def json_of(report):
    return json.loads("".join(plain.pieces(report)))


def test_json_has_every_part_of_the_model_and_every_artifact(everything) -> None:
    found = json_of(everything)
    assert found["verdict"]["name"] == everything.verdict.code.name
    assert found["counts"]["artifacts"] == everything.counts.artifacts == len(found["artifacts"])
    assert found["runs"][0]["steps"][1]["needs"] == ["keys"]
    assert found["partners"][0]["pointer"] == {"path": "custody/log.jsonl", "line": 2}
    assert found["coverage"][0]["cells"][0]["status"] == "complete"
    assert found["madeAt"] == "2026-11-21T22:30:00Z"


def test_json_is_ascii_and_keeps_every_text_as_it_is(everything) -> None:
    text = "".join(plain.pieces(poisoned(everything)))
    assert text.isascii()
    assert json.loads(text)["title"] == HOSTILE


def test_json_comes_piece_by_piece(report) -> None:
    assert sum(1 for _ in plain.pieces(large(report, 1_000))) > 1_000


def test_markdown_says_how_much_it_leaves_out(report) -> None:
    lines = list(markdown.lines(large(report, 1_000)))
    assert any(line.startswith("… and 800 more") for line in lines)
    assert sum("/data/s/t/" in line.replace("\\", "") for line in lines) == markdown.ROWS


def test_no_text_of_a_case_becomes_markdown(everything) -> None:
    for line in markdown.lines(poisoned(everything)):
        assert line.isprintable()
        if not line.startswith("       "):  # commands are code, in which nothing is markup
            assert not UNESCAPED.search(line.replace("<br>", ""))


@pytest.mark.parametrize(
    "part", ["key-leak", "DPA-7", "StopLogging by ci-deploy", "overdue", "alice@example.com", "Who was it?"]
)
def test_every_part_of_the_model_is_in_the_markdown(everything, part) -> None:
    assert escaped(part) in "\n".join(markdown.lines(everything))
