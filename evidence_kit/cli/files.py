"""Files that a person names beside a command: read no further than they may be long, written where there is none."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from evidence_kit.errors import EvidenceKitError, UsageError

MOST = 64 << 20  # bytes of a file that is held whole; what reads a document allows far less


def read_file(path: str | Path, most: int = MOST, *, hint: str | None = None) -> bytes:
    """Return what a file holds; UsageError if it cannot be read or is longer than `most` bytes."""
    with _said("read", path, hint), Path(path).open("rb") as stream:
        data = stream.read(most + 1)
    if len(data) > most:
        raise UsageError(f"`{path}` is larger than {most:,} bytes", hint=hint)
    return data


def write_new(
    path: Path, data: bytes | str, *, error: type[EvidenceKitError] = UsageError, hint: str | None = None
) -> None:
    """Write a file, text as UTF-8; `error` if it is there already or cannot be written, and then none is left."""
    with _said("write", path, hint, error), path.open("xb") as stream:
        try:
            stream.write(data.encode() if isinstance(data, str) else data)
            stream.flush()
        except BaseException:
            path.unlink(missing_ok=True)
            raise


@contextmanager
def _said(
    doing: str, path: str | Path, hint: str | None, kind: type[EvidenceKitError] = UsageError
) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise kind(f"cannot {doing} `{path}`: {(error.strerror or '').lower()}", hint=hint) from error
