"""docs/clocks.md is what the program does."""

import re
from pathlib import Path

from evidence_kit.governance.clocks.grammar import FILE, parse_file
from evidence_kit.governance.clocks.sets import standard
from evidence_kit.model.grammar import rows

PAGE = (Path(__file__).parents[2] / "docs" / "clocks.md").read_text()


def test_every_field_is_described_in_the_words_of_the_grammar() -> None:
    for name, kind, meaning in rows(FILE):
        assert f"| `{name}` | {kind} | {meaning} |" in PAGE


def test_every_clock_that_comes_along_is_listed_with_its_length_and_status() -> None:
    listed = [f"| `{one.id}` | {one.within.said} | {one.status} |" for one in standard().clocks.values()]

    assert re.findall(r"^\| `[a-z]+\.[^|]*\|[^|]*\| [a-z-]+ \|$", PAGE, re.MULTILINE) == listed


def test_the_example_is_a_clock_set() -> None:
    (example,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    _, (clock,) = parse_file(example.encode(), name="clocks.yaml")

    assert clock.id == "acme.board"
