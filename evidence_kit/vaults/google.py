"""Google Cloud Storage: put under an MD5 that the service checks, only where no generation is."""

import secrets
from collections.abc import Iterator, Mapping
from typing import BinaryIO
from urllib.parse import quote

import google.auth
import requests
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError, TransportError
from google.auth.transport.requests import AuthorizedSession

from evidence_kit.custody import strict
from evidence_kit.errors import (
    AccessError,
    DigestError,
    EmptyError,
    EvidenceKitError,
    MissingError,
    ProviderError,
    SignatureError,
    UsageError,
)
from evidence_kit.model.ports import Stored
from evidence_kit.vaults.deposit import Lock, Mark, Seen, md5_of
from evidence_kit.vaults.rest import Answer, Line

ENDPOINT = "https://storage.googleapis.com"
_SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"
_PAGE = 1000  # what the service lists at once
_LIMIT = 16 << 20  # a page of a listing
_NEEDS = "storing takes storage.objects.create, .get and .list; the roles Storage Object Creator and Viewer have them"


class GoogleDoor:
    """The objects below `prefix` in one bucket."""

    most = 5 << 40  # the largest object there is

    def __init__(self, line: Line, base: str, bucket: str, prefix: str) -> None:
        self._line, self._bucket = line, bucket
        self._objects = f"/storage/v1/b/{quote(bucket, safe='')}/o"
        self._base, self._prefix = base, f"{prefix}/" if prefix else ""

    @classmethod
    def at(cls, bucket: str, prefix: str, lock: Lock, environ: Mapping[str, str]) -> "GoogleDoor":
        """Return the door of `bucket`; an emulator, where the environment names one, is asked without a token."""
        if lock.wanted:
            raise UsageError(
                "Google Cloud Storage is not locked from here",
                hint="lock a retention policy of the bucket beforehand",
            )
        if emulator := environ.get("STORAGE_EMULATOR_HOST"):
            base = emulator if "://" in emulator else f"http://{emulator}"
            return cls(Line(name=_NAME, session=requests.Session()), base.rstrip("/"), bucket, prefix)
        return cls(Line(name=_NAME, session=_session()), ENDPOINT, bucket, prefix)

    def put(self, path: str, body: BinaryIO, said: Stored) -> Mark | None:
        """Store `body` where no generation is; the service refuses bytes that its MD5 does not fit."""
        md5 = md5_of(body)
        document = strict.encode({"name": self._prefix + path, "md5Hash": md5})
        parcel = _Parcel(document, body, said.size)
        answer = self._send(
            "POST",
            f"/upload{self._objects}",
            path,
            params={"uploadType": "multipart", "ifGenerationMatch": "0"},
            headers={"Content-Type": f"multipart/related; boundary={parcel.boundary}"},
            body=parcel,
        )
        if answer.status == _PRECONDITION:
            return None
        found = _document(answer, path)
        if found.get("md5Hash") != md5:
            raise DigestError(f"`{path}` arrived with other bytes than were sent", hint="verify the case")
        return _mark(found)

    def mark(self, path: str) -> Mark:
        """Return what is said of the generation that is there."""
        where = f"{self._objects}/{quote(self._prefix + path, safe='')}"
        answer = self._send("GET", where, path)
        if answer.status == _ABSENT:
            raise MissingError(f"`{path}` is missing")
        return _mark(_document(answer, path))

    def listing(self) -> Iterator[Seen]:
        """Yield every object, older generations too where the bucket keeps them, a thousand a request."""
        asked = {
            "prefix": self._prefix,
            "versions": "true",
            "maxResults": str(_PAGE),
            "fields": "nextPageToken,items(name,generation,etag,timeDeleted)",
        }
        while True:
            page = _document(self._send("GET", self._objects, self._bucket, params=asked), self._bucket)
            for one in strict.field(page, "items", list) if "items" in page else ():
                if path := str(one["name"]).removeprefix(self._prefix):
                    yield Seen(path=path, mark=_mark(one), is_latest=not one.get("timeDeleted"))
            if not page.get("nextPageToken"):
                return
            asked["pageToken"] = str(page["nextPageToken"])

    def fault(self, path: str, version: str | None, lock: Lock) -> str:
        """Say that nothing was locked from here."""
        del path, version, lock
        return "locks of Google Cloud Storage are not read"

    def close(self) -> None:
        """Let connections go."""
        self._line.session.close()

    def _send(self, method: str, path: str, what: str, **said: object) -> Answer:
        try:
            return self._line.send(method, self._base + path, what=what, **said)  # type: ignore[arg-type]
        except TransportError as error:
            raise ProviderError("Google's token service does not answer", hint="the same command goes on") from error
        except GoogleAuthError as error:
            raise AccessError("Google refuses the credentials", hint="log in again") from error


_NAME = "Google Cloud Storage"
_ABSENT, _PRECONDITION = 404, 412


class _Parcel:
    """A document and a body as one multipart message, read as a stream."""

    def __init__(self, document: bytes, body: BinaryIO, size: int) -> None:
        self.boundary = secrets.token_hex(16)
        line = f"--{self.boundary}"
        head = f"{line}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n".encode() + document
        self._head = head + f"\r\n{line}\r\nContent-Type: application/octet-stream\r\n\r\n".encode()
        self._tail = f"\r\n{line}--\r\n".encode()
        self._body, self._size, self._at = body, size, 0

    def __len__(self) -> int:
        return len(self._head) + self._size + len(self._tail)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go back to the beginning, which is all that sending again takes."""
        if offset or whence:
            raise ValueError("a parcel is sent from its beginning")
        self._at = self._body.seek(0)
        return 0

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes."""
        size = len(self) if size < 0 else size
        if self._at < len(self._head):
            part = self._head[self._at : self._at + size]
        elif self._at < len(self._head) + self._size:
            part = self._body.read(min(size, len(self._head) + self._size - self._at))
        else:
            part = self._tail[self._at - len(self._head) - self._size :][:size]
        self._at += len(part)
        return part


def _session() -> requests.Session:
    try:
        credentials, _ = google.auth.default(scopes=(_SCOPE,))
    except DefaultCredentialsError as error:
        hint = "`gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS"
        raise AccessError("no Google credentials found", hint=hint) from error
    session: requests.Session = AuthorizedSession(credentials)  # type: ignore[no-untyped-call]
    return session


def _mark(said: Mapping[str, object]) -> Mark:
    generation, tag = said.get("generation"), said.get("etag")
    return Mark(version=str(generation) if generation else None, etag=str(tag) if tag else None)


def _document(answer: Answer, what: str) -> Mapping[str, object]:
    if answer.status != 200:
        raise _judged(answer, what)
    try:
        return strict.decode(answer.body, limit=_LIMIT)
    except SignatureError as error:
        raise ProviderError(f"{_NAME} answered `{what}` with what is no JSON document") from error


def _judged(answer: Answer, what: str) -> EvidenceKitError:
    if answer.status in {401, 403}:
        return AccessError(f"access to `{what}` was denied", hint=_NEEDS)
    if answer.status == _ABSENT:
        return EmptyError("there is no such bucket", hint="check its name")
    if b"MD5" in answer.body:
        return DigestError(f"`{what}` arrived with other bytes than were sent", hint="verify the case")
    return ProviderError(f"{_NAME} refused `{what}`: status {answer.status}", hint="the same command goes on")
