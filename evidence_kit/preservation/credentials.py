"""As whom an action acts: by credentials of its own, which the inventory names; never by those that only read."""

from collections.abc import Mapping
from dataclasses import replace

from evidence_kit.model.unit import Target

FIELD = "preserve"
SAME = "same"
# What says who we are, by provider: it is taken from `preserve` alone. All else of a target's access is about places.
IDENTITY: Mapping[str, tuple[str, ...]] = {
    "aws": ("role", "profile", "externalId", "sessionPolicies"),
    "gcp": ("credentials",),
    "azure": ("clientId",),
}
_WHO = frozenset({"role", "profile", "credentials", "clientId"})  # the others only go along with one of these
SECRET = "EVIDENCE_KIT_PRESERVE_CLIENT_SECRET"  # noqa: S105 - the name of a variable


def acting(target: Target) -> Target | None:
    """Return the target as it is acted on, or None where the inventory allows nothing to be changed."""
    if target.access.get(FIELD) == SAME:
        return target
    own = {
        name: target.access[f"{FIELD}.{name}"]
        for name in IDENTITY.get(target.provider, ())
        if target.access.get(f"{FIELD}.{name}")
    }
    if not own.keys() & _WHO:
        return None  # whoever reads would act: what else says who we are is the surroundings
    reading = {*IDENTITY[target.provider], "subject", "memberRole", "memberExternalId"}
    if "role" in own:
        reading -= {"profile"}  # who asks to assume a role is the operator, whichever role it is
    kept = {name: value for name, value in target.access.items() if name not in reading}
    return replace(target, access=kept | own)


def refusal(target: Target) -> str:
    """Return what to tell whoever has to add the credentials."""
    fields = IDENTITY.get(target.provider, ())
    example = f"`preserve: {{{fields[0]}: …}}`" if fields else "`preserve`"
    return (
        f"the inventory lets nothing be changed at {target.label}: give it {example} with credentials of its own, "
        "or `preserve: same` to act with those that read"
    )
