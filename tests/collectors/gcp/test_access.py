"""Who we are: the key that the inventory names, the project that it is for, tokens that only read."""

import json
from dataclasses import replace

import pytest
from support.google import PROJECT

from evidence_kit.collectors.gcp.access import GcpAccess, as_access
from evidence_kit.errors import UsageError
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.unit import Target
from evidence_kit.sandbox.google.faults import Fault

ADMIN = "gcp.logging.admin_activity"
PLAIN = Target(provider="gcp", id="p-1")


def test_tokens_can_only_read_where_the_api_has_such_a_scope(google):
    google.collect(ADMIN, "gcp.storage.buckets", "gcp.compute.instances")
    (scope,) = google.server.scopes
    assert set(scope.split()) == {
        f"https://www.googleapis.com/auth/{name}"
        for name in ("cloud-platform.read-only", "compute.readonly", "devstorage.read_only")
    }


def test_the_wider_scope_is_asked_for_only_by_apis_that_know_no_other(google):
    google.collect("gcp.iam.roles", "gcp.workspace.login")
    assert sorted(google.server.scopes)[:2] == [
        "https://www.googleapis.com/auth/admin.reports.audit.readonly",
        "https://www.googleapis.com/auth/cloud-platform",
    ]


def test_another_project_than_the_one_named_is_refused(google):
    path = f"/cloudresourcemanager/v3/projects/{PROJECT}"
    google.estate.project = "another-1"
    google.estate.lists[path] = [{"projectId": "another-1"}]
    outcomes = google.collect(ADMIN, "gcp.iam.roles").outcomes
    assert {one.status for one in outcomes} == {UnitStatus.DENIED}
    assert all("another-1" in one.reason for one in outcomes)


@pytest.mark.parametrize("kind", ["denied", "disabled"])
def test_a_project_that_cannot_be_asked_is_denied_and_never_simply_empty(google, kind):
    google.server.faults.add(Fault(kind=kind, path=f"/projects/{PROJECT}", times=None))
    outcomes = google.collect(ADMIN, "gcp.iam.roles").outcomes
    assert {one.status for one in outcomes} == {UnitStatus.DENIED}


@pytest.mark.parametrize(
    "text", [None, "", "not json", "[]", '{"type": "authorized_user"}', '{"type": "service_account"}']
)
def test_credentials_that_are_none_end_denied_and_are_not_quoted(google, tmp_path, text):
    path = tmp_path / "other.json"
    if text is not None:
        path.write_text(text)
    (outcome,) = google.collect(ADMIN, target=google.target(credentials=str(path))).outcomes
    assert outcome.status is UnitStatus.DENIED
    assert "other.json" in outcome.reason


def test_a_key_that_google_refuses_ends_denied(google, monkeypatch):
    monkeypatch.setattr(google.server, "grant", lambda _: (400, {"error": "invalid_grant"}))
    (outcome,) = google.collect(ADMIN).outcomes
    assert outcome.status is UnitStatus.DENIED
    assert "invalid_grant" in outcome.reason


def test_a_token_endpoint_that_is_away_is_tried_again_and_then_named(google):
    said = json.loads(google.key.read_text()) | {"token_uri": "https://127.0.0.1:9/token"}
    google.key.write_text(json.dumps(said))
    (outcome,) = google.collect(ADMIN).outcomes
    assert outcome.status is UnitStatus.PARTIAL_ERROR
    assert "no access token" in outcome.reason


def test_without_any_credentials_the_reason_says_so(google, monkeypatch, tmp_path):
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(google.key))
    access = {name: value for name, value in google.target().access.items() if name != "credentials"}
    (outcome,) = google.collect(ADMIN, target=replace(google.target(), access=access)).outcomes
    assert outcome.status is UnitStatus.COMPLETE, "the default chain found the key"


def test_a_netrc_does_not_replace_our_token(google, monkeypatch, tmp_path):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    (outcome,) = google.collect(ADMIN).outcomes
    assert outcome.status is UnitStatus.COMPLETE


def test_addresses_follow_from_names_and_inventories():
    access = GcpAccess()
    assert access.root(PLAIN, "logging") == "https://logging.googleapis.com"
    assert access.root(PLAIN, "europe-west4-aiplatform") == "https://europe-west4-aiplatform.googleapis.com"
    own = replace(PLAIN, access={"endpoint.aiplatform": "https://a.example"})
    assert access.root(own, "europe-west4-aiplatform") == "https://a.example"


@pytest.mark.parametrize("api", ["", "evil.example/", "a.b", "x@y"])
def test_an_api_cannot_lead_elsewhere(api):
    with pytest.raises(UsageError):
        GcpAccess().root(PLAIN, api)


def test_only_google_access_will_do():
    with pytest.raises(UsageError):
        as_access(None)


def test_a_token_that_expires_under_many_threads_is_renewed_for_all_of_them(google, monkeypatch):
    logs = ("gcp.logging.dns", "gcp.logging.nat", "gcp.logging.firewall", "gcp.logging.cloud_run")
    answers, real = [], google.server.answer

    def answer(path, asked):
        answers.append(path)
        if len(answers) in {8, 16, 24}:
            google.server.tokens.clear()
        return real(path, asked)

    monkeypatch.setattr(google.server, "answer", answer)
    outcomes = google.collect(*logs, step=None, workers=12).outcomes
    assert len(outcomes) == 24
    assert {one.status for one in outcomes} == {UnitStatus.COMPLETE}
    assert len(google.server.scopes) == 4, "one token at first, and one for each that ended"
