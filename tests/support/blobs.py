"""Storage accounts of the small tenant: logs delivered into them, and what of them came to lie on disk."""

import hashlib
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

from support.lab import Lab
from support.microsoft import Tenant, quick

from evidence_kit.acquire.run import Result
from evidence_kit.acquire.scope import Order
from evidence_kit.collectors.registry import build
from evidence_kit.model.time import Window
from evidence_kit.sandbox.microsoft.apis import SUBSCRIPTION
from evidence_kit.sandbox.microsoft.blobs import Blob, Blobs, delivering, hour_of

UNDER = f"/subscriptions/{SUBSCRIPTION}/providers"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/till/providers"
ARCHIVE, SALES = "archive", "sales"
ACCOUNTS = {name: f"{GROUP}/Microsoft.Storage/storageAccounts/{name}" for name in (ARCHIVE, SALES)}
NSG = "insights-logs-networksecuritygroupflowevent"
RESOURCE = f"resourceId=/SUBSCRIPTIONS/{SUBSCRIPTION.upper()}/RESOURCEGROUPS/TILL/PROVIDERS/MICROSOFT.NETWORK/X"


def log(hour: datetime, *, body: bytes | None = None, mac: str = "", **said: object) -> Blob:
    """Return the blob of one hour."""
    name = hour_of(RESOURCE, hour, mac=mac)
    return Blob(name=name, body=body or f'{{"time":"{hour:%Y-%m-%dT%H}"}}\n'.encode() * 40, **said)


def hours(window: Window) -> list[datetime]:
    """Return the whole hours of a window."""
    first = window.start.replace(minute=0)
    return [first + timedelta(hours=n) for n in range(48) if first + timedelta(hours=n) < window.end]


def held(kiosk: Tenant, account: str, container: str, **said: object) -> None:
    """Let Resource Manager list a container."""
    path = f"{ACCOUNTS[account]}/blobServices/default/containers"
    kiosk.arm.lists[path].append({"name": container, "properties": said})


def stocked(kiosk: Tenant) -> Blobs:
    """Give the tenant storage accounts, and a subscription that delivers logs to one of them."""
    blobs = Blobs()
    kiosk.server.apis.append(blobs)
    kiosk.arm.lists.update(delivering(ACCOUNTS, UNDER, GROUP))
    return blobs


def collect(lab: Lab, kiosk: Tenant, source: str, window: Window, **params: str) -> Result:
    """Collect a source with what `--set` says."""
    order = Order(sources=(source,), targets=(kiosk.target(),), window=window, params=params)
    with lab.vault.lock(), lab.vault.working():
        return lab.engine(build(quick(source)), workers=2).collect(order)


def files(lab: Lab) -> Counter[str]:
    """Return the digests of the stored blobs, hashed from disk."""
    return Counter(hashlib.sha256(body).hexdigest() for path, body in lab.bodies() if "ListBlobs" not in str(path))


def digests(*blobs: Blob) -> Counter[str]:
    """Return the digests of what blobs hold."""
    return Counter(hashlib.sha256(blob.body).hexdigest() for blob in blobs)


def sent(kiosk: Tenant, status: int = 200) -> Counter[str]:
    """Return the digests of every answer of the storage accounts."""
    return Counter(one.sha256 for one in kiosk.server.sent if one.api == "storage" and one.status == status)


def rewritten(blob: Blob, body: bytes) -> Blob:
    """Return a blob with other bytes, and so with another ETag."""
    return replace(blob, body=body)
