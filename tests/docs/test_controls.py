"""What docs/controls.md shows is what the program has: the facts, the file of one's own, the lines for a shell."""

import re
from pathlib import Path

from evidence_kit.governance.controls import sampling
from evidence_kit.governance.controls.book import parse_framework
from evidence_kit.governance.controls.packing import Standing
from evidence_kit.governance.controls.vocabulary import FACTS

PAGE = (Path(__file__).parents[2] / "docs" / "controls.md").read_text()


def block(kind):
    (found,) = re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)
    return found


def test_the_table_of_facts_is_the_vocabulary() -> None:
    rows = [line for line in PAGE.partition("## Facts")[2].splitlines() if line.startswith("| `")]

    assert rows == [f"| `{name}` | {one.per} | {one.help} | {one.unproved} |" for name, one in FACTS.items()]


def test_the_table_of_standings_has_all_in_their_order() -> None:
    part = PAGE.partition("## How a row stands")[2].partition("## ")[0]

    assert re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE) == list(Standing)


def test_a_framework_of_ones_own_is_read_as_it_stands() -> None:
    one = parse_framework(block("yaml").encode(), name="ours.yaml")

    assert [fact.fact for fact in one.controls[0].evidence] == ["covered", "sealed", "notice_agreed"]


def test_the_lines_for_a_shell_are_those_of_the_module() -> None:
    lines = [line.removeprefix("    ") for line in sampling.__doc__.splitlines() if line.startswith("    ")]

    assert block("sh").splitlines() == lines
