"""Writes the reference of the connector language into docs/writing-a-connector.md, and its JSON Schema."""

import json
import re
from pathlib import Path

from evidence_kit.model.grammar import rows
from evidence_kit.sources.connector import schema
from evidence_kit.sources.connector_grammar import CONNECTOR

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "writing-a-connector.md"
SCHEMA = ROOT / "evidence_kit" / "sources" / "connector.schema.json"
_MARKED = re.compile(r"(<!-- fields -->\n).*?(<!-- end -->)", re.DOTALL)


def reference() -> str:
    """Return the table of fields."""
    lines = ["| field | what it is | what it is for |", "|---|---|---|"]
    for name, kind, help_ in rows(CONNECTOR):
        lines.append(f"| `{name}` | {kind} | {help_.replace(' | ', ' or ')} |")
    return "\n".join(lines) + "\n"


def generated(page: str) -> str:
    """Return a page with its table made anew."""
    return _MARKED.sub(lambda found: found[1] + reference() + found[2], page)


if __name__ == "__main__":
    PAGE.write_text(generated(PAGE.read_text()))
    SCHEMA.write_text(json.dumps(schema(), indent=1) + "\n")
