"""What is learnt from a file while its bytes pass on their way into the case."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from evidence_kit.collectors.intake import dated, mail
from evidence_kit.collectors.intake.dated import Dates
from evidence_kit.model.time import Window

CHUNK = 1 << 20


@dataclass(slots=True)
class Watch:
    """Digests, dates and, of a mail, the text. Complete once `passed` has been read to its end."""

    name: str
    algorithms: Iterable[str]
    window: Window | None = None
    digests: dict[str, str] = field(default_factory=dict)
    size: int = 0
    dates: Dates = field(default_factory=Dates)
    body: bytes | None = None

    def passed(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Hand every chunk on."""
        sums = {name: hashlib.new(name, usedforsecurity=False) for name in self.algorithms}
        reader = dated.reader(self.name, self.dates, self.window) if self.window else None
        kept: list[bytes] | None = [] if self.is_mail else None
        for chunk in chunks:
            for total in sums.values():
                total.update(chunk)
            self.size += len(chunk)
            if reader:
                reader.feed(chunk)
            if kept is not None:
                kept = [*kept, chunk] if self.size <= mail.MAX_MAIL else None
            yield chunk
        if reader:
            reader.end()
        elif self.window:
            self.dates.unread = 1
        self.digests = {name: total.hexdigest() for name, total in sums.items()}
        self.body = b"".join(kept) if kept is not None else None

    @property
    def is_mail(self) -> bool:
        """Say whether the file is called as mails and mailboxes are."""
        return self.name.lower().endswith(mail.SUFFIXES)

    @property
    def is_mailbox(self) -> bool:
        """Say whether it may hold several mails."""
        return self.name.lower().endswith(".mbox")
