"""What Microsoft says that we may do: Resource Manager lists our actions, a token names its application permissions.

A token's claims prove nothing to whom did not check its signature; they are good enough for a forecast.
"""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from urllib.parse import quote

from evidence_kit.collectors.azure.access import AzureAccess, as_access
from evidence_kit.collectors.azure.speaker import claimed_caller, held_by
from evidence_kit.collectors.web.wire import Ask
from evidence_kit.model.exchange import Retryable, Stop
from evidence_kit.model.grants import Grants
from evidence_kit.model.ports import Context
from evidence_kit.model.unit import Target

_FEED = "ActivityFeed."
_PAGES = 100  # far more than the assignments of one caller
_BROADER = {".Read.All": ".ReadWrite.All", ".Read": ".ReadWrite"}


def ask(access: object, target: Target, permissions: Sequence[str], ctx: Context) -> Grants:
    """Return what neither our role assignments nor our tokens hold."""
    azure = as_access(access)
    actions = [permission for permission in permissions if "/" in permission]
    feed = [permission for permission in permissions if permission.startswith(_FEED)]
    graph = [permission for permission in permissions if permission not in {*actions, *feed}]
    found = [
        part
        for part in (
            _actions(azure, target, actions, ctx) if actions else None,
            _claims(azure, target, "graph", graph, ctx) if graph else None,
            _claims(azure, target, "manage", feed, ctx) if feed else None,
        )
        if part
    ]
    return Grants(
        caller=next((part.caller for part in found if part.caller), ""),
        missing={name: why for part in found for name, why in part.missing.items()},
        unknown={name: why for part in found for name, why in part.unknown.items()},
    )


def _actions(access: AzureAccess, target: Target, actions: Sequence[str], ctx: Context) -> Grants:
    """Ask for all that our role assignments on the subscription let us do."""
    subscription = access.values(target).get("subscription", "")
    if not subscription:
        return Grants.untold(actions, "the target names no subscription on which to ask")
    path = f"/subscriptions/{quote(subscription, safe='')}/providers/Microsoft.Authorization/permissions"
    url = f"{access.root(target, 'arm')}{path}?api-version=2022-04-01"
    held: list[Mapping[str, object]] = []
    try:
        for _ in range(_PAGES):
            answer = access.wire(target, "arm", ctx, "ListPermissions").call(
                ctx, Ask(operation="ListPermissions", url=url), result="value"
            )
            ctx.record(answer.exchange)
            held += [one for one in answer.parsed["value"] if isinstance(one, Mapping)]
            following = str(answer.parsed.get("nextLink") or "")
            if not following.startswith(f"{access.root(target, 'arm')}/"):
                break
            url = following
    except Stop as stop:
        return Grants.untold(actions, f"our role assignments cannot be read: {stop.reason}")
    why = "no role of ours on the subscription holds it"
    return Grants(missing={action: why for action in actions if not any(_allows(one, action) for one in held)})


def _allows(held: Mapping[str, object], action: str) -> bool:
    """Say whether one role holds an action; leave to manage an account is no leave to read what is in it."""
    yes, no = ("dataActions", "notDataActions") if "/blobs/" in action.lower() else ("actions", "notActions")
    return _matches(held.get(yes), action) and not _matches(held.get(no), action)


def _matches(patterns: object, action: str) -> bool:
    """Say whether one of the patterns, in which `*` stands for anything, is the action's; letter case is ignored."""
    listed = patterns if isinstance(patterns, list) else []
    # A pattern may have many stars: `fnmatch`, unlike `.*` again and again, is not slowed down by them.
    plain = (str(one).lower().replace("[", "[[]").replace("?", "[?]") for one in listed)
    return any(fnmatchcase(action.lower(), one) for one in plain)


def _claims(access: AzureAccess, target: Target, api: str, wanted: Sequence[str], ctx: Context) -> Grants:
    """Read what the token for `api` says of itself: an application's roles, or a person's scopes."""
    try:
        token = access.token(target, api, ctx)[0]
    except (Retryable, Stop) as failure:
        return Grants.untold(wanted, str(failure))
    held = held_by(token)
    if not held:
        return Grants.untold(wanted, "the token does not say what it is good for", caller=claimed_caller(token))
    why = f"the token for {api} does not hold it"
    return Grants(
        caller=claimed_caller(token),
        missing={name: why for name in wanted if not held.intersection({name, _broader(name)})},
    )


def _broader(permission: str) -> str:
    """Return the permission that includes `permission`: who may write may read."""
    for end, more in _BROADER.items():
        if permission.endswith(end):
            return permission.removesuffix(end) + more
    return permission
