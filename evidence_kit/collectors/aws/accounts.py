"""The accounts of an organisation as targets: what its management account lists, each with a role to assume."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from evidence_kit.collectors.aws.access import AwsAccess, home_region
from evidence_kit.collectors.aws.calltree import partition_of
from evidence_kit.collectors.aws.paging import pages
from evidence_kit.model.ports import Context
from evidence_kit.model.unit import Target

OPERATIONS = ("organizations:ListAccounts",)  # of the inventory, of no source
_KEPT = ("profile", "partition", "sessionPolicies")


@dataclass(frozen=True, slots=True)
class Member:
    """One account of an organisation. One that is suspended or being closed can no longer be asked."""

    target: Target
    state: str


def members(management: Target, access: AwsAccess, ctx: Context) -> Iterator[Member]:
    """Yield every other account of the organisation that `management` lists."""
    wire = access.wire(management, "organizations", home_region(management), ctx)
    for answer, _ in pages(wire, ctx, "ListAccounts", {}, result="Accounts"):
        ctx.record(answer.exchange)
        for account in answer.parsed["Accounts"]:
            if str(account["Id"]) != management.id:
                state = str(account.get("State") or account.get("Status") or "")
                yield Member(_target(management, str(account["Id"]), str(account.get("Name", ""))), state)


def with_members(
    targets: Sequence[Target], access: AwsAccess, ctx: Context
) -> tuple[tuple[Target, ...], tuple[Member, ...]]:
    """Return the targets with the members of those that name a `memberRole`, and the members that cannot be asked."""
    found = {target.id: target for target in targets}
    closed: list[Member] = []
    for target in targets:
        if "memberRole" not in target.access:
            continue
        for member in members(target, access, ctx):
            if member.state != "ACTIVE":
                closed.append(member)
            else:
                found.setdefault(member.target.id, member.target)
    return tuple(found.values()), tuple(closed)


def _target(management: Target, account: str, name: str) -> Target:
    partition = partition_of(home_region(management))
    kept = {field: management.access[field] for field in _KEPT if field in management.access}
    role = f"arn:{partition}:iam::{account}:role/{management.access['memberRole']}"
    external = management.access.get("memberExternalId", "")
    return Target(
        provider="aws",
        id=account,
        name=name,
        regions=management.regions,
        access={**kept, "role": role, **({"externalId": external} if external else {})},
    )
