"""The inventory of the four estates: where each is, what was agreed with the partners, whose data lie there."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import yaml

from evidence_kit.model.time import Window
from evidence_kit.sandbox.hybrid import cast
from evidence_kit.sandbox.hybrid.partners import GITHUB, PARAMS
from evidence_kit.sandbox.microsoft.apis import SUBSCRIPTION
from evidence_kit.sandbox.microsoft.entra import TENANT
from evidence_kit.sandbox.microsoft.log_analytics import WORKSPACE
from evidence_kit.sandbox.partners.server import Partner

GOOGLE_APIS = ("aiplatform", "bigquery", "cloudresourcemanager", "iam", "logging")
_NAMES = {GITHUB: "code", cast.ACME_SOURCE: "supplier-acme"}
_YEAR = timedelta(days=365)
Entry = Mapping[str, object]


def variable(source: str, secret: str) -> str:
    """Return the variable of the environment that holds a partner's secret."""
    return f"SANDBOX_{source.partition('.')[0]}_{secret}".upper()


def write(targets: list[Entry]) -> str:
    """Return an inventory as YAML."""
    document = {"apiVersion": "evidence-kit/inventory.v1", "kind": "Inventory", "targets": targets}
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)


def at_amazon(inventory: str) -> list[Entry]:
    """Return the accounts as their own inventory has them, with whose data lie there."""
    return [
        {**one, "owner": "platform", "jurisdiction": {"data": ["US", "EU", "AU"], "subjects": ["US", "EU"]}}
        for one in yaml.safe_load(inventory)["targets"]
    ]


def at_microsoft(endpoints: Mapping[str, str]) -> Entry:
    """Return the tenant with its subscription and its workspace."""
    return {
        "name": "assistants",
        "provider": "azure",
        "id": "shop-assistants",
        "tenant": TENANT,
        "subscription": SUBSCRIPTION,
        "workspace": WORKSPACE,
        "owner": "customer-service",
        "jurisdiction": {"data": ["EU"], "subjects": ["EU"]},
        "endpoints": {name.removeprefix("endpoint."): url for name, url in endpoints.items()},
    }


def at_google(url: str, key: Path) -> Entry:
    """Return the project."""
    return {
        "name": "demand",
        "provider": "gcp",
        "id": cast.PROJECT,
        "credentials": str(key),
        "owner": "planning",
        "jurisdiction": {"data": ["EU"]},
        "endpoints": {api: f"{url}/{api}" for api in GOOGLE_APIS},
    }


def at_partner(source: str, server: Partner, *, ca: Path, window: Window) -> Entry:
    """Return a partner: its API, where our secrets for it are, and what its contract allows."""
    found: dict[str, object] = {
        "name": _NAMES[source],
        "provider": source.partition(".")[0],
        "id": next(iter(PARAMS[source].values())) + ("" if source == GITHUB else "-at-acme"),
        "params": dict(PARAMS[source]),
        "secrets": {name: f"secret://env/{variable(source, name)}" for name in server.gate.secrets},
        "endpoints": {"server": server.url},
        "ca": str(ca),
        "allowPrivate": True,
        "agreement": _agreement(source, window),
    }
    where = {"data": ["US"], "subjects": ["US"]} if source == GITHUB else {"data": ["EU"], "subjects": ["EU", "US"]}
    return found | {"jurisdiction": where}


def _agreement(source: str, window: Window) -> Entry:
    if source == GITHUB:
        return {
            "reference": "terms of the code host",
            "evidence": ["audit_logs", "identity"],
            "clause": "audit log API",
            "legalBasis": ["contract"],
        }
    return {
        "reference": "feature supply agreement 2024-17",
        "evidence": {"audit_logs": "§ 9.2", "identity": "§ 9.2"},
        "legalBasis": ["contract", "legitimate interest"],
        "notifyWithin": "PT24H",
        "latency": "PT1H",
        "transfer": "EU standard contractual clauses",
        "contactRole": "security desk",
        "expires": (window.end + _YEAR).date().isoformat(),
    }
