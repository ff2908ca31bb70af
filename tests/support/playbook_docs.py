"""Writes docs/playbooks: a page and a picture for each playbook that comes with the kit, from its file alone."""

import re
from pathlib import Path

from support.playbook_page import named, page, providers, role, table

from evidence_kit.playbook import picture
from evidence_kit.playbook.library import Library, read_file

ROOT = Path(__file__).parents[2]
INDEX = ROOT / "docs" / "playbooks.md"
FOLDER = ROOT / "docs" / "playbooks"
EXAMPLE = "aws-credential-compromise"
_MARKED = re.compile(r"(<!-- (playbooks|picture) -->\n).*?(<!-- end -->)", re.DOTALL)


def pages():
    """Return every generated file below docs/playbooks by its name."""
    found = {}
    for playbook in books():
        found[f"{playbook.id}.md"] = page(playbook)
        found[f"{playbook.id}.svg"] = picture.svg(playbook).text
    return found


def books():
    """Return the playbooks that come with the kit, by id."""
    return [read_file(path) for _, path in sorted(Library().files.items())]


def index(text):
    """Return the index with what is generated in it made anew."""
    rows = table(("playbook", "what has happened", "at", "asks"), _listed())
    shown = "\n".join(["```", *picture.lines(read_file(Library().files[EXAMPLE])), "", picture.LEGEND, "```"])
    made = {"playbooks": rows, "picture": shown}
    return _MARKED.sub(lambda found: f"{found[1]}{made[found[2]]}\n{found[3]}", text)


def _listed():
    for one in books():
        asked = dict.fromkeys(role(step) for step in one.steps if picture.waits(step))
        yield (
            f"[{one.id}](playbooks/{one.id}.md)",
            one.title,
            ", ".join(named(p) for p in providers(one)),
            "; ".join(asked),
        )


def write():
    """Write every page anew, and take away those of playbooks that are gone."""
    made = pages()
    for path in FOLDER.iterdir():
        if path.name not in made:
            path.unlink()
    for name, text in made.items():
        (FOLDER / name).write_text(text)
    INDEX.write_text(index(INDEX.read_text()))


if __name__ == "__main__":
    write()
