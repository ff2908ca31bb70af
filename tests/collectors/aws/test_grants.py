"""What IAM's simulator says becomes what a check says; without an answer nothing is claimed."""

import json
import threading
from datetime import UTC, datetime

import pytest
from support.script import IDENTITY, Line, refused

from evidence_kit.acquire.context import UnitContext, World
from evidence_kit.acquire.observer import Silent
from evidence_kit.acquire.pacing import Pacer
from evidence_kit.collectors.aws.access import AwsAccess
from evidence_kit.collectors.aws.accounts import with_members
from evidence_kit.collectors.aws.grants import ask
from evidence_kit.model.source import Limit
from evidence_kit.model.unit import Target, Unit

ACCOUNT = "111122223333"
TARGET = Target(provider="aws", id=ACCOUNT)


def who(arn):
    body = IDENTITY.format(ACCOUNT).replace("<Account>", f"<Arn>{arn}</Arn><Account>")
    return [Line(body.encode())]


def judged(*results, marker=""):
    more = (
        f"<IsTruncated>true</IsTruncated><Marker>{marker}</Marker>" if marker else "<IsTruncated>false</IsTruncated>"
    )
    members = "".join(
        f"<member><EvalActionName>{name}</EvalActionName><EvalDecision>{decision}</EvalDecision>{detail}</member>"
        for name, decision, detail in results
    )
    return Line(
        f"<SimulatePrincipalPolicyResponse><SimulatePrincipalPolicyResult><EvaluationResults>{members}"
        f"</EvaluationResults>{more}</SimulatePrincipalPolicyResult></SimulatePrincipalPolicyResponse>".encode()
    )


def no(code, operation):
    body = f"<ErrorResponse><Error><Code>{code}</Code><Message>not allowed</Message></Error></ErrorResponse>"
    return Line(body.encode(), 403)


@pytest.fixture
def ctx():
    world = World(
        now=lambda: datetime.now(UTC), secret=str, pacer=Pacer(), observer=Silent(), stop=threading.Event(), backoff=0
    )
    seen = []
    made = UnitContext(
        world=world, limit=Limit(rps=1000, burst=100), unit=Unit(source="x", target=TARGET), record=seen.append
    )
    made.seen = seen
    return made


ORGANISATION = (
    "<OrganizationsDecisionDetail><AllowedByOrganizations>false"
    "</AllowedByOrganizations></OrganizationsDecisionDetail>"
)
BOUNDARY = (
    "<PermissionsBoundaryDecisionDetail><AllowedByPermissionsBoundary>false</AllowedByPermissionsBoundary>"
    "</PermissionsBoundaryDecisionDetail>"
)


def test_each_kind_of_denial_is_told_apart(play, ctx):
    play(
        GetCallerIdentity=who(f"arn:aws:iam::{ACCOUNT}:user/ana"),
        SimulatePrincipalPolicy=[
            judged(("a:Yes", "allowed", ""), ("a:No", "implicitDeny", ""), marker="m"),
            judged(
                ("a:Deny", "explicitDeny", ""),
                ("a:Scp", "implicitDeny", ORGANISATION),
                ("a:Pb", "implicitDeny", BOUNDARY),
            ),
        ],
    )
    found = ask(AwsAccess(), TARGET, ["a:Yes", "a:No", "a:Deny", "a:Scp", "a:Pb"], ctx)
    assert found.missing == {
        "a:No": "no policy allows it",
        "a:Deny": "a policy denies it",
        "a:Scp": "a service control policy denies it",
        "a:Pb": "the permissions boundary does not allow it",
    }
    assert found.caller.endswith("user/ana")
    assert [one.request.operation for one in ctx.seen].count("SimulatePrincipalPolicy") == 2


def test_of_a_session_the_role_is_asked_for_with_its_path(play, ctx):
    role = f"arn:aws:iam::{ACCOUNT}:role/teams/ir/reader"
    body = (
        "<GetRoleResponse><GetRoleResult><Role><Path>/teams/ir/</Path><RoleName>reader</RoleName><RoleId>AROA</RoleId>"
        f"<Arn>{role}</Arn><CreateDate>2026-01-01T00:00:00Z</CreateDate></Role></GetRoleResult></GetRoleResponse>"
    )
    script = play(
        GetCallerIdentity=who(f"arn:aws:sts::{ACCOUNT}:assumed-role/reader/ek"),
        GetRole=[Line(body.encode())],
        SimulatePrincipalPolicy=[judged(("a:Yes", "allowed", ""))],
    )
    assert not ask(AwsAccess(), TARGET, ["a:Yes"], ctx).missing
    assert script.heard["SimulatePrincipalPolicy"][0]["PolicySourceArn"] == role


