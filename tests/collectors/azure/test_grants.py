"""What Microsoft says of our roles becomes what a check says; leave to manage is no leave to read."""

import threading
from datetime import UTC, datetime

import pytest

from evidence_kit.acquire.context import UnitContext, World
from evidence_kit.acquire.observer import Silent
from evidence_kit.acquire.pacing import Pacer
from evidence_kit.collectors.azure.access import AzureAccess
from evidence_kit.collectors.azure.grants import ask
from evidence_kit.model.source import Limit
from evidence_kit.model.unit import Unit
from evidence_kit.sandbox.microsoft import apis

READ = "Microsoft.Storage/storageAccounts/read"
BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read"
VAULTS = "Microsoft.KeyVault/vaults/read"
PATH = f"/subscriptions/{apis.SUBSCRIPTION}/providers/Microsoft.Authorization/permissions"


@pytest.fixture
def asking(kiosk):
    world = World(
        now=lambda: datetime.now(UTC), secret=str, pacer=Pacer(), observer=Silent(), stop=threading.Event(), backoff=0
    )
    unit = Unit(source="preflight", target=kiosk.target())
    ctx = UnitContext(world=world, limit=Limit(rps=10_000, burst=100), unit=unit, record=lambda _: None)
    return lambda *permissions: ask(AzureAccess(), kiosk.target(), permissions, ctx)


def holds(kiosk, *roles):
    kiosk.arm.lists[PATH] = [
        {"actions": [], "notActions": [], "dataActions": [], "notDataActions": [], **role} for role in roles
    ]


def test_a_reader_reads_accounts_and_no_blobs(kiosk, asking):
    holds(kiosk, {"actions": ["*/read"]})
    assert set(asking(READ, VAULTS, BLOBS).missing) == {BLOBS}


def test_what_one_role_excludes_another_may_hold(kiosk, asking):
    holds(kiosk, {"actions": ["*"], "notActions": ["microsoft.keyvault/*"]})
    assert set(asking(READ, VAULTS).missing) == {VAULTS}
    holds(kiosk, {"actions": ["*"], "notActions": ["microsoft.keyvault/*"]}, {"actions": [VAULTS.upper()]})
    assert not asking(READ, VAULTS).missing


@pytest.mark.parametrize("pattern", ["*e" * 40 + "x", "[m]icrosoft.*", "microsoft.storage/storageaccounts/rea?"])
def test_a_star_is_all_that_stands_for_something_however_many_there_are(kiosk, asking, pattern):
    holds(kiosk, {"actions": [pattern]})
    assert set(asking(READ).missing) == {READ}


def test_data_are_read_by_leave_for_data(kiosk, asking):
    holds(kiosk, {"dataActions": ["Microsoft.Storage/storageAccounts/blobServices/containers/blobs/*"]})
    assert set(asking(READ, BLOBS).missing) == {READ}


def test_a_token_names_the_roles_of_an_application_and_writing_includes_reading(kiosk, asking):
    kiosk.entra.roles = ("AuditLog.Read.All", "Directory.ReadWrite.All")
    found = asking("AuditLog.Read.All", "Directory.Read.All", "Policy.Read.All")
    assert set(found.missing) == {"Policy.Read.All"}
    assert found.caller


def test_a_token_that_says_nothing_leaves_all_unknown(asking):
    found = asking("AuditLog.Read.All")
    assert not found.missing
    assert set(found.unknown) == {"AuditLog.Read.All"}


def test_roles_that_may_not_be_read_leave_all_unknown(kiosk, asking):
    found = asking(READ)
    assert set(found.unknown) == {READ}
