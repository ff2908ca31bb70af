"""What a mail carries: its attachments by name and digest. The mail itself stays whole and is the evidence."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from email.parser import BytesParser
from email.policy import default

MAX_MAIL = 64 << 20  # bytes that are held to be read; what mail servers take is less than half of it
MAX_PARTS = 5_000
SUFFIXES = (".eml", ".mbox")
_FROM = re.compile(rb"^From [^\n]*\n", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """One attachment, decoded for its digest only. `message` counts from one."""

    message: int
    name: str
    kind: str
    size: int
    digests: Mapping[str, str]  # by algorithm, in hex


class UnreadableMailError(ValueError):
    """A file that is called a mail and cannot be read as one."""


def attachments(body: bytes, algorithms: Iterable[str], *, mailbox: bool) -> Iterator[Attachment]:
    """Yield the attachments of a mail, or of every mail in a mailbox."""
    wanted = tuple(algorithms)
    count = 0
    for number, message in enumerate(_messages(body) if mailbox else (body,), start=1):
        for name, kind, data in _carried(message):
            count += 1
            if count > MAX_PARTS:
                raise UnreadableMailError(f"it carries more than {MAX_PARTS:,} attachments")
            yield Attachment(
                message=number,
                name=name[:500],
                kind=kind,
                size=len(data),
                digests={name: hashlib.new(name, data, usedforsecurity=False).hexdigest() for name in wanted},
            )


def _carried(message: bytes) -> Iterator[tuple[str, str, bytes]]:
    """Yield name, type and bytes of each attachment."""
    try:
        for part in BytesParser(policy=default).parsebytes(message).walk():
            # Headers are parsed when they are asked for, so asking fails as parsing does.
            if (name := part.get_filename()) is not None:
                payload = part.get_payload(decode=True)
                yield str(name), part.get_content_type(), payload if isinstance(payload, bytes) else b""
    except Exception as error:  # the parser of the standard library fails in many ways on what was made to fail it
        raise UnreadableMailError(f"it cannot be read as a mail: {type(error).__name__}") from error


def _messages(mailbox: bytes) -> Iterator[bytes]:
    """Yield the mails of a mailbox, which lines that begin with `From ` part."""
    starts = list(_FROM.finditer(mailbox))
    if not starts or starts[0].start() > 0:
        raise UnreadableMailError("it does not begin as a mailbox does")
    for at, start in enumerate(starts):
        end = starts[at + 1].start() if at + 1 < len(starts) else len(mailbox)
        yield mailbox[start.end() : end]
