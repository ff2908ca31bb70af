"""The uncompressed bytes of an archive, read forwards from any frame's start; memory and expansion are bounded."""

import os
import stat
import tempfile
import zlib
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from evidence_kit.errors import VaultError

STEP = 1 << 20  # most that is inflated at once
_INPUT = 1 << 18
_SPACING = 1 << 20  # frames closer than this are not remembered: millions of empty ones must not fill memory
_WINDOW_LOG = 27  # what `zstd -d` accepts unasked: 128 MB
# Logs shrink to a twentieth, zeros to a thirty-thousandth. What grows more than this is made to keep us busy.
_ANY_RATIO = 4 << 30
_MAX_RATIO = 1000
_ZSTD = (b"\x28\xb5\x2f\xfd", *(bytes((0x50 + n, 0x2A, 0x4D, 0x18)) for n in range(16)))
_GZIP = b"\x1f\x8b"
_AGE = (b"age-encryption.org/v1", b"-----BEGIN AGE ENCRYPTED FILE-----")


class Decoder(Protocol):
    """The part of `ZstdDecompressor` that is used here."""

    @property
    def eof(self) -> bool:
        """Say whether the frame has ended."""
        ...

    @property
    def needs_input(self) -> bool:
        """Say whether nothing more comes out of what was taken."""
        ...

    @property
    def unused_data(self) -> bytes:
        """Return what stands behind the frame's end."""
        ...

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Take `data`, return at most `max_length` bytes."""
        ...


class _Gzip:
    """A gzip member with the decoder's face."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)
        self.eof, self.needs_input, self.unused_data = False, True, b""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        out = self._inner.decompress(self._inner.unconsumed_tail + data, max_length)
        self.eof, self.unused_data = self._inner.eof, self._inner.unused_data
        self.needs_input = not self._inner.unconsumed_tail
        return out


class _Stored:
    """No compression at all."""

    def __init__(self) -> None:
        self._held = b""
        self.eof, self.needs_input, self.unused_data = False, True, b""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        self._held += data
        out, self._held = self._held[:max_length], self._held[max_length:]
        self.needs_input = not self._held
        return out


@dataclass(frozen=True, slots=True)
class Frame:
    """Where decoding can begin: an offset in the file and the one it stands for."""

    raw: int
    out: int


class Source:
    """An archive, opened once, so that what is indexed is what is read."""

    def __init__(self, name: str, handle: int) -> None:
        self.name = name
        self.inflated = 0  # over all cursors: what reading has cost
        self._frames = [Frame(0, 0)]
        self._handle = handle
        self._head = self.read_at(0, 64)
        self.is_stored = not self._head.startswith((*_ZSTD, _GZIP))

    @classmethod
    def open(cls, path: Path) -> "Source":
        """Open the archive at `path`; VaultError for what is none or is encrypted."""
        try:
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            raise VaultError(f"cannot read `{path}`: {(error.strerror or '').lower()}") from error
        if stat.S_ISREG(os.fstat(handle).st_mode):
            opened = cls(path.name, handle)
            if opened._head and not opened._head.startswith(_AGE):
                return opened
            encrypted = bool(opened._head)
        else:
            encrypted = False
        os.close(handle)
        raise _refusal(path.name, encrypted=encrypted)

    def unpacked(self) -> "Source":
        """Return the same bytes without compression, in a temporary file that has no name."""
        cursor = Cursor(self, Frame(0, 0))
        try:
            with tempfile.TemporaryFile() as copy:
                while chunk := cursor.read(STEP):
                    copy.write(chunk)
                copy.flush()
                made = Source(self.name, os.dup(copy.fileno()))
        except OSError as error:
            raise VaultError(
                f"cannot hold a copy of `{self.name}`: {(error.strerror or '').lower()}",
                hint="unpack it and verify the folder, or set TMPDIR to a larger disk",
            ) from error
        made.is_stored, made.inflated = True, self.inflated
        return made

    def close(self) -> None:
        """Let the file go."""
        os.close(self._handle)

    def read_at(self, offset: int, size: int) -> bytes:
        """Return raw bytes; all cursors share the one open file."""
        try:
            return os.pread(self._handle, size, offset)
        except OverflowError as error:  # an offset that no disk has, out of a header that was made up
            raise VaultError(f"cannot read `{self.name}`: it claims to be larger than a disk can be") from error
        except OSError as error:
            raise VaultError(f"cannot read `{self.name}`: {(error.strerror or '').lower()}") from error

    def decoder(self) -> Decoder:
        """Return what decodes one frame."""
        if self.is_stored:
            return _Stored()
        if self._head.startswith(_GZIP):
            return _Gzip()
        from evidence_kit.vaults.zstandard import zstd

        return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _WINDOW_LOG})

    def note(self, frame: Frame) -> None:
        """Remember where a frame starts."""
        if frame.out >= self._frames[-1].out + _SPACING:
            self._frames.append(frame)

    def nearest(self, offset: int) -> Frame:
        """Return the last known place to begin from that is not behind `offset`."""
        if self.is_stored:
            return Frame(offset, offset)
        return self._frames[bisect_right(self._frames, offset, key=lambda frame: frame.out) - 1]


