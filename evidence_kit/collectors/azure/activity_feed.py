"""`azure.activity_feed`: the Office 365 Management Activity API, content type by content type, blob by blob.

What it lists was subscribed to beforehand. Starting a subscription would change the tenant, so that is never done.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from urllib.parse import quote

from evidence_kit.collectors.azure.access import as_access
from evidence_kit.collectors.azure.verdicts import told
from evidence_kit.collectors.web.paging import Paging, pages
from evidence_kit.collectors.web.wire import Answer, Ask, WebWire, same_host
from evidence_kit.errors import UsageError
from evidence_kit.model.exchange import Closed, Item, Page, Remark, Stop
from evidence_kit.model.ports import Context
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.unit import Finding, Scope, Unit

_PAGING = Paging(header="nextpageuri", sent_as="link")
_TICK = timedelta(seconds=1)
_LISTING = "/activity/feed/subscriptions/content"


class ActivityFeed:
    """Acquires `m365.activity_feed`."""

    def __init__(self, spec: SourceSpec, access: object) -> None:
        self.spec = spec
        self._access = as_access(access)
        self._types: Mapping[str, str] = spec.settings["types"]  # type: ignore[assignment]

    def units(self, scope: Scope, ctx: Context) -> Iterator[Unit]:  # noqa: ARG002 - nothing has to be asked
        """Yield one unit a content type; the engine cuts its window, for the API takes a day at most."""
        for stream in self._types:
            yield Unit(source=self.spec.name, target=scope.target, stream=stream, window=scope.window)

    def acquire(self, unit: Unit, ctx: Context) -> Iterator[Item]:
        """Yield every page of the listing, each followed by the blobs that it names."""
        yield from told(self._subscribed(unit, ctx), self.spec.permissions)

    def _subscribed(self, unit: Unit, ctx: Context) -> Iterator[Item]:
        try:
            yield from self._content(unit, ctx)
        except Stop as stop:
            if stop.status is not UnitStatus.NOT_ENABLED:
                raise
            reason = (
                f"the tenant has not subscribed to {self._types[unit.stream]}; only what comes after that is kept"
            )
            raise Stop(UnitStatus.NOT_ENABLED, f"{reason}: {stop.reason}"[:500]) from stop

    def _content(self, unit: Unit, ctx: Context) -> Iterator[Item]:
        wire = self._access.wire(unit.target, "manage", ctx, "ListContent")
        blobs = self._access.wire(unit.target, "manage", ctx, "GetContent")
        listing = self._listing(unit)
        fetched: set[str] = set()
        expired = 0
        for answer, cursor in pages(wire, ctx, listing, _PAGING):
            yield _page("ListContent", answer, cursor, records=None)
            for entry in answer.parsed["value"]:
                uri = _uri(entry, listing)
                if uri in fetched:  # the listing repeats itself at times; the blob is the same
                    continue
                fetched.add(uri)
                try:
                    yield _blob(blobs, ctx, uri)
                except Stop as stop:
                    if stop.status is not UnitStatus.EXPIRED_RETENTION:
                        raise
                    expired += 1
                    facts = {"contentId": str(entry.get("contentId", ""))}
                    yield Remark(finding=Finding(kind="object_not_obtained", message=stop.reason, facts=facts))
        if expired:
            yield Closed(
                status=UnitStatus.EXPIRED_RETENTION,
                reason=f"{expired} of {len(fetched)} blobs were listed, but had expired",
            )

    def _listing(self, unit: Unit) -> Ask:
        if unit.window is None:
            raise UsageError("the activity feed needs a window")
        values = self._access.values(unit.target)
        if "tenant" not in values:
            raise Stop(UnitStatus.OUT_OF_SCOPE, "the target names no `tenant`")
        tenant = values["tenant"]
        return Ask(
            operation="ListContent",
            url=f"{self._access.root(unit.target, 'manage')}/api/v1.0/{quote(tenant, safe='')}{_LISTING}",
            params={
                "contentType": self._types[unit.stream],
                "startTime": _whole(unit.window.start),
                "endTime": _whole(unit.window.end + _TICK - timedelta(microseconds=1)),
                "PublisherIdentifier": tenant,
            },
            listed=True,
        )


def _whole(moment: datetime) -> str:
    """Return the whole second at or before `moment`: the API knows no fractions and excludes the end."""
    return moment.replace(microsecond=0, tzinfo=None).isoformat()


def _uri(entry: object, listing: Ask) -> str:
    """Return where a listed blob is; Stop if that is nowhere, or with somebody else."""
    uri = entry.get("contentUri") if isinstance(entry, Mapping) else None
    if not isinstance(uri, str):
        raise Stop(UnitStatus.PARTIAL_ERROR, "the listing names content without an address")
    return same_host(uri, listing.url)


def _blob(wire: WebWire, ctx: Context, uri: str) -> Page:
    answer = wire.call(ctx, Ask(operation="GetContent", url=uri, listed=True))
    return _page("GetContent", answer, None, records=len(answer.parsed["value"]))


def _page(name: str, answer: Answer, cursor: str | None, *, records: int | None) -> Page:
    found = [
        str(one["CreationTime"]) for one in answer.parsed["value"] if isinstance(one, dict) and "CreationTime" in one
    ]
    return Page(
        name=name,
        body=answer.body,
        exchange=answer.exchange,
        next_cursor=cursor,
        records=records,
        first_event=min(found, default=""),
        last_event=max(found, default=""),
    )
