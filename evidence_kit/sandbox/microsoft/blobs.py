"""Storage accounts: containers with blobs, their versions, snapshots and what was deleted, listed in XML."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import unquote
from xml.sax.saxutils import escape

from evidence_kit.sandbox.microsoft.entra import TENANT
from evidence_kit.sandbox.microsoft.faults import Reply
from evidence_kit.sandbox.microsoft.server import Asked

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_XML = {"Content-Type": "application/xml"}
# Which word of `include` shows what is not there at present.
_SHOWN = {"version": "versions", "snapshot": "snapshots", "deleted": "deleted"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """One blob, version or snapshot. `md5` None is the true one; append blobs have none at all (`""`)."""

    name: str
    body: bytes
    version: str = ""
    current: bool = True
    snapshot: str = ""
    deleted: str = ""  # when it was
    md5: str | None = None
    folder: bool = False
    modified: datetime = _EPOCH

    @property
    def etag(self) -> str:
        """Return its ETag, without quotes; other bytes or another version have another."""
        return (
            "0x" + hashlib.sha256(self.body + self.version.encode() + self.snapshot.encode()).hexdigest()[:14].upper()
        )

    @property
    def content_md5(self) -> str:
        """Return the MD5 that the service names."""
        return _md5(self.body) if self.md5 is None else self.md5

    @property
    def is_present(self) -> bool:
        """Whether it is what a request without version or snapshot gets."""
        return self.current and not self.snapshot and not self.deleted

    def shown(self, include: str) -> bool:
        """Say whether a listing shows it."""
        words = include.split(",")
        hidden = {"version": not self.current, "snapshot": self.snapshot, "deleted": self.deleted}
        return all(_SHOWN[name] in words for name, is_so in hidden.items() if is_so)

    def element(self, *, versions: bool) -> str:
        """Return it as a listing shows it."""
        properties = {
            "Creation-Time": format_datetime(self.modified, usegmt=True),
            "Last-Modified": format_datetime(self.modified, usegmt=True),
            "Etag": self.etag,
            "ResourceType": "directory" if self.folder else "",
            "Content-Length": str(len(self.body)),
            "Content-MD5": self.content_md5,
            "BlobType": "AppendBlob" if self.md5 == "" else "BlockBlob",
            "DeletedTime": self.deleted,
        }
        inner = "".join(f"<{tag}>{value}</{tag}>" for tag, value in properties.items() if value)
        head = f"<Name>{escape(self.name)}</Name>" + ("<Deleted>true</Deleted>" if self.deleted else "")
        head += f"<Snapshot>{self.snapshot}</Snapshot>" if self.snapshot else ""
        if versions and self.version:
            head += f"<VersionId>{self.version}</VersionId>"
            head += "<IsCurrentVersion>true</IsCurrentVersion>" if self.is_present else ""
        return f"<Blob>{head}<Properties>{inner}</Properties><OrMetadata /></Blob>"


@dataclass(kw_only=True)
class Blobs:
    """The accounts of one tenant: containers by account and name. `flat` accounts list no versions."""

    containers: dict[tuple[str, str], list[Blob]] = field(default_factory=dict)
    flat: bool = False
    page: int = 5000
    api: str = "storage"

    def answer(self, asked: Asked) -> Reply | None:
        """Return a page of a listing, a blob, or an error as the service writes it."""
        account, container, name = (*unquote(asked.path).strip("/").split("/", 2), "", "", "")[:3]
        if asked.tenant != TENANT:
            return refused(403, "AuthorizationPermissionMismatch")
        if "x-ms-version" not in asked.headers:
            return refused(400, "MissingRequiredHeader")
        blobs = self.containers.get((account, container))
        if blobs is None:
            return refused(404, "ContainerNotFound")
        return self._blob(asked, blobs, name) if name else self._listing(asked, account, container, blobs)

    def _listing(self, asked: Asked, account: str, container: str, blobs: list[Blob]) -> Reply:
        include, at = asked.query.get("include", ""), int(asked.query.get("marker", "0"))
        if self.flat and include:
            return refused(400, "InvalidQueryParameterValue")
        prefix = asked.query.get("prefix", "")
        shown = [blob for blob in blobs if blob.name.startswith(prefix) and blob.shown(include)]
        shown.sort(key=lambda blob: (blob.name, blob.snapshot or "~", blob.version))
        inner = "".join(blob.element(versions="versions" in include) for blob in shown[at : at + self.page])
        marker = str(at + self.page) if at + self.page < len(shown) else ""
        where = f'ServiceEndpoint="{asked.base}/{account}/" ContainerName="{container}"'
        text = f'<?xml version="1.0" encoding="utf-8"?><EnumerationResults {where}><Blobs>{inner}</Blobs>'
        text += f"<NextMarker>{marker}</NextMarker></EnumerationResults>"
        return Reply(200, b"\xef\xbb\xbf" + text.encode(), _XML)

    def _blob(self, asked: Asked, blobs: list[Blob], name: str) -> Reply:
        version, snapshot = asked.query.get("versionid", ""), asked.query.get("snapshot", "")
        for blob in blobs:
            wanted = (
                blob.version == version if version else blob.snapshot == snapshot if snapshot else blob.is_present
            )
            if blob.name != name or not wanted or blob.deleted:
                continue
            if asked.headers.get("if-match", f'"{blob.etag}"') != f'"{blob.etag}"':
                return refused(412, "ConditionNotMet")
            headers = {"ETag": f'"{blob.etag}"', "Content-Type": "application/octet-stream"}
            headers |= {"Content-MD5": blob.content_md5} if blob.content_md5 else {}
            return Reply(200, blob.body, headers)
        return refused(404, "BlobNotFound")


def refused(status: int, code: str) -> Reply:
    """Return an error as blob storage writes it."""
    text = f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code><Message>no</Message></Error>'
    return Reply(status, b"\xef\xbb\xbf" + text.encode(), {**_XML, "x-ms-error-code": code})


def _md5(body: bytes) -> str:
    return base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()


def hour_of(resource: str, hour: datetime, *, mac: str = "") -> str:
    """Return the name under which an hour of a resource's log is delivered."""
    inner = f"macAddress={mac}/" if mac else ""
    return f"{resource}/y={hour:%Y}/m={hour:%m}/d={hour:%d}/h={hour:%H}/m=00/{inner}PT1H.json"