def _refusal(name: str, *, encrypted: bool) -> VaultError:
    if encrypted:
        hint = f"`age -d -i KEY -o {name.removesuffix('.age')} {name}`, then verify that"
        return VaultError(f"`{name}` is encrypted", hint=hint)
    return VaultError(f"`{name}` is empty or not a plain file")


class Cursor:
    """A place in the uncompressed bytes that only moves forward."""

    def __init__(self, source: Source, frame: Frame) -> None:
        self.offset = frame.out
        self.source = source
        self._raw = frame.raw
        self._decoder: Decoder | None = None
        self._held = b""

    def read(self, size: int) -> bytes:
        """Return some bytes, at most `size`; none only at the end."""
        while decoder := self._decoder or self._begin():
            data = self._input() if decoder.needs_input else b""
            if decoder.needs_input and not data:
                if self.source.is_stored:
                    return b""
                raise VaultError(f"`{self.source.name}` is truncated", hint="ask for the file again")
            with _translated(self.source.name):
                out = decoder.decompress(data, min(size, STEP))
            if decoder.eof:
                self._held, self._decoder = decoder.unused_data, None
            if out:
                self._count(len(out))
                return out
        return b""

    def _begin(self) -> Decoder | None:
        """Start the next frame; None at the end of the file."""
        self._held = self._input()
        if self._held:
            self.source.note(Frame(self._raw - len(self._held), self.offset))
            self._decoder = self.source.decoder()
        return self._decoder

    def _input(self) -> bytes:
        if self._held:
            data, self._held = self._held, b""
            return data
        data = self.source.read_at(self._raw, _INPUT)
        self._raw += len(data)
        return data

    def _count(self, size: int) -> None:
        self.offset += size
        self.source.inflated += size
        if self.offset > max(_ANY_RATIO, self._raw * _MAX_RATIO):
            raise VaultError(
                f"`{self.source.name}` unpacks to more than {_MAX_RATIO:,} times its size",
                hint="if that is right, unpack it yourself and verify the folder",
            )

    def exactly(self, size: int) -> bytes:
        """Return `size` bytes, which the caller has bounded; VaultError where there are fewer."""
        parts = []
        while size:
            part = self.read(size)
            if not part:
                raise VaultError(f"`{self.source.name}` is truncated", hint="ask for the file again")
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def skip_to(self, offset: int) -> None:
        """Move forward to `offset`; VaultError where the bytes end before."""
        if self.source.is_stored and offset > self.offset:
            if offset > self.offset + STEP and not self.source.read_at(offset - 1, 1):
                raise VaultError(f"`{self.source.name}` is truncated", hint="ask for the file again")
            self.offset, self._raw, self._decoder, self._held = offset, offset, None, b""
        while self.offset < offset:
            self.exactly(min(STEP, offset - self.offset))


@contextmanager
def _translated(name: str) -> Iterator[None]:
    from evidence_kit.vaults.zstandard import zstd

    try:
        yield
    except (zstd.ZstdError, zlib.error) as error:
        raise VaultError(
            f"`{name}` cannot be unpacked: damaged, or something follows its end", hint="ask for the file again"
        ) from error
