"""Runs the real engine against an AWS that answers from a fixture, for any source of the catalogue."""

import gzip
import json
import socket
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import botocore.session
import jmespath
from botocore.loaders import create_loader
from support.lab import END, LATER, Lab

from evidence_kit.acquire.run import Result
from evidence_kit.acquire.scope import Order
from evidence_kit.collectors.registry import build
from evidence_kit.model.document import parse_document
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window, parse_instant
from evidence_kit.model.unit import Target
from evidence_kit.sandbox.amazon.fixture import Estate, read_estate
from evidence_kit.sandbox.amazon.server import ACCOUNT, Amazon
from evidence_kit.sandbox.door import Sent
from evidence_kit.sandbox.serving import LOOPBACK, running
from evidence_kit.sources.catalogue import parse_source

FOLDER = Path(__file__).parent.parent / "fixtures" / "aws"
MECHANISMS = ("aws.call", "aws.s3_logs", "aws.cloudwatch_logs")
FIELDS = frozenset({"expect", "regions", "window", "params", "account", "access", "replies", "bucket", "buckets"})
# Every session of botocore loads its models anew, which takes longer than a test; here they share them.
_LOADER = create_loader()
START = END - timedelta(hours=6)
# Asked before any evidence is, whatever the source; what `settings.discover` names comes on top.
QUESTIONS = {
    "GetCallerIdentity", "AssumeRole", "DescribeRegions", "HeadBucket", "GetBucketLocation", "DescribeLogGroups",
}  # fmt: skip


@cache
def every_source() -> dict[str, SourceSpec]:
    """Return AWS's part of the catalogue."""
    parsed = [
        parse_source(item.read_bytes(), name=item.name) for item in (files("evidence_kit.sources") / "aws").iterdir()
    ]
    return {spec.name: spec for spec in sorted(parsed, key=lambda spec: spec.name)}


def sources() -> dict[str, SourceSpec]:
    """Return the sources that fixtures are for."""
    return {name: spec for name, spec in every_source().items() if spec.mechanism in MECHANISMS}


def with_fixture() -> list[str]:
    """Return the names of the sources that have a fixture."""
    return [name for name in sources() if (FOLDER / f"{name}.yaml").is_file()]


def calls_of(settings: object) -> Iterator[Mapping[str, Any]]:
    """Yield every call that settings name, at any depth, `discover` included."""
    if isinstance(settings, Mapping):
        if "operation" in settings:
            yield settings
        for value in settings.values():
            yield from calls_of(value)
    elif isinstance(settings, list | tuple):
        for value in settings:
            yield from calls_of(value)


def operations(spec: SourceSpec) -> set[str]:
    """Return the operations that a source's settings name."""
    return {str(call["operation"]) for call in calls_of(spec.settings)}


def service_of(spec: SourceSpec) -> str:
    """Return the service that a fixture's replies are of unless they say otherwise."""
    discover: Any = spec.settings.get("discover", {})
    usual = "logs" if spec.mechanism == "aws.cloudwatch_logs" else "s3"
    return str(spec.settings.get("service") or discover.get("service") or usual)


def hurried(spec: SourceSpec) -> SourceSpec:
    """Return a source that keeps no pace and waits for nothing."""
    settings = _unpaused(spec.settings)
    return replace(spec, limit=replace(spec.limit, rps=100_000.0, burst=100_000), settings=settings)


def _unpaused(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: 0 if key == "every" else _unpaused(item) for key, item in value.items()}
    return [_unpaused(item) for item in value] if isinstance(value, list) else value


@dataclass(frozen=True, kw_only=True)
class Fixture:
    """A fixture's file: what AWS answers, what is asked of it, and how that must end."""

    estate: Estate
    account: str
    expect: Mapping[str, Any]
    target: Target
    window: Window
    params: Mapping[str, str]


def read_fixture(spec: SourceSpec, text: bytes | None = None) -> Fixture:
    """Return the fixture of a source, from its file unless `text` is given."""
    name = f"{spec.name}.yaml"
    said: Any = parse_document(text or (FOLDER / name).read_bytes(), name=name).data
    assert set(said) <= FIELDS, f"{name}: unknown field among {sorted(said)}"
    expect = said.get("expect", {})
    assert set(expect) <= {"status", "statuses", "reason"}, f"{name}: unknown field among {sorted(expect)}"
    window, account = said.get("window", {}), str(said.get("account", ACCOUNT))
    regions = tuple(said.get("regions", ("us-east-1",)))
    return Fixture(
        estate=read_estate(said, default=service_of(spec)),
        account=account,
        expect=expect,
        target=Target(provider="aws", id=account, name="shop", regions=regions, access=dict(said.get("access", {}))),
        window=Window(
            parse_instant(window["start"]) if "start" in window else START,
            parse_instant(window["end"]) if "end" in window else END,
        ),
        params={str(key): str(value) for key, value in said.get("params", {}).items()},
    )


