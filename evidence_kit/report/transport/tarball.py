"""A case as one archive that depends on nothing but its bytes: same files, same archive, wherever and whenever."""

import tarfile
from collections.abc import Iterable, Iterator

from evidence_kit.custody import log, names
from evidence_kit.custody.extsort import sorted_lines
from evidence_kit.errors import UnexpectedError, VaultError
from evidence_kit.model.ports import Vault

LEVEL = 3  # pinned: another level gives other bytes
# A new frame so often lets a reader begin anywhere near what it wants; `zstd` and `tar --zstd` read on regardless.
FRAME = 16 << 20
_CHUNK = 1 << 20
_RECORD = 10_240  # tar pads to whole records of twenty blocks


def paths(vault: Vault, folders: Iterable[str]) -> Iterator[str]:
    """Yield every file below `folders`, sorted; UnexpectedError for what is no plain file or has no safe name."""

    def found() -> Iterator[bytes]:
        for folder in folders:
            for entry in vault.walk(folder):
                if entry.kind != "file" or not names.is_safe(entry.path):
                    raise UnexpectedError(
                        f"{entry.path[:200]!a} cannot be exported: a link, a device or a name that no case holds",
                        hint="`evidence-kit verify` says what else is wrong",
                    )
                yield f"{entry.path}\n".encode()

    for line in sorted_lines(found()):
        yield line[:-1].decode()


def tar(vault: Vault, listed: Iterable[str], *, within: str, inside: str) -> Iterator[bytes]:
    """Yield a POSIX tar of the files `listed`, all below `inside`, put into a folder called `within`.

    Folders are left to the reader, who has to be able to write into the case; nothing of this disk is told: no time,
    no owner, no mode.
    """
    size = 0
    for path in listed:
        for chunk in _member(vault, path, f"{within}/{path.removeprefix(inside)}"):
            size += len(chunk)
            yield chunk
    end = size + 2 * tarfile.BLOCKSIZE
    yield bytes(-(-end // _RECORD) * _RECORD - size)


def _member(vault: Vault, path: str, name: str) -> Iterator[bytes]:
    with vault.open(path) as stream:
        size = stream.seek(0, 2)
        stream.seek(0)
        yield _header(name, size, journal=path == log.LOG)
        left = size
        while left and (chunk := stream.read(min(_CHUNK, left))):
            left -= len(chunk)
            yield chunk
        if left or stream.read(1):
            raise VaultError(f"`{path}` changed while it was read")
    yield bytes(-size % tarfile.BLOCKSIZE)


def _header(name: str, size: int, *, journal: bool) -> bytes:
    member = tarfile.TarInfo(name)
    member.size = size
    member.mode = 0o644 if journal else 0o444  # whoever receives the case goes on with its log
    try:
        return member.tobuf(tarfile.USTAR_FORMAT, "ascii", "strict")
    except ValueError:  # a name or a size that the old header has no room for
        return member.tobuf(tarfile.PAX_FORMAT, "ascii", "strict")


def compressed(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield `chunks` as zstd frames, made by one thread: several would cut the input where time decides."""
    from evidence_kit.vaults.zstandard import zstd

    said = zstd.CompressionParameter
    compressor = zstd.ZstdCompressor(options={said.compression_level: LEVEL, said.checksum_flag: 1})
    taken = 0
    for chunk in chunks:
        if out := compressor.compress(chunk):
            yield out
        taken += len(chunk)
        if taken >= FRAME:
            yield compressor.flush()
            taken = 0
    if taken:
        yield compressor.flush()


def encoder() -> dict[str, object]:
    """Say what made the bytes: another version of the library may pack the same archive differently."""
    from evidence_kit.vaults.zstandard import zstd

    return {"format": "tar+zstd", "zstd": zstd.zstd_version, "level": LEVEL, "frame": FRAME}
