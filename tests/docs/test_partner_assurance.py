"""The commands and outputs that docs/partners.md shows of assurance are the program's, on a partner on loopback."""

import re
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.partner import acme, kiosk, played

from evidence_kit.cli.app import main
from evidence_kit.governance.inventory import parse_inventory
from evidence_kit.model.time import rfc3339

PAGE = (Path(__file__).parents[2] / "docs" / "partners.md").read_text().partition("\n## Assurance\n")[2]
PAGE = PAGE.partition("\n## ")[0]
INVENTORY = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[1]
STEPS = re.findall(
    r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", re.search(r"```console\n(.*?)```", PAGE, re.DOTALL)[1], re.MULTILINE
)
PREFLIGHT = {"request": {"path": "/events", "query": {"limit": 1}}, "newest": "max_by(events, &at).at"}


def same(text):
    """Return text without what differs from day to day."""
    return re.sub(r"seconds?\b", "s", re.sub(r"\d+", "0", re.sub(r"\b[0-9a-f]{16}\b", "0", text))).split()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The inventory and the connector of the page, in front of a partner that answers."""
    newest = {"path": "/events", "json": {"events": [{"id": "a", "at": rfc3339(datetime.now(UTC))}]}}
    with kiosk(tmp_path, acme(preflight=PREFLIGHT), played(newest)) as partner:
        loopback = f'endpoints: {{server: "{partner.server.url}"}}\n    ca: "{partner.ca}"\n    allowPrivate: true'
        later = str((datetime.now(UTC) + timedelta(days=365)).date())
        text = INVENTORY.replace('endpoints: {server: "https://api.acme.example.com"}', loopback)
        (tmp_path / "inventory.yaml").write_text(text.replace("2027-12-31", later))
        (tmp_path / "acme.yaml").write_bytes(acme(preflight=PREFLIGHT))
        monkeypatch.setenv("ACME_TOKEN", partner.secrets["token"])
        monkeypatch.chdir(tmp_path)
        yield tmp_path


def test_every_command_of_the_page_does_what_it_shows(folder, capsys):
    assert len(STEPS) == 6
    for command, shown in STEPS:
        words = shlex.split(command)
        target = words[words.index(">") + 1] if ">" in words else ""
        assert main(words[1 : words.index(">")] if target else words[1:]) == 0, command
        told = capsys.readouterr()
        if target:
            (folder / target).write_text(told.out)
        said = [same(line) for line in f"{told.out}\n{told.err}".splitlines()]
        for line in shown.splitlines():
            assert line == "…" or same(line) in said, line
    assert (folder / "register.html").read_text().startswith("<!DOCTYPE html>")


def test_the_inventory_of_the_page_is_one():
    (entry,) = parse_inventory(INVENTORY.encode(), name="inventory.yaml").entries
    assert entry.is_partner
    assert entry.assurance is not None
