"""What AWS says that we may do: IAM's own simulator, asked about the caller's policies and what limits them.

The simulator knows identity policies, permissions boundaries and service control policies. It does not know session
policies, resource policies or VPC endpoint policies.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from evidence_kit.collectors.aws.access import as_access, home_region
from evidence_kit.collectors.aws.paging import pages
from evidence_kit.collectors.aws.wire import AwsWire
from evidence_kit.model.exchange import Stop
from evidence_kit.model.grants import Grants
from evidence_kit.model.ports import Context
from evidence_kit.model.unit import Target

OPERATIONS = ("iam:GetRole", "iam:SimulatePrincipalPolicy")  # of `sources check`, of no source
_BATCH = 100
_SAID = 200
_ASSUMED = re.compile(r"arn:(?P<partition>aws[a-z-]*):sts::(?P<account>\d{12}):assumed-role/(?P<role>[^/]+)/.+")


def ask(access: object, target: Target, permissions: Sequence[str], ctx: Context) -> Grants:
    """Return what the simulator says of each permission; without leave to ask it, nothing is known."""
    aws = as_access(access)
    caller = aws.caller(target, ctx)
    if caller.endswith(":root"):
        return Grants(
            caller=caller
        )  # the root user is limited by service control policies only; none can be asked for
    wire = aws.wire(target, "iam", home_region(target), ctx)
    try:
        principal = _principal(wire, caller, ctx)
        missing: dict[str, str] = {}
        for at in range(0, len(permissions), _BATCH):
            missing |= _denied(wire, principal, permissions[at : at + _BATCH], ctx)
    except Stop as stop:
        why = " ".join(stop.reason.split())[:_SAID]  # a proxy's error page has many lines
        return Grants.untold(permissions, f"IAM's simulator does not answer: {why}", caller=caller)
    return Grants(caller=caller, missing=missing)


def _principal(wire: AwsWire, caller: str, ctx: Context) -> str:
    """Return the ARN that has policies: of a session it is the role, whose path only IAM knows."""
    session = _ASSUMED.fullmatch(caller)
    if session is None:
        return caller
    try:
        answer = wire.call(ctx, "GetRole", {"RoleName": session["role"]}, result="Role")
    except Stop:
        return f"arn:{session['partition']}:iam::{session['account']}:role/{session['role']}"
    ctx.record(answer.exchange)
    return str(answer.parsed["Role"]["Arn"])


def _denied(wire: AwsWire, principal: str, actions: Sequence[str], ctx: Context) -> dict[str, str]:
    asked = {"PolicySourceArn": principal, "ActionNames": list(actions)}
    missing: dict[str, str] = {}
    for answer, _ in pages(wire, ctx, "SimulatePrincipalPolicy", asked, result="EvaluationResults"):
        ctx.record(answer.exchange)
        for one in answer.parsed["EvaluationResults"]:
            if one["EvalDecision"] != "allowed":
                missing[str(one["EvalActionName"])] = _why(one)
    return missing


def _why(result: Mapping[str, Any]) -> str:
    if not result.get("OrganizationsDecisionDetail", {}).get("AllowedByOrganizations", True):
        return "a service control policy denies it"
    if not result.get("PermissionsBoundaryDecisionDetail", {}).get("AllowedByPermissionsBoundary", True):
        return "the permissions boundary does not allow it"
    return "a policy denies it" if result["EvalDecision"] == "explicitDeny" else "no policy allows it"
