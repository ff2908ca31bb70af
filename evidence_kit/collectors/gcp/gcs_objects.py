"""Log files that a sink delivers to Cloud Storage: every generation of every file of the window's hours."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import quote

from evidence_kit.collectors.gcp.access import as_access
from evidence_kit.collectors.gcp.checksums import Promise
from evidence_kit.collectors.gcp.routing import routing
from evidence_kit.collectors.web.paging import Paging, pages
from evidence_kit.collectors.web.wire import Ask, WebWire
from evidence_kit.errors import UsageError
from evidence_kit.model.exchange import Download, Item, Page, Remark, Stop
from evidence_kit.model.ports import Context
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window
from evidence_kit.model.unit import Finding, Scope, Unit

_DAY = timedelta(days=1)
# `LOG/2026/11/21/06:00:00_06:59:59_S0.json`; `A0:1` instead of `S0` holds what came late.
_HOURS = re.compile(r"/(\d{4})/(\d\d)/(\d\d)/(\d\d:\d\d:\d\d)_(\d\d:\d\d:\d\d)_[^/]*$")


@dataclass(frozen=True, slots=True)
class GcsObject:
    """One generation of one object, as a listing names it."""

    bucket: str
    listed: Mapping[str, Any]

    @property
    def key(self) -> str:
        """Return its name in the bucket."""
        return str(self.listed.get("name", ""))

    @property
    def generation(self) -> str:
        """Return which write of the name this is."""
        return str(self.listed.get("generation", ""))

    @property
    def name(self) -> str:
        """Return the original name; a generation that was replaced or deleted says which."""
        return f"{self.bucket}/{self.key}" + (f"@{self.generation}" if self.gone else "")

    @property
    def gone(self) -> str:
        """Return when it was replaced or deleted, if it was."""
        return str(self.listed.get("timeDeleted", ""))

    @property
    def hours(self) -> Window | None:
        """Return the time that its name speaks of."""
        found = _HOURS.search(self.key)
        if found is None:
            return None
        day, start, end = "-".join(found.groups()[:3]), found[4], found[5]
        try:
            first = datetime.fromisoformat(f"{day}T{start}+00:00")
            last = datetime.fromisoformat(f"{day}T{end}+00:00") + timedelta(seconds=1)
        except ValueError:
            return None
        return Window(first, last) if first < last else None

    @property
    def promise(self) -> Promise:
        """Return what the listing says of the stored bytes. A composite object has no MD5."""
        size = str(self.listed.get("size", ""))
        return Promise(
            md5=str(self.listed.get("md5Hash", "")),
            crc32c=str(self.listed.get("crc32c", "")),
            size=int(size) if size.isdecimal() else None,
            generation=self.generation,
        )

    @property
    def is_packed(self) -> bool:
        """Say whether it was stored as gzip."""
        return "gzip" in str(self.listed.get("contentEncoding", "")).lower()

    def facts(self) -> dict[str, str]:
        """Return what the record says of it."""
        wanted = (
            "generation", "metageneration", "timeCreated", "timeDeleted", "md5Hash", "crc32c", "size",
            "componentCount", "contentEncoding",
        )  # fmt: skip
        said = {name: str(self.listed[name]) for name in wanted if name in self.listed}
        return {"bucket": self.bucket, "key": self.key, **said}


class GcsObjects:
    """Acquires the files of the sinks that deliver to buckets."""

    def __init__(self, spec: SourceSpec, access: object) -> None:
        self.spec = spec
        self._access = as_access(access)
        logs = spec.settings.get("logs", [])
        self._logs = tuple(map(str, logs)) if isinstance(logs, list) else ()

    def units(self, scope: Scope, ctx: Context) -> Iterator[Unit]:
        """Yield one unit a bucket that a sink of the project delivers to."""
        unit = Unit(source=self.spec.name, target=scope.target, window=scope.window)
        self._access.wire(unit.target, "logging", ctx, "sinks.list")
        found = routing(self._access, unit.target, f"projects/{unit.target.id}", ctx)
        if found.unknown:
            yield replace(unit, settled=(UnitStatus.DENIED, f"the sinks cannot be listed: {found.unknown}"))
            return
        if not found.delivered:
            yield replace(unit, settled=(UnitStatus.NOT_CONFIGURED, "no sink of the project delivers to a bucket"))
        for bucket in found.delivered:
            yield replace(unit, stream=bucket)

    def acquire(self, unit: Unit, ctx: Context) -> Iterator[Item]:
        """Yield each listing page, then the objects on it; a bucket that is gone took its files with it."""
        if unit.window is None:
            raise UsageError("log files need a window")
        try:
            yield from self._objects(unit, unit.window, ctx)
        except Stop as stop:
            if stop.status.is_whole:
                reason = f"a sink delivers to `{unit.stream}`, which cannot be listed: {stop.reason}"
                raise Stop(UnitStatus.PARTIAL_ERROR, reason) from stop
            raise

    def _objects(self, unit: Unit, window: Window, ctx: Context) -> Iterator[Item]:
        wire = self._access.wire(unit.target, "storage", ctx, "objects.list")
        root = f"{self._access.root(unit.target, 'storage')}/storage/v1/b/{quote(unit.stream, safe='')}/o"
        for log in self._logs:
            for day in _days(window):
                params = {"prefix": f"{log}/{day:%Y/%m/%d}/", "versions": "true", "maxResults": 1000}
                ask = Ask(operation="objects.list", url=root, params=params)
                for answer, cursor in pages(wire, ctx, ask, Paging(next="nextPageToken"), result="kind"):
                    items = [GcsObject(unit.stream, item) for item in answer.parsed.get("items", [])]
                    yield Page(
                        name=f"objects.list/{log}".replace("/", "."),
                        body=answer.body,
                        exchange=answer.exchange,
                        next_cursor=cursor,
                    )
                    for item in items:
                        yield from self._take(wire, ctx, window, root, item)

    def _take(self, wire: WebWire, ctx: Context, window: Window, root: str, item: GcsObject) -> Iterator[Item]:
        hours = item.hours
        if hours is None:
            message = f"{item.name} carries no time in its name and is not taken"
            yield Remark(finding=Finding(kind="unreadable_name", message=message, facts=item.facts()))
            return
        if hours.end <= window.start or hours.start >= window.end:
            return
        if item.gone:
            message = f"{item.bucket}/{item.key} was replaced or deleted at {item.gone}; this generation is taken"
            yield Remark(finding=Finding(kind="older_version", message=message, facts=item.facts()))
        ask = Ask(
            operation="objects.get",
            url=f"{root}/{quote(item.key, safe='')}",
            params={"alt": "media", "generation": item.generation},
            # Without this word, Google unpacks what was stored packed, and its checksums would not fit.
            headers={"Accept-Encoding": "gzip"} if item.is_packed else {},
        )
        if not item.promise.is_checkable:
            message = f"{item.name} is listed without a checksum"
            yield Remark(finding=Finding(kind="no_checksum", message=message, facts=item.facts()))
        opened = partial(item.promise.kept_by, ctx.record, partial(wire.stream, ctx, ask))
        yield Download(name=item.name, open=opened, object=item.facts())


def _days(window: Window) -> Iterator[datetime]:
    day = window.start.replace(hour=0, minute=0, second=0, microsecond=0)
    while day < window.end:
        yield day
        day += _DAY
