"""What Google says that we may do: `testIamPermissions` on the project, which names those that are granted.

Permissions that belong to an organisation or a folder are no permissions of a project: Google refuses the whole
question over one of them, so the question is halved until what cannot be asked stands alone.
"""

from collections.abc import Sequence
from urllib.parse import quote

from evidence_kit.collectors.gcp.access import GcpAccess, as_access
from evidence_kit.collectors.web.wire import Ask
from evidence_kit.model.exchange import Stop
from evidence_kit.model.grants import Grants
from evidence_kit.model.ports import Context
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.unit import Target

_MOST = 100  # permissions that one question may name
_API = "cloudresourcemanager"
_WHY = "no role of ours on the project holds it"
_NOT_HERE = "Google does not test it on a project"


def ask(access: object, target: Target, permissions: Sequence[str], ctx: Context) -> Grants:
    """Return what is not granted on the target's project, and what a project cannot tell."""
    missing: dict[str, str] = {}
    unknown: dict[str, str] = {}
    as_access(access).wire(target, _API, ctx, "testIamPermissions")  # is it the project it is called?
    for at in range(0, len(permissions), _MOST):
        _test(as_access(access), target, permissions[at : at + _MOST], ctx, missing, unknown)
    return Grants(missing=missing, unknown=unknown)


def _test(
    access: GcpAccess,
    target: Target,
    permissions: Sequence[str],
    ctx: Context,
    missing: dict[str, str],
    unknown: dict[str, str],
) -> None:
    question = Ask(
        operation="testIamPermissions",
        url=f"{access.root(target, _API)}/v3/projects/{quote(target.id, safe='')}:testIamPermissions",
        method="POST",
        body={"permissions": list(permissions)},
    )
    try:
        granted = access.ask(target, _API, ctx, question).get("permissions")
    except Stop as stop:
        if stop.status is not UnitStatus.PARTIAL_ERROR:
            raise
        if len(permissions) == 1:
            unknown[permissions[0]] = _NOT_HERE
            return
        half = len(permissions) // 2
        _test(access, target, permissions[:half], ctx, missing, unknown)
        _test(access, target, permissions[half:], ctx, missing, unknown)
        return
    known = set(granted) if isinstance(granted, list) else set()
    missing.update({permission: _WHY for permission in permissions if permission not in known})
