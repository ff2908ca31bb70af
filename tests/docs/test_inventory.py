"""The examples in docs/inventory.md are what they are said to be."""

import re
from pathlib import Path

from evidence_kit.governance import inventory
from evidence_kit.governance.inventory import parse_inventory
from evidence_kit.governance.policy import parse_policy
from evidence_kit.sources.connector_grammar import EVIDENCE

PAGE = (Path(__file__).parents[2] / "docs" / "inventory.md").read_text()
WHOLE, PARTNER, POLICY = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_example_is_an_inventory_of_three_providers():
    targets = parse_inventory(WHOLE.encode(), name="inventory.yaml").targets
    assert {target.provider for target in targets} == {"aws", "gcp", "azure"}


def test_the_example_of_an_agreement_can_be_added_to_it():
    (entry,) = parse_inventory((WHOLE + PARTNER).encode(), name="inventory.yaml").entries[-1:]
    assert entry.agreement is not None
    assert set(entry.agreement.evidence) == {"audit_logs", "access_logs"}


def test_the_example_of_a_policy_is_one():
    assert parse_policy(POLICY.encode(), name="policy.yaml").residency == {"EU": ("EU", "CH")}


def test_every_field_of_a_target_is_described():
    known = (*inventory._ACCESS.values(), inventory._PARTNER, inventory._FIELDS)
    fields = {field for several in known for field in several}
    assert {field for field in fields if f"`{field}`" not in PAGE} == {"provider"}


def test_every_class_of_evidence_is_named():
    assert all(f"`{name}`" in PAGE for name in EVIDENCE)
