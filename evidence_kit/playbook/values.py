"""The types of inputs, answers and outputs: what a value may be, and where a window begins and ends."""

import ipaddress
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from evidence_kit.errors import UsageError
from evidence_kit.model.time import Window, parse_instant, parse_period, rfc3339

MAX_TEXT = 4_096  # characters of one value; what is longer is a document, not a value
_ARN = re.compile(r"arn:[a-z-]+:[a-z0-9-]*:[a-z0-9-]*:[0-9]*:[\x21-\x7e]+")
_EMAIL = re.compile(r"[^\s@]{1,64}@[^\s@]{1,255}")
_WHOLE = re.compile(r"-?\d{1,18}")
_TRUTH = {"true": True, "false": False}


def typed(kind: str, value: object) -> object:
    """Return `value` as plain data of a type of the language; UsageError where it is none.

    Texts become numbers or truth values only where the type asks for it and they are nothing else.
    """
    if kind.startswith("list<"):
        items = value if isinstance(value, list) else [value]
        return [typed(kind[5:-1], one) for one in items]
    reader = _READERS.get(kind)
    if reader is None or value is None:
        raise UsageError(f"{_shown(value)} is not of type `{kind}`")
    try:
        return reader(value)
    except (UsageError, ValueError, TypeError, OverflowError) as error:
        raise UsageError(f"{_shown(value)} is not of type `{kind}`", hint=_HINTS.get(kind)) from error


def window_of(said: Mapping[str, object], started: datetime) -> Window:
    """Return the window that a mapping says: `last`, `since` to `until`, or `around` a moment."""
    try:
        return _window_of(said, started)
    except OverflowError as error:
        raise UsageError("the window reaches beyond the years 1 to 9999") from error


def _window_of(said: Mapping[str, object], started: datetime) -> Window:
    if "last" in said:
        return Window(started - parse_period(str(said["last"])), started)
    if "around" in said:
        middle = parse_instant(str(said["around"]))
        before, after = (parse_period(str(said.get(name, "PT0S"))) for name in ("before", "after"))
        return Window(middle - before, max(middle + after, middle - before + timedelta(seconds=1)))
    until = said.get("until")
    end = parse_instant(str(until), now=started) if until else started
    return Window(parse_instant(str(said["since"]), now=started), end)


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise TypeError
    return value


def _int(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if not _WHOLE.fullmatch(_text(value)):
        raise ValueError
    return int(_text(value))


def _double(value: object) -> float:
    if isinstance(value, bool):
        raise TypeError
    found = float(value) if isinstance(value, int | float) else float(_text(value))
    if found != found or found in {float("inf"), float("-inf")}:  # noqa: PLR0124 - not a number is unlike itself
        raise ValueError
    return found


def _bool(value: object) -> bool:
    return value if isinstance(value, bool) else _TRUTH[_text(value)] if value in _TRUTH else _no(value)


def _no(value: object) -> bool:
    raise TypeError(value)


def _timestamp(value: object) -> str:
    moment = value if isinstance(value, datetime) else parse_instant(_text(value))
    return rfc3339(moment.astimezone(UTC))


def _duration(value: object) -> str:
    parse_period(_text(value))
    return _text(value)


def _window(value: object) -> Mapping[str, object]:
    if isinstance(value, str):
        value = {"last": value}
    if not isinstance(value, Mapping) or not {*value} <= {"last", "since", "until", "around", "before", "after"}:
        raise TypeError
    if len({*value} & {"last", "since", "around"}) != 1:
        raise TypeError
    window_of(value, datetime(2000, 1, 1, tzinfo=UTC) if "last" in value else datetime(9000, 1, 1, tzinfo=UTC))
    return dict(value)


def _matching(pattern: re.Pattern[str]) -> Callable[[object], str]:
    def read(value: object) -> str:
        if pattern.fullmatch(_text(value)) is None:
            raise ValueError
        return _text(value)

    return read


_READERS: Mapping[str, Callable[[object], object]] = {
    "string": _text,
    "int": _int,
    "double": _double,
    "bool": _bool,
    "timestamp": _timestamp,
    "duration": _duration,
    "window": _window,
    "ip": lambda value: str(ipaddress.ip_address(_text(value))),
    "network": lambda value: str(ipaddress.ip_network(_text(value), strict=False)),
    "arn": _matching(_ARN),
    "email": _matching(_EMAIL),
    "secret": _matching(re.compile(r"secret://[\x21-\x7e]+")),
}
_HINTS: Mapping[str, str] = {
    "timestamp": "write `2026-11-18T00:00:00Z`",
    "duration": "write `P14D`, `PT6H` or `PT15M`",
    "window": "write `{last: P14D}`, or `{since: 2026-11-18T00:00:00Z, until: 2026-11-20T00:00:00Z}`",
    "bool": "write `true` or `false`",
    "secret": "say where it is kept: `secret://env/NAME`; a secret itself is never given",
}


def _shown(value: object) -> str:
    return f"`{str(value)[:80]}`" if isinstance(value, str | int | float) else f"a {type(value).__name__}"
