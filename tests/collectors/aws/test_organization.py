"""What belongs to an organisation is asked for once: at its management account, or at a delegated administrator."""

import threading
from dataclasses import replace

import pytest
from support.amazon import every_source, hurried, serving
from support.lab import END, LATER

from evidence_kit.acquire.context import UnitContext, World
from evidence_kit.acquire.observer import Silent
from evidence_kit.acquire.pacing import Pacer
from evidence_kit.acquire.plan import make_plan
from evidence_kit.acquire.scope import Order
from evidence_kit.collectors.aws.access import AwsAccess, home_region
from evidence_kit.collectors.aws.fanout import regions_of
from evidence_kit.collectors.registry import build
from evidence_kit.model.source import Limit
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window
from evidence_kit.model.unit import Scope, Target, Unit
from evidence_kit.sandbox.amazon.fixture import read_estate

NAME = "aws.organizations.accounts"
MANAGEMENT, MEMBER, SECURITY = "111122223333", "444455556666", "777788889999"
ORGANISATION = {"Id": "o-exampleorgid", "MasterAccountId": MANAGEMENT}
DESCRIBED = {"operation": "DescribeOrganization", "pages": [{"Organization": ORGANISATION}]}
NOT_YOU = {"code": "AccessDeniedException", "message": "You don't have permissions to access this resource."}


def target(account):
    access = {} if account == MANAGEMENT else {"role": f"arn:aws:iam::{account}:role/reader"}
    return Target(provider="aws", id=account, access=access)


def delegated(*accounts):
    members = [{"Id": account} for account in accounts]
    return {
        "operation": "ListDelegatedAdministrators",
        "pages": [{"DelegatedAdministrators": members}],
        "one_page": "one",
    }


@pytest.fixture
def plan(monkeypatch):
    def made(*targets, replies):
        spec = hurried(every_source()[NAME])
        estate = read_estate({"replies": replies}, default="organizations")
        world = World(
            now=lambda: LATER, secret=str, pacer=Pacer(), observer=Silent(), stop=threading.Event(), backoff=0
        )
        order = Order(sources=(NAME,), targets=targets, window=Window(END.replace(hour=0), END), params={})
        with serving(estate, monkeypatch):
            return make_plan(order, build({NAME: spec}), world).units

    return made


def test_only_the_management_account_is_asked(plan):
    replies = [DESCRIBED, {"operation": "ListDelegatedAdministrators", "account": MEMBER, "error": NOT_YOU}]
    units = plan(target(MEMBER), target(MANAGEMENT), replies=replies)
    assert [(unit.target.id, unit.settled) for unit in units] == [(MANAGEMENT, None)]


def test_a_delegated_administrator_may_speak_for_the_organisation(plan):
    units = plan(target(SECURITY), target(MEMBER), replies=[DESCRIBED, delegated(SECURITY)])
    assert [(unit.target.id, unit.settled) for unit in units] == [(SECURITY, None)]


def test_two_that_may_speak_for_one_organisation_are_not_both_asked(plan):
    units = plan(target(MANAGEMENT), target(SECURITY), replies=[DESCRIBED, delegated(SECURITY)])
    assert [(unit.target.id, unit.settled) for unit in units] == [(MANAGEMENT, None)]


def test_one_organisation_does_not_speak_for_another(plan):
    other = {"Id": "o-otherorgid1", "MasterAccountId": "999988887777"}
    replies = [
        {"operation": "DescribeOrganization", "account": MEMBER, "pages": [{"Organization": other}]},
        DESCRIBED,
        {"operation": "ListDelegatedAdministrators", "account": MEMBER, "error": NOT_YOU},
    ]
    units = plan(target(MANAGEMENT), target(MEMBER), replies=replies)
    assert [(unit.target.id, unit.settled and unit.settled[0]) for unit in units] == [
        (MANAGEMENT, None),
        (MEMBER, UnitStatus.OUT_OF_SCOPE),
    ]


def test_where_nobody_may_speak_for_it_that_is_said(plan):
    replies = [DESCRIBED, {"operation": "ListDelegatedAdministrators", "error": NOT_YOU}]
    (unit,) = plan(target(MEMBER), replies=replies)
    assert unit.settled[0] is UnitStatus.OUT_OF_SCOPE
    assert MANAGEMENT in unit.settled[1]


def test_an_account_of_no_organisation_has_none(plan):
    error = {
        "code": "AWSOrganizationsNotInUseException",
        "message": "Your account is not a member of an organization.",
    }
    (unit,) = plan(target(MANAGEMENT), replies=[{"operation": "DescribeOrganization", "error": error}])
    assert unit.settled[0] is UnitStatus.NOT_CONFIGURED


@pytest.mark.parametrize(
    ("access", "home"),
    [
        ({}, "us-east-1"),
        ({"partition": "aws-cn"}, "cn-north-1"),
        ({"role": "arn:aws-us-gov:iam::111122223333:role/reader"}, "us-gov-west-1"),
        ({"role": "arn:aws:iam::111122223333:role/reader"}, "us-east-1"),
    ],
)
def test_each_partition_has_a_region_for_what_belongs_to_the_account(access, home):
    assert home_region(Target(provider="aws", id=MANAGEMENT, access=access)) == home


def test_session_policies_go_along_when_a_role_is_assumed(monkeypatch):
    arns = "arn:aws:iam::aws:policy/SecurityAudit arn:aws:iam::aws:policy/job-function/ViewOnlyAccess"
    wanted = {"PolicyArns": [{"arn": arn} for arn in arns.split()], "ExternalId": "ek-1"}
    who = replace(target(MEMBER), access={**target(MEMBER).access, "sessionPolicies": arns, "externalId": "ek-1"})
    world = World(now=lambda: LATER, secret=str, pacer=Pacer(), observer=Silent(), stop=threading.Event())
    ctx = UnitContext(world=world, limit=Limit(rps=99), unit=Unit(source="x", target=who), record=lambda _: None)
    with serving(read_estate({"replies": []}, default="sts"), monkeypatch) as amazon:
        assert MEMBER in AwsAccess().caller(who, ctx)
        (assumed,) = [one.params for one in amazon.heard if one.operation == "AssumeRole"]
    assert assumed["PolicyArns"] == wanted["PolicyArns"]
    assert assumed["ExternalId"] == "ek-1"


@pytest.mark.slow
def test_regions_are_asked_of_account_management_where_ec2_refuses(monkeypatch):
    replies = [
        {
            "operation": "DescribeRegions",
            "service": "ec2",
            "error": {"code": "UnauthorizedOperation", "message": "no"},
        },
        {
            "operation": "ListRegions",
            "service": "account",
            "pages": [
                {"Regions": [{"RegionName": "us-east-1", "RegionOptStatus": "ENABLED_BY_DEFAULT"}]},
                {"Regions": [{"RegionName": "me-south-1", "RegionOptStatus": "DISABLED"}]},
            ],
        },
    ]
    who = target(MANAGEMENT)
    world = World(now=lambda: LATER, secret=str, pacer=Pacer(), observer=Silent(), stop=threading.Event())
    ctx = UnitContext(world=world, limit=Limit(rps=99), unit=Unit(source="x", target=who), record=lambda _: None)
    with serving(read_estate({"replies": replies}, default="account"), monkeypatch):
        scope = Scope(window=Window(END.replace(hour=0), END), target=who)
        assert list(regions_of(scope, AwsAccess(), ctx)) == [("us-east-1", True), ("me-south-1", False)]
