"""Two witnesses of the same events: CloudTrail's event history against the files that the trails delivered."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

from evidence_kit.analysis import bagfiles
from evidence_kit.custody import strict
from evidence_kit.custody.cloudtrail.inflate import inflated
from evidence_kit.custody.extsort import LineSorter
from evidence_kit.errors import EvidenceKitError
from evidence_kit.model.ports import Vault
from evidence_kit.model.time import Window, rfc3339

LOOKUP = "aws.cloudtrail.lookup"
FILES = "aws.cloudtrail.s3"
MAX_NAMED = 20  # ids and artifacts of a disagreement; the rest is counted
_CHUNK = 1 << 20
_MAX_FILE = 256 << 20  # inflated; CloudTrail closes a file long before this, and it is held whole here


@dataclass(slots=True, kw_only=True)
class Alone:
    """Events of one account and region that only one witness has: how many, the first of them, where they stand."""

    source: str  # the witness that has them
    target: str
    region: str
    count: int = 0
    first: str = ""  # the earliest and the latest time
    last: str = ""
    events: list[str] = field(default_factory=list)  # ids, in their order, no more than MAX_NAMED
    artifacts: list[str] = field(default_factory=list)

    def add(self, event: str, time: str, artifact: str) -> None:
        """Count one event; keep its id and its artifact while there are few."""
        self.count += 1
        self.first = min(self.first or time, time)
        self.last = max(self.last, time)
        if len(self.events) < MAX_NAMED:
            self.events.append(event)
            if artifact not in self.artifacts:
                self.artifacts.append(artifact)


@dataclass(slots=True, kw_only=True)
class CrossCheck:
    """How many management events each witness has, and when those were that only one has."""

    both: int = 0
    only_lookup: int = 0
    only_files: int = 0
    lookup_first: str = ""
    lookup_last: str = ""
    unreadable: int = 0  # artifacts of which something could not be compared
    unread: list[str] = field(default_factory=list)  # their paths, no more than MAX_NAMED
    alone: list[Alone] = field(default_factory=list)

    @property
    def asked(self) -> bool:
        """Say whether there was anything to compare."""
        return bool(self.both or self.only_lookup or self.only_files)

    def miss(self, path: str) -> None:
        """Count an artifact of which something could not be compared; keep its path while there are few."""
        self.unreadable += 1
        if len(self.unread) < MAX_NAMED:
            self.unread.append(path)


def cross_check(vault: Vault) -> CrossCheck | None:
    """Compare by event id, each event once; None unless both sources were collected. Memory stays flat."""
    spans = _common_spans(vault)
    if not spans:
        return None
    sorter, found, places = LineSorter(), CrossCheck(), _Places()
    for root in bagfiles.bags(vault):
        for unit, fields in bagfiles.artifacts(vault, root):
            source, target, region, *_ = unit.split("|")
            span = spans.get((target, region))
            if source not in {LOOKUP, FILES} or span is None:
                continue
            path = f"{root}/{strict.field(strict.field(fields, 'artifact', dict), 'path', str)}"
            number = places.number(target, region, path)
            if not _take(sorter, _events(vault, path, source), span, f"{source}\t{{}}\t{number}"):
                found.miss(path)
    for event, witnesses, time, number in _grouped(sorter):
        _count(found, witnesses, time)
        if len(witnesses) == 1:
            places.add(next(iter(witnesses)), event, time, number)
    found.alone = places.alone()
    return found


class _Places:
    """Numbers the artifacts, so that each line to sort names its own in a few bytes."""

    def __init__(self) -> None:
        self._known: list[tuple[str, str, str]] = []
        self._alone: dict[tuple[str, str, str], Alone] = {}

    def number(self, target: str, region: str, path: str) -> int:
        self._known.append((target, region, path))
        return len(self._known) - 1

    def add(self, source: str, event: str, time: str, number: int) -> None:
        target, region, path = self._known[number]
        key = (source, target, region)
        known = self._alone.setdefault(key, Alone(source=source, target=target, region=region))
        known.add(event, time, path)

    def alone(self) -> list[Alone]:
        return [self._alone[key] for key in sorted(self._alone)]


def _common_spans(vault: Vault) -> dict[tuple[str, str], tuple[str, str]]:
    """Return, by account and region, the span that both witnesses were asked for and answered in full.

    Files are asked for by delivery, which reaches further than the events; the history's window decides.
    """
    windows: dict[str, dict[tuple[str, str], list[Window]]] = {LOOKUP: {}, FILES: {}}
    broken: set[tuple[str, str]] = set()
    for root in bagfiles.bags(vault):
        for ended in bagfiles.units(vault, root):
            unit = ended.unit
            if unit.source in windows and unit.window and ended.outcome:
                place = (unit.target.id, unit.region)
                if ended.outcome.artifacts:
                    windows[unit.source].setdefault(place, []).append(unit.window)
                else:
                    broken.add(place)
    return {
        place: (rfc3339(min(w.start for w in found)), rfc3339(max(w.end for w in found)))
        for place, found in windows[LOOKUP].items()
        if place in windows[FILES] and place not in broken
    }


def _take(sorter: LineSorter, events: Iterator[tuple[str, str] | None], span: tuple[str, str], rest: str) -> bool:
    """Sort in the events of a span, each with the `rest` of its line; say whether all could be read."""
    is_whole = True
    try:
        for one in events:
            if one is None:
                is_whole = False
            elif span[0] <= one[1] < span[1]:
                sorter.add(f"{one[0]}\t{rest.format(one[1])}\n".encode())
    except (EvidenceKitError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False
    return is_whole


def _count(found: CrossCheck, witnesses: set[str], time: str) -> None:
    if len(witnesses) > 1:
        found.both += 1
    elif FILES in witnesses:
        found.only_files += 1
    else:
        found.only_lookup += 1
        found.lookup_first = min(found.lookup_first or time, time)
        found.lookup_last = max(found.lookup_last, time)


def _grouped(sorter: LineSorter) -> Iterator[tuple[str, set[str], str, int]]:
    """Yield each event with its witnesses, its time and the number of the first artifact that has it."""
    current, witnesses, when, where = "", set[str](), "", 0
    for line in sorter:
        event, source, time, number = line[:-1].decode().split("\t")
        if event != current:
            if witnesses:
                yield current, witnesses, when, where
            current, witnesses, when, where = event, set(), time, int(number)
        witnesses.add(source)
    if witnesses:
        yield current, witnesses, when, where


def _events(vault: Vault, path: str, source: str) -> Iterator[tuple[str, str] | None]:
    """Yield id and time of every management event; None for one that cannot be compared, which spoils no other."""
    if source == LOOKUP:
        with vault.open(path) as stream:
            for event in json.load(stream)["Events"]:
                yield _clean(_document(event))
        return
    if not path.endswith(".json.gz"):
        return
    with vault.open(path) as stream:
        body = b"".join(inflated(iter(lambda: stream.read(_CHUNK), b""), _MAX_FILE))
    for record in json.loads(body)["Records"]:
        # The event history holds management events only; data events have one witness by design.
        if not isinstance(record, dict):
            yield None
        elif record.get("eventCategory", "Management") == "Management" and record.get("managementEvent", True):
            yield _clean(record)


def _document(event: object) -> object:
    """Return the event that an entry of the history carries; None where it is none."""
    try:
        return json.loads(event["CloudTrailEvent"]) if isinstance(event, dict) else None
    except (KeyError, TypeError, ValueError, RecursionError):
        return None


def _clean(record: object) -> tuple[str, str] | None:
    """Return id and time where they are plain text, of which a line can be made."""
    said = (record.get("eventID"), record.get("eventTime")) if isinstance(record, dict) else (None, None)
    event, time = said
    if not isinstance(event, str) or not isinstance(time, str) or not (event + time).isprintable():
        return None
    return event, time
