"""CloudTrail's event history: LookupEvents and ListPublicKeys with their limits. Data events it never shows."""

import json
import threading
import time
from bisect import insort
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from evidence_kit.model.time import Window, parse_instant
from evidence_kit.sandbox.paging import page
from evidence_kit.sandbox.wire import Answer, Call, Params, Refusal

PAGE = 50  # the most that LookupEvents returns at once
Record = Mapping[str, object]
Place = tuple[str, str]  # account, region


@dataclass(slots=True)
class Meter:
    """A token bucket an account and region: `rate` a second, `rate` (at least one) at once. None: no limit."""

    rate: float | None
    now: Callable[[], float] = time.monotonic
    _level: dict[Place, tuple[float, float]] = field(default_factory=dict)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def admits(self, place: Place) -> bool:
        """Take a token if there is one."""
        if self.rate is None:
            return True
        with self._guard:
            now, full = self.now(), max(self.rate, 1.0)
            level, since = self._level.get(place, (full, now))
            level = min(full, level + (now - since) * self.rate)
            admitted = level >= 1
            self._level[place] = (level - admitted, now)
            return admitted


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key as ListPublicKeys shows it."""

    der: bytes
    fingerprint: str
    valid: Window


class EventHistory:
    """What CloudTrail remembers of each account and region, trail or no trail."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._events: dict[Place, list[tuple[float, int, Record]]] = defaultdict(list)
        self._keys: dict[str, dict[str, PublicKey]] = defaultdict(dict)
        self._guard = threading.Lock()

    @property
    def answers(self) -> dict[tuple[str, str], Answer]:
        """Return what this serves, for `Wire`."""
        return {
            ("cloudtrail", "LookupEvents"): self.lookup_events,
            ("cloudtrail", "ListPublicKeys"): self.list_public_keys,
        }

    def remember(self, place: Place, records: Iterable[Record]) -> frozenset[str]:
        """Add records to the history and return the ids of those it shows; data events it does not."""
        shown = [record for record in records if record.get("eventCategory", "Management") == "Management"]
        with self._guard:
            events = self._events[place]
            for record in shown:
                # Newest first; among equals the one that came later stands first.
                insort(events, (-_seconds(record), -len(events), record), key=lambda event: event[:2])
        return frozenset(str(record["eventID"]) for record in shown)

    def publish(self, region: str, key: PublicKey) -> None:
        """Show `key` in ListPublicKeys of `region`; a key shown already becomes valid for longer."""
        with self._guard:
            known = self._keys[region].get(key.fingerprint, key).valid
            valid = Window(min(known.start, key.valid.start), max(known.end, key.valid.end))
            self._keys[region][key.fingerprint] = PublicKey(key.der, key.fingerprint, valid)

    def lookup_events(self, call: Call, params: Params) -> Mapping[str, object]:
        """Answer LookupEvents: newest first, both ends of the time range included, two a second."""
        place = (call.account, call.region)
        if not self._meter.admits(place):
            raise Refusal("ThrottlingException", "Rate exceeded")
        size = int(str(params.get("MaxResults", PAGE)))
        if not 1 <= size <= PAGE:
            raise Refusal("InvalidMaxResultsException", f"A MaxResults value of {size} is invalid.")
        wanted = _filter(params)
        with self._guard:
            events = [record for _, _, record in self._events.get(place, ()) if wanted(record)]
        chosen, token = page(
            events,
            call=call,
            params=params,
            size=size,
            bad_token="InvalidNextTokenException",  # noqa: S106  a name
        )
        answer: dict[str, object] = {"Events": [entry(record) for record in chosen]}
        return answer | ({"NextToken": token} if token else {})

    def list_public_keys(self, call: Call, params: Params) -> Mapping[str, object]:
        """Answer ListPublicKeys: the keys that were in use at some time of the range."""
        start, end = params.get("StartTime"), params.get("EndTime")
        keys = [
            {
                "Value": key.der,
                "Fingerprint": key.fingerprint,
                "ValidityStartTime": key.valid.start,
                "ValidityEndTime": key.valid.end,
            }
            for key in self._keys.get(call.region, {}).values()
            if (not isinstance(start, datetime) or start < key.valid.end)
            and (not isinstance(end, datetime) or key.valid.start <= end)
        ]
        return {"PublicKeyList": keys}


def entry(record: Record) -> Mapping[str, object]:
    """Return a record as LookupEvents lists it: a digest of its fields beside the record as a string."""
    identity = record.get("userIdentity")
    identity = identity if isinstance(identity, Mapping) else {}
    found: dict[str, object] = {
        "EventId": record["eventID"],
        "EventName": record["eventName"],
        "ReadOnly": "true" if record.get("readOnly") else "false",
        "EventTime": datetime.fromtimestamp(_seconds(record), UTC),
        "EventSource": record["eventSource"],
        "Resources": [
            {"ResourceType": item.get("type"), "ResourceName": str(item.get("ARN", "")).rpartition("/")[2]}
            for item in _resources(record)
        ],
        "CloudTrailEvent": json.dumps(record, separators=(",", ":")),
    }
    optional = {"AccessKeyId": identity.get("accessKeyId"), "Username": username(identity)}
    return found | {name: value for name, value in optional.items() if value}


def username(identity: Mapping[str, object]) -> str | None:
    """Return whom LookupEvents names: the user, or the session of a role."""
    if identity.get("type") == "AssumedRole":
        return str(identity.get("arn", "")).rpartition("/")[2] or None
    if identity.get("type") == "Root":
        return "root"
    name = identity.get("userName")
    return str(name) if name else None


def _resources(record: Record) -> list[Mapping[str, object]]:
    resources = record.get("resources")
    return [item for item in resources if isinstance(item, Mapping)] if isinstance(resources, list) else []


def _seconds(record: Record) -> float:
    return parse_instant(str(record["eventTime"])).timestamp()


def _filter(params: Params) -> Callable[[Record], bool]:
    start, end = params.get("StartTime"), params.get("EndTime")
    earliest = int(start.timestamp()) if isinstance(start, datetime) else float("-inf")
    latest = int(end.timestamp()) if isinstance(end, datetime) else float("inf")
    if earliest > latest:
        raise Refusal("InvalidTimeRangeException", "The start time is later than the end time.")
    attributes = _attributes(params)
    return lambda record: (
        earliest <= int(_seconds(record)) <= latest
        and all(value in _values(record, name) for name, value in attributes)
    )


def _attributes(params: Params) -> list[tuple[str, str]]:
    given = params.get("LookupAttributes")
    found = [
        (str(item["AttributeKey"]), str(item["AttributeValue"]))
        for item in (given if isinstance(given, list) else [])
        if isinstance(item, Mapping)
    ]
    if len(found) > 1:
        raise Refusal("InvalidLookupAttributesException", "Only one lookup attribute can be specified.")
    return found


def _values(record: Record, attribute: str) -> set[object]:
    listed = entry(record)
    resources = listed["Resources"]
    if attribute in {"ResourceType", "ResourceName"}:
        return {item[attribute] for item in resources} if isinstance(resources, list) else set()
    return {listed.get(attribute)}
