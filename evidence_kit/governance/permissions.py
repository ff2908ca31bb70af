"""The least that a provider must grant for a set of sources, in the form in which it is granted."""

from collections.abc import Iterable, Mapping, Sequence

from evidence_kit.governance.aws_policies import aws_policies
from evidence_kit.model.source import SourceSpec

# Microsoft grants in three ways: actions of a role in Azure, application permissions of Graph, and those of its older
# Office 365 Management API.
_FEED = "ActivityFeed."


def wanted(specs: Iterable[SourceSpec]) -> Mapping[str, tuple[str, ...]]:
    """Return the permissions of all `specs` by provider, sorted, each once."""
    found: dict[str, set[str]] = {}
    for spec in specs:
        found.setdefault(spec.provider, set()).update(spec.permissions)
    return {provider: tuple(sorted(said)) for provider, said in sorted(found.items())}


def documents(specs: Iterable[SourceSpec], *, buckets: Sequence[str] = ()) -> Mapping[str, Mapping[str, object]]:
    """Return what to grant by kind: `aws`, `gcp`, `azure`, `graph`, `office365`, or the provider's own name.

    What does not fit into one policy of AWS comes as `aws-1`, `aws-2` and so on; all of them are needed.
    """
    chosen = list(specs)
    made: dict[str, Mapping[str, object]] = {}
    for provider, permissions in wanted(chosen).items():
        if provider == "aws":
            policies = aws_policies([spec for spec in chosen if spec.provider == "aws"], buckets=buckets)
            made |= {f"aws-{at}" if len(policies) > 1 else "aws": one for at, one in enumerate(policies, 1)}
        elif provider == "gcp":
            made["gcp"] = gcp_role(permissions)
        elif provider == "azure":
            made |= _microsoft(permissions)
        else:
            made[provider] = {"permissions": list(permissions)}
    return made


def gcp_role(permissions: Iterable[str]) -> Mapping[str, object]:
    """Return a custom role as `gcloud iam roles create ROLE --file` reads it."""
    return {
        "title": "evidence-kit",
        "description": "Reads what the chosen sources collect",
        "stage": "GA",
        "includedPermissions": list(permissions),
    }


def azure_role(actions: Iterable[str]) -> Mapping[str, object]:
    """Return a custom role as `az role definition create --role-definition` reads it; the scope is the caller's."""
    listed = list(actions)
    return {
        "Name": "evidence-kit",
        "IsCustom": True,
        "Description": "Reads what the chosen sources collect",
        "Actions": [action for action in listed if not _is_data(action)],
        "DataActions": [action for action in listed if _is_data(action)],
        "AssignableScopes": ["/subscriptions/SUBSCRIPTION"],
    }


def _is_data(action: str) -> bool:
    """Say whether an action touches stored data: such actions are granted apart, and begin below a blob service."""
    return "/blobs/" in action.lower()


def _microsoft(permissions: Iterable[str]) -> Mapping[str, Mapping[str, object]]:
    actions = [permission for permission in permissions if "/" in permission]
    feed = [permission for permission in permissions if permission.startswith(_FEED)]
    graph = [permission for permission in permissions if "/" not in permission and permission not in feed]
    made: dict[str, Mapping[str, object]] = {}
    if actions:
        made["azure"] = azure_role(actions)
    if graph:
        made["graph"] = {"api": "Microsoft Graph", "applicationPermissions": graph}
    if feed:
        made["office365"] = {"api": "Office 365 Management APIs", "applicationPermissions": feed}
    return made
