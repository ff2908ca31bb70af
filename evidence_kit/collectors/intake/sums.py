"""Lists of checksums as partners write them: GNU, BSD, OpenSSL, BagIt, and tables in CSV."""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

MAX_LIST = 256 << 20  # bytes; a list of a million files is about half of it
MAX_CLAIMS = 2_000_000
# By the number of hex digits: a list need not say which algorithm it used.
ALGORITHMS = {32: "md5", 40: "sha1", 64: "sha256", 96: "sha384", 128: "sha512"}
_NAMES = {"sha2-256": "sha256", "sha2-384": "sha384", "sha2-512": "sha512"}
_HEX = re.compile(r"[0-9A-Fa-f]+")
_GNU = re.compile(r"(\\?)([0-9A-Fa-f]{32,128}) [ *](.+)", re.DOTALL)
_BAGIT = re.compile(r"([0-9A-Fa-f]{32,128})[ \t]+\*?(.+)", re.DOTALL)
_BSD = re.compile(r"(\\?)([A-Za-z0-9-]{3,10}) ?\((.+)\) ?= ?([0-9A-Fa-f]{32,128})", re.DOTALL)
_ESCAPES = {"\\\\": "\\", "\\n": "\n", "\\r": "\r"}
_PERCENT = {"%0A": "\n", "%0D": "\r", "%25": "%", "%0a": "\n", "%0d": "\r"}
_PATHS = ("path", "name", "file", "filename", "file name", "file_name", "filepath", "key", "object")
_DIGESTS = ("hash", "checksum", "digest")
_SIZES = ("size", "bytes", "length", "content_length")
# How a list is called that nobody has named to us.
KNOWN = re.compile(
    r"(?i)(md5|sha1|sha256|sha384|sha512)sums?(\.txt)?|checksums?(\.(txt|md5|sha1|sha256|sha512))?"
    r"|.+\.(md5|sha1|sha256|sha384|sha512)(sums?)?"
)


class UnreadableError(ValueError):
    """A list that says something which cannot be understood."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a proof says of one file; an empty digest says only that the file belongs to the delivery."""

    name: str
    proof: str
    algorithm: str = ""
    digest: str = ""  # lower-case hex
    size: int | None = None


def parse(data: bytes, *, proof: str) -> tuple[Claim, ...]:
    """Return what a list says; UnreadableError names the line that says nothing."""
    text = _text(data)
    if _is_table(text):
        return _bounded(_table(text, proof))
    return _bounded(_lines(text, proof, _line))


def parse_manifest(data: bytes, *, proof: str) -> tuple[Claim, ...]:
    """Return what a BagIt manifest says (RFC 8493): line ends and `%` in names are percent-encoded."""
    return _bounded(_lines(_text(data), proof, _manifest_line))


def _bounded(claims: Iterable[Claim]) -> tuple[Claim, ...]:
    found: list[Claim] = []
    for claim in claims:
        found.append(claim)
        if len(found) > MAX_CLAIMS:
            raise UnreadableError(f"it lists more than {MAX_CLAIMS:,} files")
    if not found:
        raise UnreadableError("it lists nothing")
    return tuple(found)


def _text(data: bytes) -> str:
    """Return text; PowerShell writes UTF-16, and names that are no UTF-8 stay what they are on disk."""
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        try:
            return data.decode("utf-16")
        except UnicodeDecodeError as error:
            raise UnreadableError("it begins as UTF-16 and is not") from error
    return data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")


def _lines(text: str, proof: str, read: Callable[[str], tuple[str, str, str]]) -> Iterator[Claim]:
    for number, line in enumerate(text.split("\n"), start=1):
        said = line.removesuffix("\r")
        if not said.strip() or said.startswith(("#", ";")):
            continue
        try:
            name, algorithm, digest = read(said)
        except UnreadableError as error:
            raise UnreadableError(f"line {number} is no checksum and no name") from error
        yield Claim(name=name, proof=proof, algorithm=algorithm, digest=digest)


def _line(said: str) -> tuple[str, str, str]:
    if found := _BSD.fullmatch(said):
        algorithm = found[2].lower()
        named = _NAMES.get(algorithm, algorithm.replace("-", ""))
        if ALGORITHMS.get(len(found[4])) != named:
            raise UnreadableError
        return _unescaped(found[3]) if found[1] else found[3], named, found[4].lower()
    if (found := _GNU.fullmatch(said)) and (known := ALGORITHMS.get(len(found[2]))):
        return _unescaped(found[3]) if found[1] else found[3], known, found[2].lower()
    raise UnreadableError


def _manifest_line(said: str) -> tuple[str, str, str]:
    found = _BAGIT.fullmatch(said)
    known = ALGORITHMS.get(len(found[1])) if found else None
    if not found or not known:
        raise UnreadableError
    name = re.sub("%0[AaDd]|%25", lambda match: _PERCENT[match[0]], found[2])
    return name, known, found[1].lower()


def _unescaped(name: str) -> str:
    return re.sub(r"\\[\\nr]", lambda match: _ESCAPES[match[0]], name)


def _is_table(text: str) -> bool:
    first = text.partition("\n")[0].lower().replace('"', "").strip()
    columns = {column.strip() for column in re.split("[,;\t]", first)}
    return len(columns) > 1 and bool(columns & set(_PATHS))


def _table(text: str, proof: str) -> Iterator[Claim]:
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    try:
        for row in csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True):
            yield _row({(name or "").strip().lower(): value for name, value in row.items()}, proof)
    except (csv.Error, AttributeError) as error:
        raise UnreadableError(f"it is no table: {error}") from error


def _row(row: dict[str, str | None], proof: str) -> Claim:
    name = next((row[column] for column in _PATHS if row.get(column)), None)
    if not name:
        raise UnreadableError("a row names no file")
    algorithm, digest = _digest(row)
    said = next((row[column] for column in _SIZES if row.get(column)), None)
    size = int(said) if said and said.isascii() and said.isdigit() and len(said) < 20 else None
    return Claim(name=name, proof=proof, algorithm=algorithm, digest=digest, size=size)


def _digest(row: dict[str, str | None]) -> tuple[str, str]:
    """Return the strongest digest of a row."""
    best = ("", "")
    for column, value in row.items():
        plain = column.replace("-", "").replace("_", "")
        said = (value or "").strip()
        known = ALGORITHMS.get(len(said)) if _HEX.fullmatch(said) else None
        if plain in ALGORITHMS.values():
            if said and known != plain:
                raise UnreadableError(f"`{said[:20]}` is no {plain}")
        elif plain not in _DIGESTS:
            continue
        elif said and not known:
            raise UnreadableError(f"`{said[:20]}` is no digest that is known here")
        if known and len(said) > len(best[1]):
            best = (known, said.lower())
    return best
