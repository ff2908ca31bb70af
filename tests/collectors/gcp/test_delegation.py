"""Google Workspace knows people: there, and only there, the key acts as the administrator of the inventory."""

import json
from dataclasses import replace

import pytest

from evidence_kit.collectors.gcp.bearer import open_credentials
from evidence_kit.errors import AccessError
from evidence_kit.governance.inventory import parse_inventory
from evidence_kit.model.status import UnitStatus
from evidence_kit.sandbox.google.estate import project_lists

LOGIN = "gcp.workspace.login"
ADMIN = "gcp.logging.admin_activity"
ADMINISTRATOR = "admin@example.com"
REPORTS = "https://www.googleapis.com/auth/admin.reports.audit.readonly"


@pytest.fixture
def workspace(google):
    google.estate.lists = project_lists()
    google.estate.is_closed = True
    return google


def target_of(google, **more):
    """Return the target as an inventory gives it."""
    fields = {"provider": "gcp", "id": "shop-prod-1", "credentials": str(google.key), **more}
    said = {"apiVersion": "evidence-kit/inventory.v1", "kind": "Inventory", "targets": [fields]}
    (target,) = parse_inventory(json.dumps(said).encode(), name="inventory.yaml").targets
    return google.target(**target.access)


def test_the_assertion_names_the_subject_and_asks_for_reports_only(workspace):
    (outcome,) = workspace.collect(LOGIN, target=target_of(workspace, subject=ADMINISTRATOR)).outcomes
    assert (outcome.status, outcome.records) == (UnitStatus.COMPLETE, 2)
    signed = dict(zip(workspace.server.subjects, workspace.server.scopes, strict=True))
    assert signed[ADMINISTRATOR] == REPORTS
    assert set(signed) == {"", ADMINISTRATOR}, "the project itself is asked about as the key"


def test_nothing_but_workspace_is_asked_as_somebody_else(workspace):
    workspace.collect(ADMIN, "gcp.iam.roles", target=target_of(workspace, subject=ADMINISTRATOR))
    assert set(workspace.server.subjects) == {""}


def test_without_a_subject_a_refusal_says_what_to_put_into_the_inventory(workspace):
    (outcome,) = workspace.collect(LOGIN, target=target_of(workspace)).outcomes
    assert outcome.status is UnitStatus.DENIED
    assert "name a `subject` in the inventory" in outcome.reason


def test_a_key_with_a_role_of_its_own_needs_no_subject(workspace):
    workspace.estate.is_closed = False
    (outcome,) = workspace.collect(LOGIN, target=target_of(workspace)).outcomes
    assert outcome.status is UnitStatus.COMPLETE


def test_a_subject_for_whom_nothing_is_delegated_ends_denied_and_says_what_to_grant(workspace):
    (outcome,) = workspace.collect(LOGIN, target=target_of(workspace, subject="robin@example.com")).outcomes
    assert outcome.status is UnitStatus.DENIED
    assert "act as `robin@example.com`" in outcome.reason
    assert "unauthorized_client" in outcome.reason
    assert "domain-wide delegation of the scope `admin.reports.audit.readonly`" in outcome.reason


def test_a_subject_who_may_see_no_reports_is_named(workspace, monkeypatch):
    monkeypatch.setattr(workspace.server, "is_closed", lambda path, _: path.startswith("/admin/"))
    (outcome,) = workspace.collect(LOGIN, target=target_of(workspace, subject=ADMINISTRATOR)).outcomes
    assert outcome.status is UnitStatus.DENIED
    assert f"`{ADMINISTRATOR}` needs a role in Workspace" in outcome.reason


def machine_wide(google, monkeypatch, said):
    """Let the machine's own credentials be `said`, and the inventory name none."""
    google.key.write_text(json.dumps(said))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(google.key))
    access = target_of(google, subject=ADMINISTRATOR).access
    return replace(google.target(), access={name: value for name, value in access.items() if name != "credentials"})


def test_the_key_that_the_machine_has_will_do(workspace, monkeypatch):
    target = machine_wide(workspace, monkeypatch, json.loads(workspace.key.read_text()))
    assert workspace.collect(LOGIN, target=target).outcomes[0].status is UnitStatus.COMPLETE
    assert ADMINISTRATOR in workspace.server.subjects


def test_a_person_cannot_act_as_another_one(monkeypatch, workspace):
    person = {"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r"}
    target = machine_wide(workspace, monkeypatch, person)
    with pytest.raises(AccessError, match="takes the key of a service account"):
        open_credentials(target, (REPORTS,), ADMINISTRATOR)


def test_the_private_key_and_the_assertion_are_nowhere_in_the_case(workspace):
    workspace.collect(LOGIN, target=target_of(workspace, subject=ADMINISTRATOR))
    found = workspace.everything()
    assert b"PRIVATE KEY" not in found
    assert b"assertion" not in found
    assert ADMINISTRATOR.encode() in found, "who was acted as is on record"
