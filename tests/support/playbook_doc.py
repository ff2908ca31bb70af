"""Writes what docs/writing-a-playbook.md has of the language's own tables, and the JSON Schema of playbooks."""

import json
import re
from pathlib import Path

from evidence_kit.model.grammar import rows
from evidence_kit.playbook.language import PLAYBOOK
from evidence_kit.playbook.language import STEP as STEPS
from evidence_kit.playbook.lint.names import RUN, STEP, TARGET
from evidence_kit.playbook.lint.rules import RULES
from evidence_kit.playbook.model import OUTPUTS
from evidence_kit.playbook.schema import FILE, schema

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "writing-a-playbook.md"
SCHEMA = ROOT / "evidence_kit" / "playbook" / FILE
_MARKED = re.compile(r"(<!-- (fields|rules|names|outputs) -->\n).*?(<!-- end -->)", re.DOTALL)


def fields():
    """Return the table of fields; what all steps have alike stands once."""
    lines = ["| field | what it is | what it is for |", "|---|---|---|"]
    alike = frozenset.intersection(*(frozenset(shape.fields) for shape in STEPS.shapes.values()))
    seen = set()
    for name, kind, help_ in rows(PLAYBOOK):
        if name not in seen:
            lines.append(f"| `{name}` | {kind} | {help_.replace(' | ', ' or ')} |")
        if name.removeprefix("steps[].").partition("[")[0].partition(".")[0] in alike and name.startswith("steps"):
            seen.add(name)
    return lines


def rules():
    """Return the table of lint's rules."""
    return [
        "| rule | level | what it finds |",
        "|---|---|---|",
        *(f"| `{name}` | {rule.level} | {rule.about} |" for name, rule in RULES.items()),
    ]


def names():
    """Return what expressions can name."""
    told = {"run": RUN, "steps.ID": STEP, "target": TARGET}
    return [
        "| name | type |",
        "|---|---|",
        *(f"| `{root}.{name}` | {kind} |" for root, known in told.items() for name, kind in known.items()),
    ]


def outputs():
    """Return what steps hand on by themselves."""
    return [
        "| type | outputs |",
        "|---|---|",
        *(
            f"| `{kind}` | {', '.join(f'`{name}` ({what})' for name, what in known.items())} |"
            for kind, known in OUTPUTS.items()
        ),
    ]


_MAKERS = {"fields": fields, "rules": rules, "names": names, "outputs": outputs}


def generated(page):
    """Return a page with its tables made anew."""
    return _MARKED.sub(lambda found: found[1] + "\n".join(_MAKERS[found[2]]()) + "\n" + found[3], page)


def schema_text():
    """Return the file of the schema."""
    return json.dumps(schema(), indent=1) + "\n"


if __name__ == "__main__":
    PAGE.write_text(generated(PAGE.read_text()))
    SCHEMA.write_text(schema_text())