@dataclass
class Stage:
    """One source in front of the AWS of its fixture, with a case of its own."""

    spec: SourceSpec
    fixture: Fixture
    server: Amazon
    root: Path
    lab: Lab = field(init=False)

    def __post_init__(self) -> None:
        self.lab = Lab(self.root, self.fixture.window).open()

    def collect(self) -> Result:
        """Collect the source, with the parameters and the window of the fixture."""
        name = self.spec.name
        order = Order(
            sources=(name,), targets=(self.fixture.target,), window=self.fixture.window, params=self.fixture.params
        )
        with self.lab.vault.lock(), self.lab.vault.working():
            return self.lab.engine(build({name: hurried(self.spec)})).collect(order)

    def usual(self) -> UnitStatus:
        """Return how a unit ends where nothing goes wrong."""
        young = self.spec.windowed and self.fixture.window.end + self.spec.settle > LATER
        return UnitStatus.COMPLETE_UNSETTLED if young else UnitStatus.COMPLETE

    def evidence(self) -> Counter[str]:
        """Return the digest of every answer that has to be on disk: successes, and refusals that mean "none"."""
        absent = {code for call in calls_of(self.spec.settings) for code in call.get("absent", ())}
        asked = list(self.server.sent)
        if self.spec.scope == "organization":  # first of all it is found out whether we may speak for it
            asked.remove(next(one for one in asked if one.operation == "DescribeOrganization"))
        return Counter(
            one.sha256
            for one in asked
            if not self._planning(one)
            and (one.status < 300 or any(code.encode() in (one.body or b"") for code in absent))
        )

    def _planning(self, one: Sent) -> bool:
        called = {str(call["operation"]) for call in calls_of(self.spec.settings.get("calls", ()))}
        discovered = {str(call["operation"]) for call in calls_of(self.spec.settings.get("discover", ()))}
        return one.operation in (QUESTIONS | discovered) - called

    def records(self) -> list[object]:
        """Return what the source's path finds in the stored bodies."""
        path, kind = self.spec.records.path, self.spec.records.format
        if not path or kind not in {"json", "json.gz"}:
            return []
        found: list[object] = []
        for _, body in self.lab.bodies(source=self.spec.name):
            text = gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
            if text.lstrip()[:1] in {b"{", b"["}:
                found += jmespath.search(path, json.loads(text)) or []
        return found


def single_pages(fixture: Fixture) -> list[str]:
    """Return the operations that page, and whose replies nevertheless have one page each."""
    lines = [line for line in fixture.estate.lines if line.pages]
    paged = {line.operation for line in lines if len(line.pages) > 1 or line.one_page}
    pageable = {line.operation for line in lines if line.service.paging(line.operation)}
    return sorted(pageable - paged)


@contextmanager
def serving(estate: Estate, monkeypatch: Any, account: str = ACCOUNT) -> Iterator[Amazon]:
    """Serve an estate to every botocore of this process; afterwards nothing may have gone wrong in the server."""
    with running(Amazon(estate, clock=lambda: LATER, account=account)) as server:
        assert isinstance(server, Amazon)
        for name, value in server.environ.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(botocore.session, "create_loader", lambda *_: _LOADER)
        monkeypatch.setattr(socket, "getaddrinfo", _resolving(socket.getaddrinfo))
        yield server
        assert not server.failures, server.failures


@contextmanager
def staged(spec: SourceSpec, root: Path, monkeypatch: Any, text: bytes | None = None) -> Iterator[Stage]:
    """Serve the fixture of `spec`, or `text` in its place, to a case of its own."""
    fixture = read_fixture(spec, text)
    with serving(fixture.estate, monkeypatch, fixture.account) as server:
        yield Stage(spec, fixture, server, root)


def _resolving(real: Any) -> Any:
    """Some operations put an account's number before the host's name: there, too, is this machine."""

    def resolve(host: str, *args: Any, **more: Any) -> Any:
        return real(LOOPBACK if str(host).endswith(f".{LOOPBACK}") else host, *args, **more)

    return resolve
