"""Evidence from memory under real names, so that playbooks have something to collect in no time."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from support.casemaker import NOW, exchange
from support.lab import Lab
from support.playing import Table, unhurried

from evidence_kit.governance.inventory import Entry, parse_inventory
from evidence_kit.model.exchange import Closed, Item, Page, Stop
from evidence_kit.model.ports import Context
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import rfc3339
from evidence_kit.model.unit import Scope, Unit
from evidence_kit.playbook.run.collectors import Collectors
from evidence_kit.playbook.run.play import Tools

LOOKUP, OBJECTS = "aws.cloudtrail.lookup", "aws.s3.objects"
START = NOW - timedelta(days=2)
INVENTORY = b"""apiVersion: evidence-kit/inventory.v1
kind: Inventory
targets:
  - {name: shop, provider: aws, id: "111122223333", labels: {env: prod}, jurisdiction: {data: [EU]}}
  - {name: data, provider: aws, id: "444455556666", labels: {env: test}}
"""


def event(
    number: int, *, key: str = "AKIA1", ip: str = "198.51.100.7", action: str = "GetObject", **more: object
) -> dict[str, object]:
    """Return an event as CloudTrail writes it."""
    return {
        "eventID": f"e-{number}",
        "eventTime": rfc3339(START + timedelta(minutes=number)),
        "eventName": action,
        "eventSource": "s3.amazonaws.com",
        "awsRegion": "us-east-1",
        "sourceIPAddress": ip,
        "userAgent": "aws-cli",
        "userIdentity": {
            "type": "IAMUser",
            "userName": "u",
            "arn": "arn:aws:iam::111122223333:user/u",
            "accessKeyId": key,
        },
        "requestParameters": {"bucketName": "b", "key": f"k{number}"},
        **more,
    }


@dataclass
class Dealer:
    """A collector: the events of each account in pages of two; `ends` are accounts that end otherwise."""

    spec: SourceSpec
    events: Mapping[str, Sequence[Mapping[str, object]]] = field(default_factory=dict)
    ends: dict[str, list[tuple[UnitStatus, str]]] = field(default_factory=dict)
    asked: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)

    def units(self, scope: Scope, ctx: Context) -> Iterable[Unit]:
        settings = {"bucket": scope.params["bucket"]} if "bucket" in scope.params else {}
        window = scope.window if self.spec.windowed else None
        yield Unit(source=self.spec.name, target=scope.target, region="us-east-1", window=window, settings=settings)

    def acquire(self, unit: Unit, ctx: Context) -> Iterator[Item]:
        self.asked.append((unit.target.id, dict(unit.settings)))
        waiting = self.ends.get(unit.target.id, [])
        if waiting:
            status, reason = waiting.pop(0)
            if status is UnitStatus.NOT_ENABLED:
                yield Closed(status=status, reason=reason)
                return
            raise Stop(status, reason)
        found = list(self.events.get(unit.target.id, ()))
        pages = [found[at : at + 2] for at in range(0, len(found), 2)] or [[]]
        for number, page in enumerate(pages):
            said = [{"EventId": one["eventID"], "EventTime": 1, "CloudTrailEvent": json.dumps(one)} for one in page]
            body = json.dumps({"Events": said}).encode()
            cursor = None if number == len(pages) - 1 else f"t{number}"
            told = exchange(f"List{number}{hashlib.sha256(body).hexdigest()[:6]}", body)
            yield Page(name="list", body=body, exchange=told, next_cursor=cursor, records=len(page))


@dataclass(kw_only=True)
class Deck(Table):
    """A table whose evidence comes from memory."""

    dealt: Mapping[str, Dealer] = field(default_factory=dict)

    def tools(self) -> Tools:
        """Return tools whose collectors are the dealers."""
        tools = super().tools()
        collectors = tools.engine.collectors
        assert isinstance(collectors, Collectors)
        collectors.put(self.dealt)  # type: ignore[arg-type]
        return tools


def listed() -> tuple[Entry, ...]:
    """Return two accounts."""
    return parse_inventory(INVENTORY, name="inventory.yaml").entries


def parts(root: Path, events: Mapping[str, Sequence[Mapping[str, object]]]) -> dict[str, Any]:
    """Return what a table with a dealer of events is made of."""
    specs = unhurried()
    specs[LOOKUP] = replace(specs[LOOKUP], step=None, settle=timedelta(0))
    dealt = {LOOKUP: Dealer(specs[LOOKUP], events), OBJECTS: Dealer(specs[OBJECTS], events)}
    return {"root": root, "specs": specs, "dealt": dealt, "entries": listed(), "now": _clock()}


def deck(root: Path, events: Mapping[str, Sequence[Mapping[str, object]]], **more: object) -> Deck:
    """Return an open case and a dealer of events."""
    made = Deck(**{**parts(root, events), **more})
    made.open()
    return made


class _clock:  # noqa: N801 - made once a table
    """Seconds go by from one question to the next, so that nothing hangs on the machine's speed."""

    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> datetime:
        self.at += timedelta(milliseconds=1)
        return self.at

    def forward(self, by: timedelta) -> None:
        self.at += by


HEAD = """apiVersion: evidence-kit/v1
kind: Playbook
metadata: {id: test-book, version: 1.0.0, title: A test, description: A test}
inputs:
  window: {type: window, description: The window, default: {last: P3D}}
  key: {type: string, description: A key, default: AKIA1}
targets:
  all: {providers: [aws]}
  shop: {providers: [aws], where: 'target.labels.env == "prod"'}
policy: {purpose: testing, allow: [read, preserve, hold, notify]}
steps:
"""
TAKE = f"  - {{id: take, type: collect, sources: [{LOOKUP}], targets: all}}\n"


def book(steps: str, *, head: str = HEAD) -> bytes:
    """Return a playbook with some steps."""
    return (head + steps).encode()


__all__ = ["HEAD", "LOOKUP", "OBJECTS", "TAKE", "Deck", "Lab", "book", "deck", "event", "listed"]
