"""`sources check`, and what `collect` says before it begins: who we are, what may be had, what will be missing."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from support.lab import DATA, SHOP

from evidence_kit.model.time import rfc3339


@pytest.fixture
def asked(cloud, tmp_path, monkeypatch):
    """The arguments that name the sandbox's accounts and window; it denies again what it denied before."""
    for name, value in cloud.environ.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "inventory.yaml").write_text(cloud.inventory)
    span = ("--since", rfc3339(cloud.window.start), "--until", rfc3339(cloud.window.end))
    yield ("--inventory", str(tmp_path / "inventory.yaml"), *span)
    cloud.simulator.forbidden.clear()


SOURCES = ("aws.cloudtrail.lookup", "aws.iam.account")


def test_where_all_is_granted_all_will_be_complete(run, asked):
    told = run("sources", "check", *SOURCES, *asked)
    assert told.code == 0, told.err
    assert told.out.count("complete") == 4
    assert "assumed-role/ir-readonly" in told.out
    assert "4 complete" in told.err


@pytest.mark.slow
def test_a_missing_permission_is_named_before_anything_is_taken(run, asked, cloud):
    cloud.simulator.forbidden[DATA] = {"cloudtrail:LookupEvents": "implicitDeny"}
    told = run("sources", "check", *SOURCES, *asked, "--json")
    assert told.code == 3
    shop, data = json.loads(told.out)
    assert {one["verdict"] for one in shop["sources"]} == {"complete"}
    found = {one["name"]: (one["verdict"], one["reasons"]) for one in data["sources"]}
    assert found == {
        "aws.cloudtrail.lookup": ("partial", ["lacks cloudtrail:LookupEvents (no policy allows it)"]),
        "aws.iam.account": ("complete", []),
    }


def test_what_the_provider_no_longer_keeps_is_said(run, asked, cloud):
    since = rfc3339(cloud.window.start - timedelta(days=400))
    told = run("sources", "check", "aws.cloudtrail.lookup", *asked, "--since", since)
    assert told.code == 3
    assert "older than 90 days" in told.out


@pytest.mark.slow
def test_collect_says_it_first_and_takes_the_rest(run, opened, asked, cloud):
    cloud.simulator.forbidden[DATA] = {"iam:ListAccessKeys": "explicitDeny"}
    told = run("collect", "aws.iam.account", "--case", opened, *asked)
    assert told.code == 0, told.err
    lines = told.err.splitlines()
    said = [line for line in lines if line.startswith("preflight")]
    assert len(said) == 1
    assert "aws.iam.account" in said[0]
    assert "lacks iam:ListAccessKeys (a policy denies it)" in said[0]
    assert lines.index(said[0]) < next(n for n, line in enumerate(lines) if line.startswith("sealed"))
    ledger = "".join(path.read_text() for path in Path(opened).glob("bags/*/record/exchanges.jsonl"))
    assert "SimulatePrincipalPolicy" in ledger


def test_a_check_can_be_left_out(run, opened, asked, cloud):
    before = len(cloud.door.sent)
    assert run("collect", "aws.iam.account", "--case", opened, *asked, "--no-preflight").code == 0
    assert "SimulatePrincipalPolicy" not in {one.operation for one in cloud.door.sent[before:]}


@pytest.mark.slow
def test_a_plan_prints_the_forecast(run, asked, cloud):
    cloud.simulator.forbidden[SHOP] = {"iam:ListAccessKeys": "implicitDeny"}
    told = run("collect", "aws.iam.account", "--plan", *asked)
    assert told.code == 0
    assert "lacks iam:ListAccessKeys" in told.out
    found = json.loads(run("collect", "aws.iam.account", "--plan", "--json", *asked).out)["preflight"]
    assert found[0]["sources"][0]["verdict"] == "partial"


def test_a_check_of_nothing_is_usage(run):
    told = run("sources", "check")
    assert told.code == 2
    assert "which sources?" in told.err
