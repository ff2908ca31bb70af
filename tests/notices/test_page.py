"""docs/notices.md is what the program does."""

import re
from pathlib import Path

from evidence_kit.model.grammar import rows
from evidence_kit.notices.channels import CHANNEL, FILE, parse_channels
from evidence_kit.notices.delivered import Outcome

PAGE = (Path(__file__).parents[2] / "docs" / "notices.md").read_text()


def test_every_field_is_described_in_the_words_of_the_grammar() -> None:
    for name, kind, meaning in rows(FILE):
        assert f"| `{name}` | {kind} | {meaning} |" in PAGE


def test_the_example_has_a_channel_of_every_kind() -> None:
    (example,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)

    assert {one.kind for one in parse_channels(example.encode(), name="notices.yaml")} == set(CHANNEL.shapes)


def test_every_outcome_is_explained() -> None:
    assert all(f"| `{one.value}` |" in PAGE for one in Outcome)
