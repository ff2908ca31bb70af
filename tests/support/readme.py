"""Write the generated parts of README.md and docs/sources.md: run it after a change to exit codes or catalogue."""

import re
from pathlib import Path

from evidence_kit.errors import Exit
from evidence_kit.sources.catalogue import load_catalogue

README = Path(__file__).parents[2] / "README.md"
SOURCES = README.parent / "docs" / "sources.md"
PROVIDERS = {"aws": "Amazon Web Services", "azure": "Microsoft", "gcp": "Google Cloud"}
_PART = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def exits() -> str:
    """Return the table of exit codes."""
    rows = [f"| {int(code)} | {code.name} | {code.meaning} |" for code in Exit]
    return "\n".join(["| code | name | meaning |", "|---|---|---|", *rows])


def sources() -> str:
    """Return the table of all sources."""
    rows = [f"| `{spec.name}` | {spec.summary} |" for spec in load_catalogue().values()]
    return "\n".join(["| source | what it brings |", "|---|---|", *rows])


def families() -> str:
    """Return how many sources each provider has, and of which services."""
    rows = []
    for provider, called in PROVIDERS.items():
        names = [spec.name for spec in load_catalogue().values() if spec.provider == provider]
        known = dict.fromkeys(".".join(name.split(".")[:2]).removeprefix(f"{provider}.") for name in names)
        rows.append(f"| {called} | {len(names)} | {', '.join(known)} |")
    others = [spec for spec in load_catalogue().values() if spec.provider not in PROVIDERS]
    partners = dict.fromkeys(spec.provider for spec in others if spec.provider != "intake")
    count = sum(spec.provider in partners for spec in others)
    rows.append(f"| Partners, by connectors | {count} | {', '.join(partners)} |")
    return "\n".join(["| provider | sources | of |", "|---|---|---|", *rows])


def generated(text: str) -> str:
    """Return `text` with every generated part made anew."""
    parts = {"exits": exits, "sources": sources, "families": families}
    return _PART.sub(lambda match: f"{match[1]}{parts[match[2]]()}\n{match[3]}", text)


if __name__ == "__main__":
    for page in (README, SOURCES):
        page.write_text(generated(page.read_text()))
