"""The example in docs/inventory.md is an inventory."""

import re
from pathlib import Path

from evidence_kit.governance.inventory import parse_inventory

PAGE = (Path(__file__).parents[2] / "docs" / "inventory.md").read_text()


def test_the_example_is_an_inventory_of_three_providers():
    (example,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    targets = parse_inventory(example.encode(), name="inventory.yaml")
    assert {target.provider for target in targets} == {"aws", "gcp", "azure"}


def test_every_field_of_a_target_is_described():
    from evidence_kit.governance import inventory

    fields = {field for known in inventory._ACCESS.values() for field in known} | set(inventory._FIELDS)
    assert {field for field in fields if f"`{field}`" not in PAGE} == {"provider"}
