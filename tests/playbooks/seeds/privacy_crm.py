"""A customer database that somebody else runs for us, with its log, and an account whose buckets Macie looks at."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from playbooks.seeds.partners_estate import lines
from support.amazon import hurried, serving
from support.lab import END
from support.partner import acme, kiosk, played
from support.playing import entries, unhurried

from evidence_kit.governance.inventory import Entry
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.time import Window, parse_instant, rfc3339
from evidence_kit.sandbox.amazon.fixture import read_estate

SOURCE, MACIE = "crm.audit", "aws.macie.findings"
EXPORTS = "customer-exports-111122223333"
DAY = Window(parse_instant("2026-11-20T00:00:00Z"), parse_instant("2026-11-21T00:00:00Z"))
SINCE = {"since": rfc3339(DAY.start), "until": rfc3339(END)}
THIEF, SYNC = "eve.contractor", "crm-sync"
# What happened: who did what to which record, in order. Only the exports are the thief's.
DEEDS = (
    (SYNC, "record.read", "customers/eu/0001"),
    (THIEF, "record.export", "customers/eu/0001"),
    (THIEF, "record.export", "customers/eu/0002"),
    (SYNC, "record.update", "customers/us/0007"),
    (SYNC, "record.read", "orders/0001"),
    (THIEF, "record.read", "orders/0002"),
)
COUNTS = "residency,people\nDE,1200\nFR,300\nUS-CA,40\n"
ROPA = lines({"purpose": "customer care", "subjects": "customers", "categories": "contact, orders"})
CALLER = f"""apiVersion: evidence-kit/v1
kind: Playbook
metadata: {{id: crm-export, version: 1.0.0, title: An export, description: Somebody exported customers}}
inputs:
  resources: {{type: list<string>, description: What was exported, default: ["customers/", "{EXPORTS}"]}}
  window: {{type: window, description: The time to look at, required: true}}
targets:
  crm: {{providers: [crm]}}
policy: {{purpose: testing, allow: [read, hold, notify]}}
steps:
  - {{id: log, type: collect, sources: [{SOURCE}], targets: crm}}
  - id: privacy
    type: playbook
    needs: [log]
    playbook: privacy-incident-cross-jurisdiction@1
    with: {{resources: "${{{{ inputs.resources }}}}", window: "${{{{ inputs.window }}}}", partner: crm}}
outputs:
  places: steps.privacy.outputs.places
""".encode()


class Estate:
    """What runs, and how a table gets at it."""

    def __init__(
        self, listed: tuple[Entry, ...], specs: Mapping[str, SourceSpec], secrets: Mapping[str, str]
    ) -> None:
        self.entries, self.specs, self._secrets = listed, specs, secrets

    def secret(self, reference: str) -> str:
        """Resolve a reference, as the operator's resolver does."""
        return self._secrets[reference.rpartition("/")[2]]


@contextmanager
def running_crm(folder: Path, *, looked: bool) -> Iterator[Estate]:
    """Run both; `looked` says whether Macie is on."""
    connector = acme(name=SOURCE, provider="crm", records={"path": "events", "id": "id", "time": "created_at"})
    log = [
        {
            "id": f"crm-{number}",
            "created_at": f"2026-11-20T{8 + number:02}:00:00Z",
            "actor": {"name": actor},
            "action": action,
            "resource_id": resource,
        }
        for number, (actor, action, resource) in enumerate(DEEDS)
    ]
    fixture = played({"path": "/events", "pages": {"size": 4, "records": log}}, connector=SOURCE)
    aws = read_estate({"replies": _findings() if looked else _off()}, default="macie2")
    with pytest.MonkeyPatch.context() as patch, serving(aws, patch), kiosk(folder, connector, fixture) as crm:
        listed = entries(yaml.safe_dump(_inventory(crm.server.url, crm.ca, tuple(crm.secrets))))
        specs = {**unhurried(), MACIE: hurried(unhurried()[MACIE]), SOURCE: crm.spec}
        yield Estate(listed, specs, crm.secrets)


def _inventory(url: str, ca: Path, secrets: tuple[str, ...]) -> dict[str, Any]:
    agreed = {"reference": "DPA-7", "evidence": ["audit_logs"], "legalBasis": ["contract"], "notifyWithin": "PT24H"}
    targets = [
        {"name": "shop", "provider": "aws", "id": "111122223333", "regions": ["us-east-1"]},
        {
            "name": "crm",
            "provider": "crm",
            "id": "tenant-3",
            "endpoints": {"server": url},
            "secrets": {name: f"secret://env/{name}" for name in secrets},
            "ca": str(ca),
            "allowPrivate": True,
            "agreement": agreed,
        },
    ]
    return {"apiVersion": "evidence-kit/inventory.v1", "kind": "Inventory", "targets": targets}


def _off() -> list[dict[str, Any]]:
    error = {"code": "AccessDeniedException", "message": "Macie is not enabled", "status": 403}
    return [{"operation": "GetMacieSession", "error": error}]


def _findings() -> list[dict[str, Any]]:
    told = {
        "m-1": ("SensitiveData:S3Object/Personal", EXPORTS),
        "m-2": ("Policy:IAMUser/S3BucketPublic", EXPORTS),
        "m-3": ("SensitiveData:S3Object/Credentials", "price-lists-111122223333"),
    }
    found = [
        {
            "id": name,
            "accountId": "111122223333",
            "createdAt": "2026-11-20T08:00:00Z",
            "updatedAt": "2026-11-20T09:00:00Z",
            "type": kind,
            "resourcesAffected": {"s3Bucket": {"name": bucket}},
        }
        for name, (kind, bucket) in told.items()
    ]
    return [
        {"operation": "GetMacieSession", "pages": [{"status": "ENABLED", "createdAt": "2025-01-01T00:00:00Z"}]},
        {"operation": "ListFindingsFilters", "pages": [{"findingsFilterListItems": []}]},
        {"operation": "ListClassificationJobs", "pages": [{"items": []}]},
        {"operation": "ListFindings", "pages": [{"findingIds": list(told)}]},
        {"operation": "GetFindings", "pages": [{"findings": found}]},
    ]
