"""`playbook list`, `plan` and `sources permissions --playbook`: what there is and what it takes, asking nobody."""

import json

import pytest

from evidence_kit.playbook.library import Library, shipped_folder

INVENTORY = """apiVersion: evidence-kit/inventory.v1
kind: Inventory
targets:
  - {name: shop, provider: aws, id: "111122223333", regions: [us-east-1, eu-west-1], jurisdiction: {data: [EU, US]}}
"""
NAMES = sorted(path.stem for path in shipped_folder().glob("*.yaml"))


@pytest.fixture
def inventory(tmp_path):
    path = tmp_path / "inventory.yaml"
    path.write_text(INVENTORY)
    return str(path)


def test_the_playbooks_of_the_kit_are_listed(run):
    told = run("playbook", "list", "--json")
    assert [one["name"] for one in json.loads(told.out)] == sorted(Library().files)
    assert {one["name"] for one in json.loads(told.out)} >= set(NAMES)


def test_a_plan_says_what_it_takes_and_asks_nobody(run, inventory, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("somebody was asked")

    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setattr("socket.getaddrinfo", refuse)
    said = ("playbook", "plan", "aws-credential-compromise", "--inventory", inventory)
    key = ("--set", "access_key_id=AKIAEXAMPLECIDEPLOY1")
    told = run(*said, *key)
    assert told.code == 0
    for line in ("wave 1", "WAITS FOR PRIVACY OFFICER", "WAITS FOR INCIDENT COMMANDER", "data in   EU, US", "digest"):
        assert line in told.out
    assert run("playbook", "run", *said[2:], *key, "--plan").out.splitlines()[:-1] == told.out.splitlines()[:-1]
    plan = json.loads(run(*said, *key, "--json").out)
    assert [step["name"] for step in plan["steps"] if step["wave"] == 1] == [
        "trail_state", "identities", "activity", "findings",
    ]  # fmt: skip
    assert "cloudtrail:LookupEvents" in plan["permissions"]["aws"]
    assert plan["people"] == ["incident commander", "privacy officer"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((), "needs `access_key_id`"),
        (("--set", "access_key_id=x"), "is not of its form"),
        (("--set", "acces_key_id=x"), "has no input `acces_key_id`"),
        (("--set", "access_key_id=AKIAEXAMPLECIDEPLOY1", "--set", "window=soon"), "is not of type `window`"),
    ],
)
def test_inputs_are_judged_before_anything_is_planned(run, inventory, given, said):
    told = run("playbook", "plan", "aws-credential-compromise", "--inventory", inventory, *given)
    assert (told.code, said in told.err) == (2, True)


def test_the_least_that_a_playbook_needs_can_be_granted(run):
    told = run("sources", "permissions", "--playbook", "aws-credential-compromise")
    actions = {action for statement in json.loads(told.out)["aws"]["Statement"] for action in statement["Action"]}
    assert {"cloudtrail:LookupEvents", "guardduty:GetFindings", "s3:GetObject"} <= actions
    assert not [action for action in actions if action.startswith(("sagemaker:", "bedrock:"))]


def test_an_unknown_playbook_gets_the_nearest_name(run):
    told = run("playbook", "show", "aws-credential-compromize")
    assert (told.code, "did you mean `aws-credential-compromise`?" in told.err) == (2, True)
