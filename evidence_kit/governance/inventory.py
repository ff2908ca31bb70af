"""The inventory: which targets there are and how to get into each. Names of roles and profiles, never secrets."""

from collections.abc import Sequence

from evidence_kit.errors import UsageError
from evidence_kit.model.document import Document, did_you_mean, parse_document
from evidence_kit.model.unit import Target

API_VERSION = "evidence-kit/inventory.v1"
# How to get into a target, by provider: names and places, never a secret.
_ACCESS = {
    "aws": ("role", "profile", "externalId", "partition", "sessionPolicies", "memberRole", "memberExternalId"),
    "gcp": ("credentials", "organization", "subject"),
    "azure": ("tenant", "subscription", "workspace", "cloud", "clientId"),
}
_FIELDS = ("name", "provider", "id", "regions", "endpoints")
_ACCOUNT = 12  # digits of an AWS account id


def parse_inventory(text: bytes, *, name: str) -> tuple[Target, ...]:
    """Read an inventory; UsageError says where it is wrong."""
    doc = parse_document(text, name=name)
    doc.allow((), ("apiVersion", "kind", "targets"))
    if doc.at(("apiVersion",), str) != API_VERSION or doc.at(("kind",), str) != "Inventory":
        raise doc.error(("apiVersion",), f"expected `apiVersion: {API_VERSION}` and `kind: Inventory`")
    targets = tuple(_target(doc, index) for index in range(len(doc.at(("targets",), list))))
    if not targets:
        raise doc.error(("targets",), "the inventory lists no target")
    seen: set[str] = set()
    for index, target in enumerate(targets):
        for label in {target.id, target.name} - {""}:
            if label in seen:
                raise doc.error(("targets", index), f"two targets are called `{label}`")
            seen.add(label)
    return targets


def _target(doc: Document, index: int) -> Target:
    at = ("targets", index)
    provider, account = doc.at((*at, "provider"), str), _id(doc, (*at, "id"))
    fields = _ACCESS.get(provider, _ACCESS["aws"])
    doc.allow(at, (*_FIELDS, *fields))
    if provider == "aws" and not (account.isdigit() and len(account) == _ACCOUNT):
        raise doc.error((*at, "id"), f"`{account}` is not an AWS account id", hint="twelve digits, in quotes")
    regions = doc.at((*at, "regions"), list, default=[])
    access = {field: doc.at((*at, field), str, default="") for field in fields} | _endpoints(doc, at)
    return Target(
        provider=provider,
        id=account,
        name=doc.at((*at, "name"), str, default=""),
        regions=tuple(str(region) for region in regions),
        access={field: value for field, value in access.items() if value},
    )


def _endpoints(doc: Document, at: tuple[str | int, ...]) -> dict[str, str]:
    """Return where a target's APIs are if not where its provider has them: a private endpoint, a sovereign cloud."""
    found: dict[str, str] = {}
    for api in doc.at((*at, "endpoints"), dict, default={}):
        url = doc.at((*at, "endpoints", api), str)
        if not url.startswith("https://"):
            raise doc.error((*at, "endpoints", api), f"`{url}` does not begin with `https://`")
        found[f"endpoint.{api}"] = url.rstrip("/")
    return found


def _id(doc: Document, path: tuple[str | int, ...]) -> str:
    value = doc.at(path, object)
    if isinstance(value, int):
        # YAML read the digits as a number; behind a leading zero even as an octal one, so they may be lost.
        digits = str(value) if len(str(value)) == _ACCOUNT else "0…"
        raise doc.error(path, "the id must be a string", hint=f'write it in quotes: "{digits}"')
    return doc.at(path, str)


def choose_targets(targets: Sequence[Target], names: Sequence[str]) -> tuple[Target, ...]:
    """Return the targets called `names` (by name or id), or all; UsageError for one that is not there."""
    if not names:
        return tuple(targets)
    by_name = {label: target for target in targets for label in (target.id, target.name) if label}
    for name in names:
        if name not in by_name:
            raise UsageError(f"unknown target `{name}`", hint=did_you_mean(name, by_name))
    return tuple({by_name[name].id: by_name[name] for name in names}.values())
