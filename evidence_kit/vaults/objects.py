"""A case or a bag in a bucket, read over the network with whatever access the environment gives."""

import io
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, BinaryIO

from evidence_kit.custody import names
from evidence_kit.errors import AccessError, EmptyError, MissingError, ProviderError, UnexpectedError, UsageError
from evidence_kit.model.ports import Entry
from evidence_kit.vaults.ahead import Ahead
from evidence_kit.vaults.readonly import ReadOnly

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from obstore import GetOptions
    from obstore.store import ObjectStore

SCHEMES = ("s3", "gs", "az")
_URL = re.compile(r"(s3|gs|az)://([A-Za-z0-9][A-Za-z0-9._-]{1,254})(?:/([^?#]*))?")
_PAGE = 1000  # what S3 lists at once
_SMALL = 8 << 20  # fetched in one request; larger ones by ranges of this size
_RETRIES, _PATIENCE = 3, timedelta(seconds=60)
_STATUS = re.compile(r"status code: (\d{3})")
# Where a plain-HTTP endpoint can be said; saying it is the consent.
_ENDPOINTS = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT", "AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT")


class ObjectVault(ReadOnly):
    """The objects below `prefix` in one bucket."""

    def __init__(self, store: "ObjectStore") -> None:
        self.store = store
        self._ahead = Ahead(self._after, self.fetch, largest=_SMALL)

    @classmethod
    def at(cls, bucket: str, prefix: str, environ: Mapping[str, str]) -> "ObjectVault":
        """Return the vault at `bucket`, such as `s3://evidence`; credentials and endpoint are the environment's."""
        from obstore.store import from_url

        plain = any(environ.get(name, "").startswith("http://") for name in _ENDPOINTS)
        with translated(bucket):
            return cls(
                from_url(
                    f"{bucket}/{prefix}",
                    client_options={"allow_http": True} if plain else None,
                    retry_config={"max_retries": _RETRIES, "retry_timeout": _PATIENCE},
                )
            )

    def stat(self, path: str) -> Entry | None:
        """Return what is stored at `path`, or None."""
        from obstore import head

        if not names.is_safe(path):
            return None
        try:
            with translated(path):
                return Entry(path, "file", head(self.store, path)["size"])
        except MissingError:
            return None

    def walk(self, path: str) -> Iterator[Entry]:
        """Yield every object below `path`, a page at a time."""
        yield from self._after(path, "")

    def _after(self, path: str, last: str) -> Iterator[Entry]:
        """Yield what is listed below `path` behind `last`."""
        from obstore import list as pages

        with translated(path or "the bucket"):
            for page in pages(self.store, prefix=path or None, offset=last or None, chunk_size=_PAGE):
                for found in page:
                    # A console marks the folder it makes by an empty object of the folder's own name.
                    if found["path"] or found["size"]:
                        yield Entry(found["path"], "file", found["size"])

    def open(self, path: str) -> BinaryIO:
        """Open an object; a large one is fetched by ranges of the version that was there first."""
        if not names.is_safe(path):
            raise MissingError(f"{path[:200]!a} is missing: no case holds such a name")
        return self._ahead.take(path) or self.fetch(path)

    def fetch(self, path: str) -> BinaryIO:
        """Open an object of any name."""
        from obstore import get

        with translated(path):
            found = get(self.store, path)
            size, tag = found.meta["size"], found.meta["e_tag"]
            if size <= _SMALL:
                return io.BytesIO(bytes(found.bytes()))
        return io.BufferedReader(_Ranges(self.store, path, size, tag), _SMALL)


class _Ranges(io.RawIOBase):
    """One object, a range a request."""

    def __init__(self, store: "ObjectStore", path: str, size: int, tag: str | None) -> None:
        self._store, self._path, self._size, self._tag = store, path, size, tag
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0, /) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        from obstore import get

        view = memoryview(buffer).cast("B")
        end = min(self._at + len(view), self._size)
        if end <= self._at:
            return 0
        with translated(self._path):
            data = bytes(get(self._store, self._path, options=self._options(end)).bytes())
        view[: len(data)] = data
        self._at += len(data)
        return len(data)

    def _options(self, end: int) -> "GetOptions":
        if self._tag is None:
            return {"range": (self._at, end)}
        return {"range": (self._at, end), "if_match": self._tag}


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn the store's errors into ours; its texts hold whole requests, and with them perhaps signatures."""
    from obstore import exceptions

    try:
        yield
    except FileNotFoundError as error:
        raise MissingError(f"`{what}` is missing") from error
    except exceptions.InvalidPathError as error:
        raise UnexpectedError(
            "the bucket holds a key that is not a path, such as one with `//`", hint="list the bucket; move it away"
        ) from error
    except exceptions.PreconditionError as error:
        raise ProviderError(f"`{what}` was replaced while it was read", hint="verify again") from error
    except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError) as error:
        raise AccessError(
            f"access to `{what}` was denied", hint="reading takes the right to get and to list"
        ) from error
    except exceptions.BaseError as error:
        raise _judged(what, error) from error


def _judged(what: str, error: Exception) -> AccessError | EmptyError | ProviderError | UsageError:
    """Return what a generic error means, by the status in its text: the library keeps it nowhere else."""
    said = str(error)
    status = _STATUS.search(said)
    if status and status[1] in {"401", "403"}:
        return AccessError(f"access to `{what}` was denied", hint="reading takes the right to get and to list")
    if status and status[1] == "404":
        return EmptyError("there is no such bucket", hint="check its name, and the endpoint and region in use")
    if "Account must be specified" in said:
        return UsageError("which storage account?", hint="set AZURE_STORAGE_ACCOUNT_NAME")
    reason = f"status {status[1]}" if status else "no answer"
    return ProviderError(f"cannot read `{what}`: {reason}", hint="check the endpoint, the network and credentials")


def split(url: str) -> tuple[str, str]:
    """Return bucket (with its scheme) and prefix of a URL; UsageError where it says anything else."""
    found = _URL.fullmatch(url)
    prefix = (found[3] or "").strip("/") if found else ""
    if found is None or (prefix and not all(prefix.split("/"))):
        raise UsageError(
            f"cannot read `{url.partition('?')[0][:200]}`", hint="write `s3://BUCKET/PREFIX`, `gs://` or `az://`"
        )
    return f"{found[1]}://{found[2]}", prefix
