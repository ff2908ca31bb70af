"""Who we are, and that it is the tenant we say it is; nothing is taken from another."""

import logging
from dataclasses import replace

import pytest
from support.microsoft import collect, stored

from evidence_kit.collectors.azure.access import AzureAccess, as_access
from evidence_kit.collectors.azure.clouds import CLOUDS
from evidence_kit.collectors.azure.speaker import claimed_caller
from evidence_kit.errors import AccessError, UsageError
from evidence_kit.model.exchange import Stop
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.unit import Target
from evidence_kit.sandbox.microsoft.entra import OTHER_TENANT, TENANT

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"


def target(identity="kiosk", **access):
    return Target(provider="azure", id=identity, access=access)


def tokens_of(kiosk, **other):
    """Let Entra hand out tokens with other claims than were asked for."""
    real = kiosk.entra.token
    kiosk.entra.token = lambda **claims: real(**{**claims, **other})


def reasons(lab):
    return {(line["status"], line["reason"]) for line in lab.ledger() if line["type"] == "unit"}


@pytest.mark.parametrize("source", ["entra.signins.interactive", "azure.key_vaults"])
def test_a_tenant_that_is_not_ours_is_denied_and_nothing_is_stored(source, kiosk, lab):
    # Entra lets us in, but somewhere else.
    tokens_of(kiosk, tenant=OTHER_TENANT)
    collect(lab, kiosk, source)
    assert set(lab.outcomes().values()) == {UnitStatus.DENIED}
    assert stored(lab) == []


def test_a_subscription_of_another_tenant_is_denied(kiosk, lab):
    collect(lab, kiosk, "azure.key_vaults", subscription=SUBSCRIPTION)
    assert set(lab.outcomes().values()) <= {UnitStatus.DENIED, UnitStatus.NOT_CONFIGURED}
    assert stored(lab) == []


@pytest.mark.parametrize("guest", [False, True])
def test_the_tenant_as_a_whole_is_ours_or_denied_even_to_its_guests(guest, kiosk, lab):
    access = {name: value for name, value in kiosk.target().access.items() if name != "subscription"}
    where = replace(kiosk.target(), access=access)
    kiosk.target = lambda **_: where
    kiosk.subscriptions.visible = (TENANT, OTHER_TENANT)
    if guest:
        tokens_of(kiosk, tenant=OTHER_TENANT)
    collect(lab, kiosk, "azure.activity.tenant")
    assert set(lab.outcomes().values()) == {UnitStatus.DENIED if guest else UnitStatus.COMPLETE}
    assert bool(stored(lab)) is not guest


def test_a_tenant_may_be_named_by_a_domain_that_it_has_proved(kiosk, lab):
    kiosk.entra.tenants = (*kiosk.entra.tenants, "kiosk.example", "other.example")
    tokens_of(kiosk, tenant=TENANT)
    collect(lab, kiosk, "entra.signins.interactive", tenant="kiosk.example")
    (ours,) = lab.bags
    collect(lab, kiosk, "entra.signins.interactive", tenant="other.example")
    (other,) = set(lab.bags) - {ours}
    assert set(lab.outcomes(ours).values()) == {UnitStatus.COMPLETE}
    assert set(lab.outcomes(other).values()) == {UnitStatus.DENIED}


def test_who_we_are_is_asked_once_a_target_and_api(kiosk, lab):
    collect(lab, kiosk, "entra.applications", "entra.oauth2_grants", "azure.key_vaults", "azure.storage_accounts")
    paths = [one.target.partition("?")[0] for one in kiosk.server.sent]
    assert paths.count("/v1.0/organization") == 1
    assert sum(path.startswith("/subscriptions/") and path.count("/") == 2 for path in paths) == 1


