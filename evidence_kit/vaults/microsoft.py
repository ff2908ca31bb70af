"""Azure Blob Storage: put under an MD5 that the service checks, only where no blob is."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, BinaryIO, cast

import requests

from evidence_kit.errors import AccessError, DigestError, EmptyError, EvidenceKitError, ProviderError, UsageError
from evidence_kit.model.ports import Stored
from evidence_kit.vaults.deposit import Lock, Mark, Seen, md5_of
from evidence_kit.vaults.objects import translated
from evidence_kit.vaults.rest import Answer, Line

if TYPE_CHECKING:
    from obstore.store import AzureStore, ObjectStore

_NAME = "Azure Blob Storage"
_LEAVE = timedelta(hours=1)  # for one blob, tries and all
_PAGE = 1000
_CREATED, _THERE = 201, frozenset({409, 412})
_CODE = re.compile(rb"<Code>([A-Za-z0-9]{1,60})</Code>")
_CHANGED = frozenset({"Md5Mismatch", "InvalidMd5", "InvalidOperation"})  # the last is the emulator's word for it
_TAKEN = frozenset({"BlobAlreadyExists", "UnauthorizedBlobOverwrite", "BlobImmutableDueToPolicy", "ConditionNotMet"})
_NEEDS = "storing takes the role Storage Blob Data Contributor, or a key of the account"


class MicrosoftDoor:
    """The blobs below a prefix in one container; `store` finds them, and signs the one request that puts each."""

    most = 5000 << 20  # what one Put Blob takes

    def __init__(self, store: "ObjectStore", line: Line) -> None:
        self._store, self._line = store, line

    @classmethod
    def at(cls, store: "ObjectStore", lock: Lock) -> "MicrosoftDoor":
        """Return the door of the container that `store` reads."""
        if lock.wanted:
            raise UsageError(
                "Azure Blob Storage is not locked from here",
                hint="set an immutability policy on the container beforehand",
            )
        return cls(store, Line(name=_NAME, session=requests.Session()))

    def put(self, path: str, body: BinaryIO, said: Stored) -> Mark | None:
        """Store `body` where no blob is, under its MD5."""
        from obstore import sign

        md5 = md5_of(body)
        with translated(path):
            url = sign(cast("AzureStore", self._store), "PUT", path, _LEAVE)
        answer = self._line.send(
            "PUT",
            url,
            what=path,
            headers={
                "x-ms-blob-type": "BlockBlob",
                "If-None-Match": "*",
                "Content-MD5": md5,
                "Content-Type": "application/octet-stream",
                "Content-Length": str(said.size),
            },
            body=body if said.size else None,
        )
        if answer.status == _CREATED:
            return Mark(version=answer.headers.get("x-ms-version-id"), etag=_bare(answer.headers.get("ETag")))
        if answer.status in _THERE and _code(answer) in _TAKEN:
            return None
        raise _judged(answer, path)

    def mark(self, path: str) -> Mark:
        """Return what is said of the blob that is there."""
        from obstore import head

        with translated(path):
            found = head(self._store, path)
        return Mark(version=found["version"], etag=_bare(found["e_tag"]))

    def listing(self) -> Iterator[Seen]:
        """Yield every blob as it stands now; its ETag changes with every write."""
        from obstore import list as pages

        with translated("the container"):
            for page in pages(self._store, chunk_size=_PAGE):
                for one in page:
                    if one["path"]:
                        yield Seen(path=one["path"], mark=Mark(version=one["version"], etag=_bare(one["e_tag"])))

    def fault(self, path: str, version: str | None, lock: Lock) -> str:
        """Say that nothing was locked from here."""
        del path, version, lock
        return "locks of Azure Blob Storage are not read"

    def close(self) -> None:
        """Let connections go."""
        self._line.session.close()


def _bare(tag: str | None) -> str | None:
    return tag.strip('"') if tag else None


def _code(answer: Answer) -> str:
    found = _CODE.search(answer.body)
    return answer.headers.get("x-ms-error-code") or (found[1].decode() if found else "")


def _judged(answer: Answer, what: str) -> EvidenceKitError:
    code = _code(answer)
    if answer.status in {401, 403}:
        return AccessError(f"access to `{what}` was denied: {code}", hint=_NEEDS)
    if code == "ContainerNotFound":
        return EmptyError("there is no such bucket", hint="check account and container")
    if code in _CHANGED:
        return DigestError(f"`{what}` arrived with other bytes than were sent", hint="verify the case")
    return ProviderError(
        f"{_NAME} refused `{what}`: {code or answer.status}", hint="the same command goes on where it stood"
    )
