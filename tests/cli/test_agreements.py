"""An agreement as a control: refused with the clause named, or set aside by two people on record."""

import json

import pytest

NAME = "alice@example.com"  # who has the case
ENTRY = """
    agreement:
      reference: DPA-2025-118
      evidence: [audit_logs]
      clause: Annex 2, 4.1
"""
SOURCE = "aws.iam.account"


@pytest.fixture
def bound(cloud, tmp_path, monkeypatch):
    """The sandbox's first account, under an agreement that allows audit logs only."""
    for name, value in cloud.environ.items():
        monkeypatch.setenv(name, value)
    text = (
        "apiVersion: evidence-kit/inventory.v1\nkind: Inventory\ntargets:\n"
        f'  - name: shop\n    provider: aws\n    id: "111122223333"{ENTRY}'
    )
    (tmp_path / "bound.yaml").write_text(text)
    return ("--inventory", str(tmp_path / "bound.yaml"))


@pytest.mark.parametrize("option", [(), ("--plan",)])
def test_what_the_agreement_does_not_allow_is_refused_with_its_clause(run, opened, bound, cloud, option):
    before = len(cloud.door.sent)
    told = run("collect", SOURCE, "--case", opened, *bound, *option)
    assert told.code == 2
    assert "DPA-2025-118" in told.err
    assert "audit_logs by Annex 2, 4.1" in told.err
    assert len(cloud.door.sent) == before


def test_nobody_sets_it_aside_alone(run, opened, bound):
    told = run("collect", SOURCE, "--case", opened, *bound, "--override", "urgent")
    assert told.code == 2
    assert "nobody else has approved" in told.err


@pytest.mark.slow
def test_with_an_approval_on_record_it_is_collected_and_every_report_says_so(run, opened, bound):
    assert run("keys", "new", "--name", "boss@example.com").code == 0
    why = "the supplier agreed by telephone"
    approved = run("custody", "approve", opened, "override", "--reason", why, "--key", "boss@example.com")
    assert approved.code == 0, approved.err
    mine = ("--key", NAME)
    told = run("collect", SOURCE, "--case", opened, *bound, "--override", why, *mine)
    assert told.code == 0, told.err
    log = run("custody", "log", opened).out
    assert "agreement.overridden" in log
    assert "boss@example.com" in log
    assert why in run("coverage", opened).out
    assert why in run("verify", opened).out
    assert why in run("custody", "log", opened, "--record").out

    again = run("collect", SOURCE, "--case", opened, *bound, "--override", why, *mine)
    assert again.code == 2, "an approval counts once"
    assert "nobody else has approved" in again.err


def test_a_policy_limits_the_window(run, opened, bound, tmp_path):
    policy = tmp_path / "policy.yaml"
    policy.write_text("apiVersion: evidence-kit/policy.v1\nkind: Policy\nname: group\nmaxWindow: P1D\n")
    told = run("collect", "aws.cloudtrail.lookup", "--case", opened, "--since", "3d", "--policy", policy)
    assert told.code == 2
    assert "(group, maxWindow)" in told.err


def test_a_check_names_what_is_refused_and_does_not_end_as_success(run, opened, bound):
    told = run("sources", "check", SOURCE, *bound, "--json")
    assert told.code == 3
    (shop,) = json.loads(told.out)
    assert [one["verdict"] for one in shop["sources"]] == ["complete"]
    assert len(shop["refused"]) == 1
    assert "DPA-2025-118" in shop["refused"][0]
    assert "refused     aws.iam.account" in run("sources", "check", SOURCE, *bound).out