@pytest.mark.parametrize(
    ("refusal", "status", "says"),
    [
        ((400, "700016"), UnitStatus.DENIED, "AADSTS700016"),
        ((401, "7000222"), UnitStatus.DENIED, "AADSTS7000222"),
        ((400, "53003"), UnitStatus.DENIED_BY_POLICY, "conditional access"),
        ((503, "90033"), UnitStatus.PARTIAL_ERROR, "token service"),
    ],
)
def test_a_token_that_is_not_given_says_why_and_is_on_record(refusal, status, says, kiosk, lab):
    kiosk.entra.refusal = refusal
    collect(lab, kiosk, "entra.oauth2_grants")
    ((ended, reason),) = reasons(lab)
    assert UnitStatus(ended) is status
    assert says in reason
    assert "Trace ID" not in reason
    tokens = [line for line in lab.exchanges() if line["request"]["operation"] == "GetToken"]
    assert tokens
    assert all(line["error"] for line in tokens)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("AZURE_CLIENT_SECRET", "guess", "AADSTS7000215"),
        ("AZURE_CLIENT_ID", SUBSCRIPTION, "AADSTS700016"),
    ],
)
def test_wrong_credentials_are_denied_by_number(name, value, says, kiosk, lab, monkeypatch):
    monkeypatch.setenv(name, value)
    collect(lab, kiosk, "entra.oauth2_grants")
    ((ended, reason),) = reasons(lab)
    assert (ended, says in reason) == ("denied", True)


def test_a_token_service_that_cannot_be_reached_is_tried_again_and_then_a_partial_error(kiosk, lab):
    collect(lab, kiosk, "entra.oauth2_grants", **{"endpoint.login": "https://127.0.0.1:9"})
    ((ended, reason),) = reasons(lab)
    assert ended == "partial_error"
    assert "token service" in reason
    assert stored(lab) == []


def test_a_tenant_that_nobody_names_cannot_be_asked(kiosk, lab, monkeypatch):
    monkeypatch.delenv("AZURE_TENANT_ID")
    collect(lab, kiosk, "entra.oauth2_grants", tenant="")
    ((ended, reason),) = reasons(lab)
    assert ended == "partial_error"
    assert "names no `tenant`" in reason


def test_a_token_is_asked_for_once_and_kept(kiosk, lab):
    collect(lab, kiosk, "entra.applications", "entra.conditional_access", "entra.role_assignments")
    assert len(kiosk.entra.issued) == 1


def test_a_token_that_expires_is_replaced_as_often_as_the_new_one_works(kiosk, lab):
    revoking = kiosk.graph.answer
    asked, revoked_after = [], {2, 3}

    def answer(request):
        asked.append(request.path)
        if len(asked) in revoked_after:
            kiosk.entra.revoke()
        return revoking(request)

    kiosk.graph.answer = answer
    collect(lab, kiosk, "entra.applications")
    assert set(lab.outcomes().values()) == {UnitStatus.COMPLETE}
    assert len(kiosk.entra.issued) == 3
    assert [line["error"] for line in lab.exchanges() if line.get("error")] == ["HTTP 401", "HTTP 401"]


def test_a_token_for_another_audience_is_refused(kiosk, lab):
    tokens_of(kiosk, audience="https://x")
    collect(lab, kiosk, "entra.oauth2_grants")
    assert set(lab.outcomes().values()) == {UnitStatus.DENIED}
    assert stored(lab) == []


def test_no_credential_of_a_netrc_file_replaces_the_token(kiosk, lab, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login mallory password guess\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    collect(lab, kiosk, "entra.oauth2_grants")
    assert set(lab.outcomes().values()) == {UnitStatus.COMPLETE}


def test_neither_token_nor_secret_is_logged_or_shown(kiosk, lab, caplog):
    caplog.set_level(logging.DEBUG)
    collect(lab, kiosk, "entra.oauth2_grants", "azure.key_vaults", "m365.activity_feed")
    shown = caplog.text + repr(kiosk.entra) + repr(AzureAccess(kiosk.environ).__dict__)
    for secret in [kiosk.entra.secret, *kiosk.entra.issued]:
        assert secret not in shown.replace(repr(kiosk.environ), "")


def test_a_source_that_needs_what_the_target_does_not_name_is_out_of_scope(kiosk, lab):
    where = replace(kiosk.target(), access={k: v for k, v in kiosk.target().access.items() if k != "subscription"})
    kiosk.target = lambda **_: where
    collect(lab, kiosk, "azure.key_vaults")
    assert reasons(lab) == {("out_of_scope", "the target names no `subscription`")}


# -- what a target is called, and where its APIs are ------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "values"),
    [
        (target(TENANT), {"tenant": TENANT}),
        (target("contoso.example"), {"tenant": "contoso.example"}),
        (target(SUBSCRIPTION, tenant=TENANT), {"tenant": TENANT, "subscription": SUBSCRIPTION}),
        (target(TENANT, tenant=TENANT), {"tenant": TENANT}),
        (target("shop", subscription=SUBSCRIPTION), {"subscription": SUBSCRIPTION, "tenant": "of-env"}),
        (target("shop", workspace=SUBSCRIPTION, tenant=TENANT), {"workspace": SUBSCRIPTION, "tenant": TENANT}),
    ],
)
def test_a_target_is_what_it_names_or_else_what_its_id_is(target, values):
    assert AzureAccess({"AZURE_TENANT_ID": "of-env"}).values(target) == values


