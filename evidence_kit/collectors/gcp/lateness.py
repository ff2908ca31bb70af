"""Entries that Google received long after they happened: they name themselves, in `receiveTimestamp`."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from evidence_kit.errors import UsageError
from evidence_kit.model.exchange import Remark
from evidence_kit.model.time import parse_instant
from evidence_kit.model.unit import Finding

_MOST = 20  # ids that a finding names


class Lateness:
    """Counts the entries of a unit that came later than the source is said to settle.

    A pass before they came cannot have them, however long it waited by the book.
    """

    def __init__(self, settle: timedelta) -> None:
        self._settle = settle
        self._count = 0
        self._ids: list[str] = []
        self._last = ""

    def read(self, parsed: Mapping[str, Any]) -> None:
        """Look at a page; an entry without readable times says nothing about lateness."""
        entries = parsed.get("entries", [])
        for entry in entries if isinstance(entries, list) else ():
            if not isinstance(entry, dict):
                continue
            happened, received = str(entry.get("timestamp", "")), str(entry.get("receiveTimestamp", ""))
            try:
                is_late = parse_instant(received) - parse_instant(happened) > self._settle
            except UsageError:
                continue
            if is_late:
                self._count += 1
                self._last = max(self._last, received)
                self._ids += [str(entry.get("insertId", ""))[:200]] if len(self._ids) < _MOST else []

    def remarks(self) -> Iterator[Remark]:
        """Yield the finding, if there is one."""
        if self._count:
            hours = self._settle / timedelta(hours=1)
            message = f"{self._count} entries were received more than {hours:g} hours after they happened"
            facts = {"entries": str(self._count), "insertIds": ", ".join(self._ids), "last_received": self._last}
            yield Remark(finding=Finding(kind="received_late", message=message, facts=facts))
