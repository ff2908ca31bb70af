"""The least that a provider must grant for a set of sources, in the form in which it is granted."""

from collections.abc import Iterable, Mapping

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


def documents(specs: Iterable[SourceSpec]) -> Mapping[str, Mapping[str, object]]:
    """Return what to grant by kind: `aws`, `gcp`, `azure`, `graph`, `office365`, or the provider's own name."""
    made: dict[str, Mapping[str, object]] = {}
    for provider, permissions in wanted(specs).items():
        if provider == "aws":
            made["aws"] = aws_policy(permissions)
        elif provider == "gcp":
            made["gcp"] = gcp_role(permissions)
        elif provider == "azure":
            made |= _microsoft(permissions)
        else:
            made[provider] = {"permissions": list(permissions)}
    return made


def aws_policy(permissions: Iterable[str]) -> Mapping[str, object]:
    """Return an IAM policy document."""
    statement = {"Sid": "EvidenceKit", "Effect": "Allow", "Action": list(permissions), "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [statement]}


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
