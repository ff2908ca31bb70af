"""The members of a tar archive, read strictly: what a tool could read in two ways is refused."""

import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from evidence_kit.errors import UnexpectedError, VaultError
from evidence_kit.vaults.inflate import STEP, Cursor

BLOCK = 512
MAX_EXTENSION = 1 << 20  # a name of 4,096 bytes and some extended attributes
MAX_NAME = 4096  # PATH_MAX
MAX_PADDING = 1 << 20  # zeros behind the end; GNU tar fills up to 10 KB
_FILE = (tarfile.REGTYPE, tarfile.AREGTYPE)
_EXTENSIONS = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)


@dataclass(frozen=True, slots=True)
class Member:
    """Something in an archive that is not a folder, and where its bytes begin."""

    path: str
    kind: Literal["file", "other"]
    offset: int
    size: int


def members(cursor: Cursor) -> Iterator[Member | None]:
    """Yield the members, and None for a folder, up to the end of the archive; the caller may read a member's bytes.

    UnexpectedError for a name that would leave the place where it is unpacked, VaultError for what is not a sound
    tar archive to its very end.
    """
    said: dict[str, str] = {}
    while (block := cursor.exactly(BLOCK)) != bytes(BLOCK):
        header = _header(block)
        size = _size(header, said)
        following = cursor.offset + _whole_blocks(size)
        if header.type in _EXTENSIONS:
            _extend(said, header.type, _extension(cursor, size))
            cursor.skip_to(following)
            continue
        path = _path(said.pop("path", header.name))
        said.clear()
        if header.type in _FILE:
            yield Member(path, "file", cursor.offset, size)
        elif header.type in {tarfile.GNUTYPE_SPARSE, tarfile.CONTTYPE} or size:
            raise VaultError(f"cannot read `{path!a}`: a sparse file or a kind of its own", hint="see `tar -tv`")
        else:
            yield None if header.type == tarfile.DIRTYPE else Member(path, "other", cursor.offset, 0)
        cursor.skip_to(following)
    _require_end(cursor)


def _header(block: bytes) -> tarfile.TarInfo:
    try:
        return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError as error:
        raise VaultError("is not a tar archive, or is damaged", hint="`.tar`, `.tar.gz` and `.tar.zst`") from error


def _size(header: tarfile.TarInfo, said: Mapping[str, str]) -> int:
    text = said.get("size")
    if text is not None and not (text.isascii() and text.isdigit() and len(text) < 20):
        raise VaultError("a member's size is not a number")
    size = header.size if text is None else int(text)
    if size < 0:
        raise VaultError("a member's size is below zero")
    return size


def _whole_blocks(size: int) -> int:
    return -(-size // BLOCK) * BLOCK


def _extension(cursor: Cursor, size: int) -> bytes:
    if size > MAX_EXTENSION:
        raise VaultError(f"a member's description has {size:,} bytes; {MAX_EXTENSION:,} are enough for any")
    return cursor.exactly(size)


def _extend(said: dict[str, str], kind: bytes, body: bytes) -> None:
    """Note what an extension says about the member that follows."""
    if kind == tarfile.GNUTYPE_LONGLINK:
        return
    if kind == tarfile.GNUTYPE_LONGNAME:
        found = {"path": body.partition(b"\0")[0].decode("utf-8", "surrogateescape")}
    else:
        found = _records(body)
    if any(name.startswith("GNU.sparse") for name in found):
        raise VaultError("the archive holds sparse files", hint="make it without `--sparse`")
    known = {name: value for name, value in found.items() if name in {"path", "size"}}
    if known and (kind == tarfile.XGLTYPE or said.keys() & known.keys()):
        raise VaultError("a member is described twice")
    said.update(known)


def _records(body: bytes) -> dict[str, str]:
    """Read the records of a pax header: length, space, name, `=`, value, line feed."""
    found: dict[str, str] = {}
    at = 0
    while at < len(body):
        digits = body[at : at + 8].partition(b" ")[0]
        end = at + int(digits) if digits.isdigit() else at
        name, equals, value = body[at + len(digits) + 1 : end - 1].partition(b"=")
        key = name.decode("utf-8", "surrogateescape")
        if not equals or end > len(body) or body[end - 1 : end] != b"\n" or key in found:
            raise VaultError("a member's description is malformed")
        found[key] = value.decode("utf-8", "surrogateescape")
        at = end
    return found


def _path(name: str) -> str:
    """Return a name below the place of unpacking, without the `./` and `/` that tar puts around it."""
    parts = name.removesuffix("/").split("/")
    while parts and parts[0] == ".":
        del parts[0]
    if not parts:
        return ""
    if len(name) > MAX_NAME or "\0" in name or not {"", ".", ".."}.isdisjoint(parts):
        raise UnexpectedError(
            f"the archive holds {name[:200]!a}, which is not a name below one folder",
            hint="do not unpack it; ask how it was made",
        )
    return "/".join(parts)


def _require_end(cursor: Cursor) -> None:
    """Read on to the end, so that what follows the archive is seen, and damage in its last frame."""
    rest = 0
    while chunk := cursor.read(STEP):
        rest += len(chunk)
        if rest > MAX_PADDING or chunk.strip(b"\0"):
            raise VaultError("something follows the end of the tar archive")
    if rest < BLOCK:
        raise VaultError("the archive is truncated", hint="ask for the file again")
