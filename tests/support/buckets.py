"""Buckets of three providers that enforce what they are for: ministack, fake-gcs-server, azurite."""

import base64
import hashlib
import hmac
import json
import os
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate

import obstore
from obstore.store import from_url
from support import azurite
from support.gcs_server import GcsServer
from support.ministack import REGION, Ministack

# The one account that every Azure emulator knows; its key stands in the manual.
EMULATOR_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """An empty bucket: its URL, the environment that opens it, and what a stranger does past the vault."""

    url: str
    environ: Mapping[str, str]
    put: Callable[[str, bytes], object]  # overwrites
    delete: Callable[[str], object]


def amazon(running: Ministack, name: str, *, endpoint: str = "", lockable: bool = True) -> Bucket:
    """Make a bucket with versions and Object Lock, reached at `endpoint`."""
    client = running.client("s3")
    client.create_bucket(
        Bucket=name, ObjectLockEnabledForBucket=lockable, CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    return Bucket(
        url=f"s3://{name}",
        environ={**running.environ, "AWS_ENDPOINT_URL": endpoint or running.url},
        put=lambda key, body: client.put_object(Bucket=name, Key=key, Body=body),
        delete=lambda key: client.delete_object(Bucket=name, Key=key),
    )


def google(running: GcsServer, name: str, *, versioning: bool = False) -> Bucket:
    """Make a bucket."""
    running.bucket(name, versioning=versioning)
    account = {"gcs_base_url": running.url, "disable_oauth": True}
    account |= {"client_email": "", "private_key": "", "private_key_id": ""}
    return Bucket(
        url=f"gs://{name}",
        environ={"GOOGLE_SERVICE_ACCOUNT_KEY": json.dumps(account), "STORAGE_EMULATOR_HOST": running.url},
        put=lambda key, body: running.put(name, key, body),
        delete=lambda key: running.delete(name, key),
    )


def microsoft(url: str, name: str) -> Bucket:
    """Make a container."""
    said = {
        "AZURE_STORAGE_ACCOUNT_NAME": azurite.ACCOUNT,
        "AZURE_STORAGE_ACCOUNT_KEY": EMULATOR_KEY,
        "AZURE_STORAGE_ENDPOINT": f"{url}/{azurite.ACCOUNT}",
    }
    urllib.request.urlopen(signed_azure("PUT", said, f"/{name}?restype=container")).close()  # noqa: S310 - loopback
    store = from_url(f"az://{name}", config=_lower(said), client_options={"allow_http": True})
    return Bucket(
        url=f"az://{name}",
        environ=said,
        put=lambda key, body: obstore.put(store, key, body),
        delete=lambda key: obstore.delete(store, key),
    )


def _lower(said: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in said.items()}


def signed_azure(method: str, said: Mapping[str, str], path: str) -> urllib.request.Request:
    """Make a request by Azure's shared-key rules: obstore makes no containers."""
    date = formatdate(usegmt=True)
    account = said["AZURE_STORAGE_ACCOUNT_NAME"]
    base, _, query = path.partition("?")
    resource = f"/{account}/{account}{base}\n" + query.replace("=", ":")
    text = f"{method}\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:{date}\nx-ms-version:2021-12-02\n{resource}"
    key = base64.b64decode(said["AZURE_STORAGE_ACCOUNT_KEY"])
    signature = base64.b64encode(hmac.digest(key, text.encode(), "sha256")).decode()
    headers = {
        "x-ms-date": date,
        "x-ms-version": "2021-12-02",
        "Authorization": f"SharedKey {account}:{signature}",
    }
    return urllib.request.Request(said["AZURE_STORAGE_ENDPOINT"] + path, method=method, headers=headers)  # noqa: S310


def name_of(text: str) -> str:
    """Return a bucket's name of its own for a test's."""
    return f"b-{hashlib.sha256(text.encode()).hexdigest()[:20]}"


def enter(monkeypatch, bucket: Bucket) -> Bucket:
    """Make the environment the bucket's; nothing else of the machine opens anything."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "AZURE_", "GOOGLE_", "STORAGE_")):
            monkeypatch.delenv(name)
    for name, value in bucket.environ.items():
        monkeypatch.setenv(name, value)
    return bucket