def test_a_role_that_may_not_be_read_is_asked_for_by_its_name(play, ctx):
    script = play(
        GetCallerIdentity=who(f"arn:aws:sts::{ACCOUNT}:assumed-role/reader/ek"),
        GetRole=[no("AccessDenied", "GetRole")],
        SimulatePrincipalPolicy=[judged(("a:Yes", "allowed", ""))],
    )
    ask(AwsAccess(), TARGET, ["a:Yes"], ctx)
    assert script.heard["SimulatePrincipalPolicy"][0]["PolicySourceArn"] == f"arn:aws:iam::{ACCOUNT}:role/reader"


def test_without_leave_to_simulate_nothing_is_known(play, ctx):
    play(
        GetCallerIdentity=who(f"arn:aws:iam::{ACCOUNT}:user/ana"),
        SimulatePrincipalPolicy=[no("AccessDenied", "SimulatePrincipalPolicy")],
    )
    found = ask(AwsAccess(), TARGET, ["a:X"], ctx)
    assert not found.missing
    assert "AccessDenied" in found.unknown["a:X"]


def test_the_root_user_is_not_simulated(play, ctx):
    script = play(GetCallerIdentity=who(f"arn:aws:iam::{ACCOUNT}:root"))
    assert not ask(AwsAccess(), TARGET, ["a:X"], ctx).missing
    assert not script.heard["SimulatePrincipalPolicy"]


def test_the_accounts_of_an_organisation_become_targets_with_the_role_to_assume(play, ctx):
    listed = [
        {"Id": ACCOUNT, "Name": "management", "Status": "ACTIVE"},
        {"Id": "444455556666", "Name": "data", "Status": "ACTIVE"},
        {"Id": "777788889999", "Name": "old", "Status": "SUSPENDED"},
    ]
    play(
        GetCallerIdentity=who(f"arn:aws-us-gov:iam::{ACCOUNT}:user/ana"),
        ListAccounts=[
            Line(json.dumps({"Accounts": listed[:1], "NextToken": "t"}).encode()),
            Line(json.dumps({"Accounts": listed[1:]}).encode()),
        ],
    )
    access = {"memberRole": "ir/reader", "memberExternalId": "ek-1"}
    own = Target(provider="aws", id=ACCOUNT, regions=("us-gov-west-1",), access=access)
    targets, closed = with_members([own], AwsAccess(), ctx)
    assert [(one.id, one.name) for one in targets] == [(ACCOUNT, ""), ("444455556666", "data")]
    assert targets[1].access == {
        "role": "arn:aws-us-gov:iam::444455556666:role/ir/reader",
        "externalId": "ek-1",
    }
    assert [(one.target.name, one.state) for one in closed] == [("old", "SUSPENDED")]


def test_an_account_that_the_inventory_names_itself_is_kept_as_it_says(play, ctx):
    play(
        GetCallerIdentity=who(f"arn:aws:iam::{ACCOUNT}:user/ana"),
        ListAccounts=[Line(json.dumps({"Accounts": [{"Id": "444455556666", "Status": "ACTIVE"}]}).encode())],
    )
    own = Target(provider="aws", id=ACCOUNT, access={"memberRole": "reader"})
    special = Target(
        provider="aws", id="444455556666", name="data", access={"role": "arn:aws:iam::444455556666:role/other"}
    )
    assert with_members([own, special], AwsAccess(), ctx)[0] == (own, special)


def test_refused_by_the_simulator_is_said_in_one_line(play, ctx):
    play(
        GetCallerIdentity=who(f"arn:aws:iam::{ACCOUNT}:user/ana"), SimulatePrincipalPolicy=[refused("X", status=500)]
    )
    assert "\n" not in ask(AwsAccess(), TARGET, ["a:X"], ctx).unknown["a:X"]
