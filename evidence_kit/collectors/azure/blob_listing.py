"""Listing a container: every blob with its snapshots, versions and what was deleted, or what may be seen of them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from evidence_kit.collectors.azure.blob_wire import VERSION, VersionsRefused, text_of
from evidence_kit.collectors.web.paging import Paging, pages
from evidence_kit.collectors.web.wire import Ask, WebWire
from evidence_kit.model.exchange import Closed, Page, Remark, Stop
from evidence_kit.model.ports import Context
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window
from evidence_kit.model.unit import Finding

OPERATION = "ListBlobs"
ALL = "snapshots,versions,deleted"
_PAGING = Paging(next="NextMarker", name="marker")
_HOUR = timedelta(hours=1)
# `…/y=2026/m=11/d=21/h=06/m=00/PT1H.json`, for flow logs of networks with `macAddress=…/` before the last part.
_DELIVERED = re.compile(r"/y=(\d{4})/m=(\d\d)/d=(\d\d)/h=(\d\d)/m=\d\d/(?:macAddress=[^/]*/)?PT1H\.json$")
# `blob/2026/11/21/0600/000000.log`, of the classic storage analytics.
_CLASSIC = re.compile(r"^(?:blob|file|queue|table)/(\d{4})/(\d\d)/(\d\d)/(\d\d)00/\d+\.log$")
_PROPERTIES = {
    "etag": "Etag", "md5": "Content-MD5", "size": "Content-Length", "modified": "Last-Modified", "type": "BlobType",
    "created": "Creation-Time", "deletedTime": "DeletedTime", "remainingRetentionDays": "RemainingRetentionDays",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """One blob, or a snapshot or version of one, as a listing names it."""

    place: str  # account and container
    key: str
    version: str = ""
    snapshot: str = ""
    latest: bool = True
    deleted: bool = False
    folder: bool = False  # a folder of an account that knows folders: it holds no bytes
    said: Mapping[str, str]

    @property
    def name(self) -> str:
        """Return the original name; what is not the present blob says which it is."""
        return f"{self.place}/{self.key}" + ("" if self.latest else f"@{self.snapshot or self.version}")

    @property
    def is_path(self) -> bool:
        """Whether its name can stand in an address: dots as a part of it would lead out of its container."""
        return bool(self.key) and not {".", ".."} & set(self.key.split("/"))

    @property
    def etag(self) -> str:
        """Return the ETag as it is asked for: a listing writes it without its quotes."""
        return f'"{self.said["etag"].strip(chr(34))}"' if self.said.get("etag") else ""

    @property
    def hour(self) -> Window | None:
        """Return the hour that its name speaks of."""
        found = _DELIVERED.search(self.key) or _CLASSIC.search(self.key)
        if found is None:
            return None
        try:
            start = datetime.fromisoformat(f"{found[1]}-{found[2]}-{found[3]}T{found[4]}:00:00+00:00")
            return Window(start, start + _HOUR)
        except (ValueError, OverflowError):
            return None

    def params(self) -> dict[str, str]:
        """Return what Get Blob is asked for beside the name: exactly this one."""
        if self.snapshot:
            return {"snapshot": self.snapshot}
        return {"versionid": self.version} if self.version and not self.latest else {}

    def is_same(self, other: "Blob") -> bool:
        """Whether both are the same blob, snapshot or version, whatever they hold."""
        return (self.key, self.snapshot, self.latest) == (other.key, other.snapshot, other.latest) and (
            self.latest or self.version == other.version
        )

    def facts(self) -> dict[str, str]:
        """Return what the record says of it."""
        place, _, container = self.place.partition("/")
        named = {"account": place, "container": container, "key": self.key, "versionId": self.version}
        named |= {"snapshot": self.snapshot, "isLatest": "true" if self.latest else "false", **self.said}
        return {name: value for name, value in named.items() if value}


def list_blobs(
    wire: WebWire, ctx: Context, url: str, place: str, prefix: str
) -> Iterator[tuple[Page, tuple[Blob, ...]] | Remark | Closed]:
    """Yield each listing page with what is on it.

    Where versions are refused, the present blobs are listed, and `Closed` says how the unit must end.
    """
    begun, refused = False, ""
    try:
        for found in _pages(wire, ctx, listing(url, prefix, ALL), place):
            begun = True
            yield found
    except Stop as stop:
        if begun or not (isinstance(stop, VersionsRefused) or stop.status is UnitStatus.DENIED):
            raise
        refused = stop.reason
    else:
        return
    message = f"versions and deleted blobs of {place} may not be listed: what was overwritten stays invisible"
    yield Remark(finding=Finding(kind="versions_denied", message=message, facts={"reason": refused}))
    yield from _pages(wire, ctx, listing(url, prefix, ""), place)
    yield Closed(status=UnitStatus.DENIED, reason=f"{message}: {refused}"[:700])


def listing(url: str, prefix: str, include: str) -> Ask:
    """Return the question for the blobs of a container."""
    params = {"restype": "container", "comp": "list"}
    params |= {"prefix": prefix} if prefix else {}
    params |= {"include": include} if include else {}
    return Ask(operation=OPERATION, url=url, params=params, headers={"x-ms-version": VERSION})


def blobs_of(place: str, parsed: Mapping[str, object]) -> tuple[Blob, ...]:
    """Return what a listing page names."""
    found = parsed.get("Blobs")
    return tuple(_blob(place, one) for one in found if one.tag == "Blob") if isinstance(found, tuple) else ()


def _pages(wire: WebWire, ctx: Context, ask: Ask, place: str) -> Iterator[tuple[Page, tuple[Blob, ...]]]:
    include = str(ask.params.get("include", ""))
    for answer, cursor in pages(wire, ctx, ask, _PAGING, result="Blobs"):
        yield (
            Page(
                name=f"{OPERATION} with {include.replace(',', ' ')}" if include else OPERATION,
                body=answer.body,
                exchange=answer.exchange,
                next_cursor=cursor,
                suffix="xml",
            ),
            blobs_of(place, answer.parsed),
        )


def _blob(place: str, element: Element) -> Blob:
    name = element.find("Name")
    key = (name.text or "") if name is not None else ""
    version, snapshot = text_of(element, "VersionId"), text_of(element, "Snapshot")
    said = {word: text_of(element, f"Properties/{tag}") for word, tag in _PROPERTIES.items()}
    return Blob(
        place=place,
        key=unquote(key) if name is not None and name.get("Encoded") == "true" else key,
        version=version,
        snapshot=snapshot,
        latest=not snapshot and (not version or text_of(element, "IsCurrentVersion") == "true"),
        deleted=text_of(element, "Deleted") == "true",
        folder=text_of(element, "Properties/ResourceType") == "directory",
        said={word: value for word, value in said.items() if value},
    )
