"""What the shop's own programs log to CloudWatch: one busy group, one that forgets after a week."""

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from evidence_kit.model.time import Window

BUSY, FORGETFUL = "/aws/lambda/checkout-api", "/retail/payments"
QUIET_EVENTS = 240
RETENTION_DAYS = 7
STREAMS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class LogGroup:
    """A log group; each stream is a sequence of epoch milliseconds and message, oldest first."""

    account: str
    region: str
    name: str
    streams: Mapping[str, tuple[tuple[int, str], ...]]
    retention_days: int | None = None

    @property
    def count(self) -> int:
        """Return how many events all streams hold."""
        return sum(len(events) for events in self.streams.values())


def log_groups(*, account: str, region: str, window: Window, events: int, seed: int) -> tuple[LogGroup, ...]:
    """Return the two groups; the busy one holds `events`."""
    draw = random.Random(seed)  # noqa: S311  sample data
    return (
        LogGroup(account=account, region=region, name=BUSY, streams=_streams(window, events, draw)),
        LogGroup(
            account=account,
            region=region,
            name=FORGETFUL,
            streams=_streams(window, QUIET_EVENTS, draw),
            retention_days=RETENTION_DAYS,
        ),
    )


def _streams(window: Window, events: int, draw: random.Random) -> Mapping[str, tuple[tuple[int, str], ...]]:
    first = int(window.start.timestamp() * 1000)
    step = max(1, (window.end - window.start) // timedelta(milliseconds=1) // max(1, events))
    lines = [(first + n * step, _line(n, draw)) for n in range(events)]
    day = window.start.strftime("%Y/%m/%d")
    return {
        f"{day}/[$LATEST]{draw.getrandbits(128):032x}": tuple(lines[stream::STREAMS]) for stream in range(STREAMS)
    }


def _line(n: int, draw: random.Random) -> str:
    return json.dumps({"n": n, "msg": "order priced", "order": draw.randrange(10**8), "ms": draw.randrange(5, 90)})
