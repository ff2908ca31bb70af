"""Logs that Azure delivers into blob containers: the files of the window's hours, those that were replaced too.

An hour is taken when it is over: until then its file grows, and what was read would be a part without saying so.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

from evidence_kit.collectors.azure.access import as_access
from evidence_kit.collectors.azure.blob_listing import ALL, Blob, list_blobs
from evidence_kit.collectors.azure.blob_places import Place, Scout, require_names, root_of
from evidence_kit.collectors.azure.blob_reading import Opener
from evidence_kit.collectors.azure.verdicts import told
from evidence_kit.collectors.web.wire import WebWire
from evidence_kit.errors import UsageError
from evidence_kit.model.exchange import Closed, Download, Item, Remark
from evidence_kit.model.ports import Context
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window, rfc3339
from evidence_kit.model.unit import Finding, Scope, Unit

# The last minutes of an hour are written after its end; a blob that changes later still is noticed by its ETag.
_CLOSES = timedelta(minutes=10)


class BlobLogs:
    """Acquires the containers into which one kind of log is delivered."""

    def __init__(self, spec: SourceSpec, access: object) -> None:
        self.spec = spec
        self._access = as_access(access)
        named = spec.settings["containers"]
        self._containers = tuple(map(str, named)) if isinstance(named, list) else ()

    def units(self, scope: Scope, ctx: Context) -> Iterator[Unit]:
        """Yield one unit a container that holds such logs; what could not be asked is a unit of its own."""
        account, container = scope.params.get("account", ""), scope.params.get("container", "")
        require_names(account, container)
        unit = Unit(source=self.spec.name, target=scope.target, window=scope.window)
        if not account and "subscription" not in self._access.values(scope.target):
            yield replace(unit, settled=(UnitStatus.OUT_OF_SCOPE, "the target names no `subscription`"))
            return
        scout = Scout(self._access, scope.target, ctx)
        found = scout.find((container,) if container else self._containers, self.spec.settings, account)
        for name, stop in found.unknown:
            reason = f"the {name} cannot be listed: {stop.reason}"
            yield replace(unit, stream=f"({name})", settled=(stop.status, reason))
        if not found.places and not found.unknown:
            reason = "no account of the subscription holds such logs, and no setting delivers them to one"
            yield replace(unit, settled=(UnitStatus.NOT_CONFIGURED, reason))
        for place in found.places.values():
            yield _unit_of(unit, place, found.roots.get(place.account, ""), scope.params.get("prefix", ""))

    def acquire(self, unit: Unit, ctx: Context) -> Iterator[Item]:
        """Yield each listing page, then the blobs on it."""
        if unit.window is None:
            raise UsageError("logs in blobs need a window")
        wire = self._access.wire(unit.target, "storage", ctx, "blobs")
        account, container = unit.settings["account"], unit.settings["container"]
        root = unit.settings.get("root") or root_of(self._access, unit.target, account)
        run = _Run(
            ctx=ctx,
            wire=wire,
            url=f"{root}/{container}",
            place=f"{account}/{container}",
            window=unit.window,
        )
        yield from told(run.items(unit.settings.get("prefix", "")), self.spec.permissions)


def _unit_of(unit: Unit, place: Place, root: str, prefix: str) -> Unit:
    settings = {"account": place.account, "container": place.container, "root": root, "prefix": prefix}
    made = replace(unit, stream=f"{place.account}/{place.container}", settings=settings)
    if not place.deleted:
        return made
    reason = f"the container was deleted at {place.deleted}; while it is retained, its owner can restore it"
    return replace(made, settled=(UnitStatus.PARTIAL_TRUNCATED, reason))


@dataclass(slots=True, kw_only=True)
class _Run:
    """One container, one window: what was left because its hour is not over, what was deleted, what was there."""

    ctx: Context
    wire: WebWire
    url: str
    place: str
    window: Window
    include: str = ALL
    open_hours: list[Window] = field(default_factory=list)
    seen: int = 0
    deleted: int = 0
    hidden: int = 0  # deleted snapshots and versions: an overwrite makes some where the account retains them
    refused: Closed | None = None  # versions may not be listed

    def items(self, prefix: str) -> Iterator[Item]:
        """Yield everything; what was deleted makes the unit partial, what may not be listed denied.

        Hours that are still written to leave it unsettled, unless more than they is missing.
        """
        for found in list_blobs(self.wire, self.ctx, self.url, self.place, prefix):
            if isinstance(found, Remark):
                self.include = ""
                yield found
                continue
            if isinstance(found, Closed):
                self.refused = found
                continue
            page, blobs = found
            yield page
            for blob in blobs:
                yield from self._take(blob)
        yield from self._ending()

    def _ending(self) -> Iterator[Item]:
        if not self.seen:
            message = f"no blob of {self.place} speaks of the window"
            yield Remark(finding=Finding(kind="no_blobs", message=message, window=self.window))
        if self.hidden:
            message = f"{self.hidden} deleted snapshots and versions in {self.place} are listed, but cannot be read"
            yield Remark(finding=Finding(kind="older_versions_deleted", message=message, window=self.window))
        if self.deleted:
            reason = f"{self.deleted} blobs were deleted; while they are retained, their owner can restore them"
            yield Closed(status=UnitStatus.PARTIAL_TRUNCATED, reason=reason)
        elif self.refused:
            yield self.refused
        elif self.open_hours:
            first = min(hour.start for hour in self.open_hours)
            reason = f"{len(self.open_hours)} blobs are of hours that are still written to, since {rfc3339(first)}"
            yield Closed(status=UnitStatus.COMPLETE_UNSETTLED, reason=reason)

    def _take(self, blob: Blob) -> Iterator[Item]:
        if blob.folder:
            return
        hour = blob.hour
        if hour is None or not blob.is_path:
            message = f"{blob.name} carries no hour in its name and is not taken"
            yield _remark("unreadable_name", message, blob)
            return
        if hour.end <= self.window.start or hour.start >= self.window.end:
            return
        self.seen += 1
        if blob.deleted and not blob.latest:
            self.hidden += 1
        elif blob.deleted:
            self.deleted += 1
            # Only an owner's undelete gives it back, and that would change the account.
            yield _remark("object_deleted", f"{blob.name} was deleted at {blob.said.get('deletedTime', '?')}", blob)
        elif hour.end + _CLOSES > self.ctx.now():
            self.open_hours.append(hour)
            yield _remark("hour_open", f"{blob.name} is of an hour that is still written to; it is left", blob)
        else:
            yield from self._download(blob)

    def _download(self, blob: Blob) -> Iterator[Item]:
        if not blob.latest:
            message = f"{self.place}/{blob.key} was overwritten or deleted; the older version is taken too"
            yield _remark("older_version", message, blob)
        opener = Opener(wire=self.wire, ctx=self.ctx, url=self.url, blob=blob, include=self.include)
        yield Download(name=blob.name, open=opener.open, object=blob.facts())
        if opener.now is not None:  # the engine is done with it when it asks for the next item
            message = (
                f"{blob.name} was changed between its listing and its reading; what is stored is the later state"
            )
            yield _remark("object_changed", message, opener.now)


def _remark(kind: str, message: str, blob: Blob) -> Remark:
    return Remark(finding=Finding(kind=kind, message=message, window=blob.hour, facts=blob.facts()))
