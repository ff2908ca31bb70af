"""The examples of docs/writing-a-connector.md work, and its reference is the language's own table."""

import json
import re

import pytest
from support.connector_doc import PAGE, SCHEMA, generated
from support.lab import END, Lab
from support.partner import kiosk

from evidence_kit.governance.inventory import parse_inventory
from evidence_kit.model.time import Window
from evidence_kit.sources.connector import schema

TEXT = PAGE.read_text()
CONNECTOR, INVENTORY, FIXTURE = re.findall(r"^```yaml\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def test_the_reference_is_made_of_the_table_of_fields():
    assert generated(TEXT) == TEXT, "run `python tests/support/connector_doc.py` with tests on the path"
    assert json.loads(SCHEMA.read_text()) == schema()


def test_the_first_example_is_twenty_lines():
    assert len(CONNECTOR.splitlines()) == 20


def test_the_first_example_collects_what_its_fixture_has(tmp_path):
    lab = Lab(tmp_path / "case", Window(END.replace(hour=0), END)).open()
    with kiosk(tmp_path, CONNECTOR.encode(), FIXTURE.encode()) as partner:
        (outcome,) = partner.collect(lab).outcomes

        assert (outcome.status, outcome.records) == (partner.fixture.expect.status, partner.fixture.expect.records)


def test_the_inventory_of_the_example_is_one():
    (target,) = parse_inventory(INVENTORY.encode(), name="inventory.yaml").targets

    assert target.access["param.org"] == "shop"
    assert target.access["secret.token"] == "secret://env/ACME_TOKEN"


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\((\.\./[^)#]+)\)", TEXT))))
def test_every_link_leads_somewhere(link):
    assert (PAGE.parent / link).exists()