def test_an_id_that_is_none_of_what_the_target_names_is_refused():
    with pytest.raises(AccessError, match="none of what"):
        AzureAccess({}).values(target(OTHER_TENANT, tenant=TENANT, subscription=SUBSCRIPTION))


@pytest.mark.parametrize("cloud", sorted(CLOUDS))
def test_every_cloud_has_its_own_addresses_and_audiences(cloud):
    access, where = AzureAccess({}), target(cloud=cloud)
    for api in ("graph", "arm", "loganalytics", "manage", "storage"):
        if cloud == "china" and api == "manage":
            with pytest.raises(Stop) as stopped:
                access.root(where, api)
            assert stopped.value.status is UnitStatus.NOT_CONFIGURED
            continue
        assert access.root(where, api).startswith("https://")
        assert not access.root(where, api).endswith("/")
        assert access.scope(where, api).endswith("/.default")
        assert (access.root(where, api) == access.root(target(), api)) == (
            cloud in {"public", "usgcc"} and (cloud, api) != ("usgcc", "manage")
        )


def test_an_address_of_the_inventory_keeps_the_audience_of_its_cloud():
    where = target(cloud="usgov", **{"endpoint.arm": "https://arm.internal"})
    assert AzureAccess({}).root(where, "arm") == "https://arm.internal"
    assert AzureAccess({}).scope(where, "arm") == "https://management.usgovcloudapi.net/.default"


def test_an_unknown_cloud_is_refused():
    with pytest.raises(UsageError, match="unknown cloud `moon`"):
        AzureAccess({}).root(target(cloud="moon"), "arm")


def test_without_a_secret_the_default_chain_is_used():
    assert type(AzureAccess({}).credential(target(TENANT))).__name__ == "DefaultAzureCredential"
    named = {"AZURE_CLIENT_ID": "c", "AZURE_CLIENT_SECRET": "s"}
    assert type(AzureAccess(named).credential(target(TENANT))).__name__ == "ClientSecretCredential"


def test_a_tenant_that_cannot_be_one_is_no_credential():
    with pytest.raises(AccessError, match="no Azure credentials"):
        AzureAccess({"AZURE_CLIENT_ID": "c", "AZURE_CLIENT_SECRET": "s"}).credential(target("two words/.."))


def test_a_session_tries_nothing_again_and_keeps_no_cookies(kiosk, lab):
    assert AzureAccess({}).session(target()).get_adapter("https://x").max_retries.total == 0
    real, cookies = kiosk.graph.answer, []

    def answer(asked):
        cookies.append(asked.headers.get("cookie"))
        reply = real(asked)
        return replace(reply, headers={**reply.headers, "Set-Cookie": "who=everybody; Path=/"})

    kiosk.graph.answer = answer
    collect(lab, kiosk, "entra.conditional_access")
    assert cookies == [None, None, None]


@pytest.mark.usefixtures("swept")
@pytest.mark.parametrize("token", ["", "a.b", "a.!!!.c", "a.bnVsbA.c", "a.W10.c", f"a.{'W1tb' * 30_000}.c"])
def test_a_token_that_cannot_be_read_names_nobody(token):
    assert claimed_caller(token) == ""


def test_other_access_is_refused():
    with pytest.raises(UsageError):
        as_access(None)
