"""Nanoseconds since the Unix epoch, and as RFC 3339 with as many digits as are known."""

import re
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FRACTION = re.compile(r"\.(\d+)")
_NS = 1_000_000_000


def digits_of(time: str) -> int:
    """Return how many digits of a second a log wrote."""
    found = _FRACTION.search(time)
    return min(len(found[1]), 9) if found else 0


def instant(ns: int, digits: int = 0) -> str:
    """Return an instant with at least `digits` of a second, and more where there is more to say."""
    seconds, rest = divmod(ns, _NS)
    text = (_EPOCH + timedelta(seconds=seconds)).replace(tzinfo=None).isoformat()
    fraction = f"{rest:09}"
    kept = max(digits, len(fraction.rstrip("0")))
    return f"{text}.{fraction[:kept]}Z" if kept else f"{text}Z"


def micros(ns: int) -> str:
    """Return an instant with six digits, as programs that know no others read it."""
    seconds, rest = divmod(ns, _NS)
    text = (_EPOCH + timedelta(seconds=seconds)).replace(tzinfo=None).isoformat()
    return f"{text}.{rest // 1000:06}Z"


def nanoseconds(moment: datetime) -> int:
    """Return nanoseconds since the Unix epoch, without floating point."""
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1_000
