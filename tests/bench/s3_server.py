"""A small S3 on loopback for benchmarks: its own process, bodies in memory, so that the clients are what is measured.

It lists (both ways), answers GET with and without a range, HEAD, and STS's one question. It checks no signature.
"""

import argparse
import asyncio
import hashlib
import re
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import parse_qs, unquote, urlsplit

BUCKET = "bench"
ACCOUNT = "111122223333"
PAGE = 1000
PART = 8 << 20  # what tools put in one piece at most
_MODIFIED = "2026-11-20T12:00:00.000Z"
_STAMP = "Fri, 20 Nov 2026 12:00:00 GMT"
_IDENTITY = (
    '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
    f"<Arn>arn:aws:iam::{ACCOUNT}:user/bench</Arn><UserId>AIDABENCH</UserId><Account>{ACCOUNT}</Account>"
    "</GetCallerIdentityResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>"
    "</GetCallerIdentityResponse>"
).encode()
_SPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


@dataclass(frozen=True)
class Shelf:
    """What is stored: so many objects of one size, of which each has the same bytes but for its first sixteen."""

    objects: int
    size: int
    latency: float

    def key(self, number: int) -> str:
        """Return the name of an object."""
        return f"AWSLogs/{ACCOUNT}/CloudTrail/us-east-1/2026/11/20/{ACCOUNT}_CloudTrail_{number:07}.json.gz"

    @cached_property
    def filler(self) -> bytes:
        """Return what all objects hold, but for their first bytes."""
        return hashlib.shake_128(b"evidence-kit bench").digest(self.size)

    def etag(self, number: int) -> str:
        """Return what S3 would say: the MD5 of an object put in one piece, something else of one put in parts."""
        own = b"%016d" % number
        if self.size > PART:
            return f"{hashlib.md5(own, usedforsecurity=False).hexdigest()}-{-(-self.size // PART)}"
        return hashlib.md5(own + self.filler[16:], usedforsecurity=False).hexdigest()


