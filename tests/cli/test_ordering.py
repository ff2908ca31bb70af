"""What the options of `collect` come to: targets, members of an organisation, and who of them is left out."""

import pytest
from support.amazon import serving

from evidence_kit.cli import ordering
from evidence_kit.errors import ProviderError
from evidence_kit.sandbox.amazon.fixture import read_estate

INVENTORY = """apiVersion: evidence-kit/inventory.v1
kind: Inventory
targets:
  - {name: management, provider: aws, id: "111122223333", regions: [us-east-1], memberRole: reader}
"""
ACCOUNTS = [
    {"Id": "111122223333", "Name": "management", "Status": "ACTIVE"},
    {"Id": "444455556666", "Name": "data", "Status": "ACTIVE"},
    {"Id": "777788889999", "Name": "old", "Status": "SUSPENDED"},
]


@pytest.fixture
def asked(tmp_path):
    (tmp_path / "inventory.yaml").write_text(INVENTORY)
    return ordering.Asked(
        sources=["aws.iam.account"],
        since="2d",
        until=None,
        targets=[],
        inventory=str(tmp_path / "inventory.yaml"),
        regions=[],
        profile=None,
        params=[],
    )


def test_members_become_targets_and_who_cannot_be_asked_is_on_record(asked, monkeypatch, capsys):
    replies = [{"operation": "ListAccounts", "pages": [{"Accounts": ACCOUNTS[:1]}, {"Accounts": ACCOUNTS[1:]}]}]
    with serving(read_estate({"replies": replies}, default="organizations"), monkeypatch):
        order = ordering.place(asked).order
    assert [target.id for target in order.targets] == ["111122223333", "444455556666"]
    assert order.to_json()["governance"] == {"leftOut": [{"id": "777788889999", "name": "old", "state": "SUSPENDED"}]}
    assert "old (777788889999): the account is suspended" in capsys.readouterr().err


def test_an_organisation_that_may_not_be_listed_is_no_organisation_of_one(asked, monkeypatch):
    error = {"code": "AccessDeniedException", "message": "You don't have permissions to access this resource."}
    replies = [{"operation": "ListAccounts", "error": error}]
    with (
        serving(read_estate({"replies": replies}, default="organizations"), monkeypatch),
        pytest.raises(ProviderError, match="cannot be listed: AccessDenied"),
    ):
        ordering.place(asked)