def delivering(accounts: Mapping[str, str], under: str, group: str) -> dict[str, list[Mapping[str, object]]]:
    """Return what Resource Manager lists of a subscription that delivers logs: by account id, and of settings."""
    (archive, *_), settings = tuple(accounts.values()), "providers/Microsoft.Insights/diagnosticSettings"
    watcher = f"{group}/Microsoft.Network/networkWatchers/w"
    cluster, vault = (
        f"{group}/Microsoft.ContainerService/managedClusters/k",
        f"{group}/Microsoft.KeyVault/vaults/keys",
    )
    to = [{"id": "ds", "properties": {"storageAccountId": archive, "logs": [{"enabled": True}]}}]
    lists: dict[str, list[Mapping[str, object]]] = {
        f"{under}/Microsoft.Network/networkWatchers": [{"id": watcher}],
        f"{watcher}/flowLogs": [
            _flow_log("networkSecurityGroups/n", archive),
            _flow_log("virtualNetworks/v", archive),
        ],
        f"{under}/Microsoft.ContainerService/managedClusters": [{"id": cluster}],
        f"{cluster}/{settings}": list(to),
        f"{vault}/{settings}": list(to),
        f"{under}/Microsoft.Insights/diagnosticSettings": list(to),
        f"{under}/Microsoft.Storage/storageAccounts": [{"id": one, "kind": "StorageV2"} for one in accounts.values()],
    }
    for one in accounts.values():
        lists[f"{one}/blobServices/default/containers"] = []
        for service in ("blob", "file", "queue", "table"):
            lists[f"{one}/{service}Services/default/{settings}"] = []
    return lists


def _flow_log(resource: str, account: str) -> Mapping[str, object]:
    return {"id": resource, "properties": {"targetResourceId": f"/x/{resource}", "storageId": account}}
