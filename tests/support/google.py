"""Runs the real engine against the sandbox's Google, with Google's own clients and a real service account's key."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from importlib.resources import files
from pathlib import Path

from support.lab import END, Lab

from evidence_kit.acquire.run import Result
from evidence_kit.acquire.scope import Order
from evidence_kit.collectors.registry import build
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.time import Window
from evidence_kit.model.unit import Target
from evidence_kit.sandbox.google.keyfile import make_tls, write_key
from evidence_kit.sandbox.google.logs import Entry, make_entries
from evidence_kit.sandbox.google.server import Estate, GoogleServer, Sent
from evidence_kit.sandbox.serving import running
from evidence_kit.sources.catalogue import parse_source
from evidence_kit.vaults.local import LocalVault

PROJECT = "shop-prod-1"
ACTIVITY = "cloudaudit.googleapis.com/activity"
DATA = "cloudaudit.googleapis.com/data_access"
START = END - timedelta(hours=6)
APIS = (
    "admin", "aiplatform", "bigquery", "cloudasset", "cloudbilling", "cloudfunctions", "cloudkms",
    "cloudresourcemanager", "compute", "container", "iam", "logging", "orgpolicy", "run", "secretmanager",
    "securitycenter", "serviceusage", "sqladmin", "storage",
)  # fmt: skip
BUCKETS = "/logging/v2/projects/shop-prod-1/locations/-/buckets"
SINKS = "/logging/v2/projects/shop-prod-1/sinks"
EXCLUSIONS = "/logging/v2/projects/shop-prod-1/exclusions"
# What the collector asks before any evidence: who we are, what we may see, what the project keeps.
QUESTIONS = ("/v3/projects/shop-prod-1", ":testIamPermissions")
ANCESTRY = "/cloudresourcemanager/v1/projects/shop-prod-1:getAncestry"
ANCESTOR_SINKS = f"{SINKS}#ancestors"  # as the sandbox keeps what the project is shown of those above
FOLDER_SINKS = "/logging/v2/folders/51/sinks"
ORGANIZATION_SINKS = "/logging/v2/organizations/903218371/sinks"
# What `_Default` is given by Google: all that `_Required` does not take.
USUAL_FILTER = " AND ".join(
    f'NOT LOG_ID("{service}.googleapis.com/{log}")'
    for log in ("activity", "system_event", "access_transparency")
    for service in ("cloudaudit", "externalaudit")
)


def usual_lists() -> dict[str, list[dict[str, object]]]:
    """Return the logging configuration of a project that nobody changed."""
    at = "projects/shop-prod-1/locations/global/buckets"
    return {
        SINKS: [{"sinks": [{"name": "_Required"}, {"name": "_Default", "filter": USUAL_FILTER}]}],
        ANCESTRY: [
            {
                "ancestor": [
                    {"resourceId": {"type": kind, "id": number}}
                    for kind, number in (("project", "shop-prod-1"), ("folder", "51"), ("organization", "903218371"))
                ]
            }
        ],
        FOLDER_SINKS: [{}],
        ORGANIZATION_SINKS: [{}],
        EXCLUSIONS: [{}],
        BUCKETS: [
            {"buckets": [{"name": f"{at}/_Default", "retentionDays": 30}]},
            {"buckets": [{"name": f"{at}/_Required", "retentionDays": 400, "locked": True}]},
        ],
    }


@cache
def sources() -> dict[str, SourceSpec]:
    """Return Google's part of the catalogue, with no pace to keep to."""
    found = {}
    for item in sorted((files("evidence_kit.sources") / "gcp").iterdir(), key=lambda item: item.name):
        spec = parse_source(item.read_bytes(), name=item.name)
        found[spec.name] = replace(spec, limit=replace(spec.limit, rps=100_000.0, burst=100_000))
    return found


@dataclass
class Google:
    """One sandbox with its key and its case."""

    server: GoogleServer
    key: Path
    root: Path
    lab: Lab = field(init=False)

    def __post_init__(self) -> None:
        self.lab = Lab(self.root, Window(START, END)).open()

    @property
    def estate(self) -> Estate:
        return self.server.estate

    def target(self, **more: str) -> Target:
        """Return the project as an inventory names it."""
        access = {f"endpoint.{api}": f"{self.server.url}/{api}" for api in APIS}
        return Target(provider="gcp", id=PROJECT, name="shop", access={"credentials": str(self.key)} | access | more)

    def fill(self, log: str, count: int, **more: object) -> tuple[Entry, ...]:
        """Put entries of a log into the window."""
        made = make_entries(log, count, **{"start": START, "end": END} | more)
        self.estate.entries = (*self.estate.entries, *made)
        return made

    def collect(
        self,
        *names: str,
        window: Window | None = None,
        target: Target | None = None,
        step: timedelta | None = timedelta(days=1),
        params: Mapping[str, str] | None = None,
        **engine: object,
    ) -> Result:
        """Collect; logs in one unit each unless `step` says otherwise (None: as the catalogue has it)."""
        specs = {name: sources()[name] for name in names}
        if step is not None:
            specs = {name: replace(spec, step=step) if spec.step else spec for name, spec in specs.items()}
        order = Order(
            sources=names,
            targets=(target or self.target(),),
            window=window or self.lab.window,
            params=params or {},
        )
        self.lab.vault = vault = LocalVault(self.root)
        with vault.lock(), vault.working():
            return self.lab.engine(build(specs), **engine).collect(order)  # type: ignore[arg-type]

    def evidence(self) -> list[Sent]:
        """Return every answer that was a success, and is to be on disk."""
        return [one for one in self.server.sent if one.status == 200 and not one.path.endswith(QUESTIONS)]

    def asked(self, path: str = "entries:list") -> list[Sent]:
        return [one for one in self.server.sent if one.path.endswith(path)]

    def stored(self) -> Counter[str]:
        return self.lab.digests()

    def everything(self) -> bytes:
        """Return every byte of the case, to look for what must not be there."""
        return b"".join(path.read_bytes() for path in sorted(self.root.rglob("*")) if path.is_file())


@contextmanager
def serving(folder: Path, monkeypatch) -> Iterator[Google]:
    """Start a sandbox that clients of this process trust."""
    context, ca = make_tls(folder)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(ca))
    with running(GoogleServer(Estate(project=PROJECT, lists=usual_lists()), context)) as server:
        key = write_key(folder / "key.json", url=server.url, project=PROJECT)
        google = Google(server, key, folder / "case")
        yield google
        assert not server.failures, server.failures
