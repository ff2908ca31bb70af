"""Write the generated parts of README.md: run it after a change to the exit codes or the catalogue."""

import re
from pathlib import Path

from evidence_kit.errors import Exit
from evidence_kit.sources.catalogue import load_catalogue

README = Path(__file__).parents[2] / "README.md"
_PART = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def exits() -> str:
    """Return the table of exit codes."""
    rows = [f"| {int(code)} | {code.name} | {code.meaning} |" for code in Exit]
    return "\n".join(["| code | name | meaning |", "|---|---|---|", *rows])


def sources() -> str:
    """Return the table of sources."""
    rows = [f"| `{spec.name}` | {spec.summary} |" for spec in load_catalogue().values()]
    return "\n".join(["| source | what it brings |", "|---|---|", *rows])


def generated(text: str) -> str:
    """Return `text` with every generated part made anew."""
    parts = {"exits": exits, "sources": sources}
    return _PART.sub(lambda match: f"{match[1]}{parts[match[2]]()}\n{match[3]}", text)


if __name__ == "__main__":
    README.write_text(generated(README.read_text()))
