"""Write the generated parts of docs/custody-record.md: run it after a change to the fields of the record."""

import re
from pathlib import Path

from evidence_kit.report.custody.fields import GROUPS, RECORD
from evidence_kit.report.custody.spec import Spec

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "custody-record.md"
_PART = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def fields() -> str:
    """Return a table a group: each field, and where it stands."""
    parts = []
    for group, title in GROUPS.items():
        parts += [f"### {title[:1].upper()}{title[1:]}", "", "| field | where it stands |", "|---|---|"]
        labels = dict.fromkeys(spec.label for spec in RECORD if spec.group == group)
        parts += [f"| {label} | {_where(group, label)} |" for label in labels]
        parts.append("")
    return "\n".join(parts)


def _where(group: str, label: str) -> str:
    specs = [spec for spec in RECORD if (spec.group, spec.label) == (group, label)]
    places = "; ".join(_place(spec) for spec in specs if spec.file)
    remains = [f"a person says {spec.remains}" for spec in specs if spec.remains]
    return ". ".join(filter(None, [places, *remains])) or "nowhere: this version does not record it"


def _place(spec: Spec) -> str:
    if spec.way == "stamped":
        return f"`{spec.file}`, `timestamped`: `{spec.path}`"
    if spec.event:
        return (
            f"`{spec.event}`: `{spec.path}`"
            if spec.group == "custody"
            else f"`{spec.file}`, `{spec.event}`: `{spec.path}`"
        )
    if spec.way == "manifest":
        return f"`{spec.file}`, {spec.path}"
    where = f"each `exchange` of `{spec.file}`" if spec.way == "lines" else f"`{spec.file}`"
    return f"every event: `{spec.path}`" if spec.group == "custody" else f"{where}: `{spec.path}`"


def about() -> str:
    """Return the example of an `ABOUT.yaml`."""
    return f"```yaml\n{(ROOT / 'examples' / 'about.yaml').read_text()}```"


def generated(text: str) -> str:
    """Return `text` with every generated part made anew."""
    parts = {"fields": fields, "about": about}
    return _PART.sub(lambda match: f"{match[1]}{parts[match[2]]()}\n{match[3]}", text)


if __name__ == "__main__":
    PAGE.write_text(generated(PAGE.read_text()))