class Visit(asyncio.Protocol):
    """One connection."""

    shelf: Shelf
    filler: bytes
    etags: tuple[str, ...]
    pages: "dict[str, bytes]"
    count = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        assert isinstance(transport, asyncio.Transport)
        self._transport, self._waiting = transport, b""
        with suppress(OSError):
            transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        """Answer each request whose head and body are whole."""
        self._waiting += data
        while (end := self._waiting.find(b"\r\n\r\n")) >= 0:
            head = self._waiting[:end].decode("latin-1")
            sized = re.search(r"(?i)\ncontent-length: *(\d+)", head)
            whole = end + 4 + (int(sized[1]) if sized else 0)
            if len(self._waiting) < whole:
                return
            self._waiting = self._waiting[whole:]
            if self.shelf.latency:
                asyncio.get_running_loop().call_later(self.shelf.latency, self._answer, head)
            else:
                self._answer(head)

    def _answer(self, head: str) -> None:
        method, target, _ = head.split(" ", 2)
        where = urlsplit(target)
        path = unquote(where.path).strip("/")
        if method == "POST":
            self._say("200 OK", "Content-Type: text/xml\r\n", [_IDENTITY])
        elif path in {"", BUCKET}:
            self._list(method, parse_qs(where.query, keep_blank_values=True))
        else:
            self._object(method, path.removeprefix(f"{BUCKET}/"), head)

    def _list(self, method: str, query: dict[str, list[str]]) -> None:
        versions = "versions" in query
        marker = query.get("key-marker" if versions else "continuation-token", ["0"])[0]
        start = int(re.sub(r"\D", "", marker.rpartition("_")[2]) or 0)
        page = f"{versions}{start}"
        if page not in self.pages:
            self.pages[page] = self._listing(start, versions=versions)
        body = self.pages[page] if "versions" in query or "list-type" in query or method == "GET" else b""
        self._say("200 OK", "Content-Type: application/xml\r\n", [body])

    def _listing(self, start: int, *, versions: bool) -> bytes:
        end = min(start + PAGE, self.shelf.objects)
        whole = end >= self.shelf.objects
        item = "Version" if versions else "Contents"
        extra = "<VersionId>null</VersionId><IsLatest>true</IsLatest>" if versions else ""
        items = "".join(
            f"<{item}><Key>{self.shelf.key(n)}</Key>{extra}<LastModified>{_MODIFIED}</LastModified>"
            f"<ETag>&quot;{self.etags[n]}&quot;</ETag><Size>{self.shelf.size}</Size>"
            f"<Owner><ID>0a1b</ID></Owner><StorageClass>STANDARD</StorageClass></{item}>"
            for n in range(start, end)
        )
        root = "ListVersionsResult" if versions else "ListBucketResult"
        following = f"<{'NextKeyMarker' if versions else 'NextContinuationToken'}>{end}</" if not whole else ""
        following += f"{'NextKeyMarker' if versions else 'NextContinuationToken'}>" if following else ""
        following += "<NextVersionIdMarker>null</NextVersionIdMarker>" if following and versions else ""
        return (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} {_SPACE}><Name>{BUCKET}</Name><Prefix></Prefix>'
            f"<KeyCount>{end - start}</KeyCount><MaxKeys>{PAGE}</MaxKeys>"
            f"<IsTruncated>{'false' if whole else 'true'}</IsTruncated>{following}{items}</{root}>"
        ).encode()

    def _object(self, method: str, key: str, head: str) -> None:
        found = re.search(r"_(\d{7})\.json\.gz$", key)
        if not found or int(found[1]) >= self.shelf.objects:
            self._say(
                "404 Not Found", "Content-Type: application/xml\r\n", [b"<Error><Code>NoSuchKey</Code></Error>"]
            )
            return
        number, size = int(found[1]), self.shelf.size
        ranged = re.search(r"(?i)\nrange: *bytes=(\d+)-(\d*)", head)
        first = int(ranged[1]) if ranged else 0
        last = min(int(ranged[2]), size - 1) if ranged and ranged[2] else size - 1
        said = (
            f'ETag: "{self.etags[number]}"\r\nLast-Modified: {_STAMP}\r\nAccept-Ranges: bytes\r\n'
            "Content-Type: application/x-gzip\r\nx-amz-server-side-encryption: AES256\r\n"
        )
        if ranged:
            said += f"Content-Range: bytes {first}-{last}/{size}\r\n"
        status = "206 Partial Content" if ranged else "200 OK"
        if method == "HEAD":
            self._say(status, said, [], size=last - first + 1)
            return
        own = b"%016d" % number
        parts = [own[first : last + 1], memoryview(self.filler)[max(first, 16) : last + 1]]
        self._say(status, said, parts)

    def _say(self, status: str, said: str, parts: "list[bytes | memoryview]", size: int | None = None) -> None:
        Visit.count += 1
        length = sum(map(len, parts)) if size is None else size
        start = (
            f"HTTP/1.1 {status}\r\nServer: AmazonS3\r\nDate: {_STAMP}\r\nx-amz-request-id: R{Visit.count:015}\r\n"
            f"x-amz-id-2: bench/{Visit.count}\r\n{said}Content-Length: {length}\r\n\r\n"
        )
        if length <= 1 << 18:
            self._transport.write(b"".join([start.encode(), *parts]))
        else:
            self._transport.writelines([start.encode(), *parts])


async def _serve(shelf: Shelf, port: int) -> None:
    Visit.shelf, Visit.pages = shelf, {}
    Visit.filler = shelf.filler
    Visit.etags = tuple(map(shelf.etag, range(shelf.objects)))
    server = await asyncio.get_running_loop().create_server(Visit, "127.0.0.1", port, backlog=1024)
    print("ready", flush=True)
    waiting = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)  # until the parent is gone
    await waiting
    server.close()


if __name__ == "__main__":
    said = argparse.ArgumentParser(description=__doc__)
    said.add_argument("--objects", type=int, required=True)
    said.add_argument("--size", type=int, required=True)
    said.add_argument("--latency", type=float, default=0.0)
    said.add_argument("--port", type=int, required=True)
    told = said.parse_args()
    asyncio.run(_serve(Shelf(told.objects, told.size, told.latency), told.port))
