"""What is printed is what the sources declare: no more, and in the form in which it is granted."""

import pytest

from evidence_kit.governance.permissions import documents, wanted
from evidence_kit.sources.catalogue import load_catalogue

ALL = load_catalogue()


def of(*providers):
    return [spec for spec in ALL.values() if spec.provider in providers]


def granted(made):
    """Return every permission in all documents."""
    found = set()
    for document in made.values():
        for name in ("includedPermissions", "Actions", "DataActions", "applicationPermissions", "permissions"):
            found.update(document.get(name, []))
        for statement in document.get("Statement", []):
            found.update(statement["Action"])
    return found


@pytest.mark.parametrize("provider", sorted({spec.provider for spec in ALL.values()}))
def test_nothing_is_granted_that_no_source_declares_and_nothing_is_left_out(provider):
    declared = {permission for spec in of(provider) for permission in spec.permissions}
    assert granted(documents(of(provider))) == declared


def test_aws_gets_a_policy():
    policy = documents([ALL["aws.iam.account"]])["aws"]
    assert policy["Version"] == "2012-10-17"
    assert granted({"aws": policy}) == set(ALL["aws.iam.account"].permissions)


def test_permissions_that_two_sources_share_stand_once():
    twice = wanted([ALL["aws.iam.account"], ALL["aws.iam.account"]])
    assert twice["aws"] == tuple(sorted(set(ALL["aws.iam.account"].permissions)))


def test_no_source_asks_for_more_than_reading():
    for spec in ALL.values():
        for permission in spec.permissions:
            verb = permission.replace(":", ".").replace("/", ".").split(".")[-1].lower()
            assert not verb.startswith(("delete", "create", "update", "put", "write", "set", "attach")), permission
            assert "ReadWrite" not in permission
            assert not permission.endswith("*")
