"""What a time line is asked for, as a condition with bound values; no text of the asker becomes SQL."""

import ipaddress
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from evidence_kit.analysis.moments import nanoseconds
from evidence_kit.errors import UsageError

# Option → column. Several values of one option are alternatives; several options must all hold.
COLUMNS = {
    "actor": "actor",
    "credential": "credential",
    "address": "src_ip",
    "resource": "resource",
    "action": "action",
    "source": "source",
    "outcome": "outcome",
}
Addresses = Callable[[], Iterable[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Values by option, and a half-open period; `*` in a value stands for anything."""

    actor: Sequence[str] = ()
    credential: Sequence[str] = ()
    address: Sequence[str] = ()
    resource: Sequence[str] = ()
    action: Sequence[str] = ()
    source: Sequence[str] = ()
    outcome: Sequence[str] = ()
    since: datetime | None = None
    until: datetime | None = None

    def __post_init__(self) -> None:
        if self.since and self.until and self.until <= self.since:
            raise UsageError("the period ends before it starts", hint="`--since` comes first, `--until` is later")

    def condition(self, addresses: Addresses) -> tuple[str, dict[str, object]]:
        """Return a condition over the columns and `at_ns`, and its values; `addresses` are those in the evidence."""
        parts, values = self.who(addresses)
        for name, moment, sign in (("since", self.since, ">="), ("until", self.until, "<")):
            if moment:
                parts.append(f"at_ns {sign} ${name}")
                values[name] = nanoseconds(moment)
        return _all(parts), values

    def who(self, addresses: Addresses) -> tuple[list[str], dict[str, object]]:
        """Return the conditions without the period."""
        parts: list[str] = []
        values: dict[str, object] = {}
        for option, column in COLUMNS.items():
            said: Sequence[str] = getattr(self, option)
            if said:
                either = list(_either(option, column, said, values, addresses))
                parts.append(f"({' OR '.join(either)})")
        return parts, values


def _all(parts: Sequence[str]) -> str:
    return " AND ".join(parts) or "true"


def _either(
    option: str, column: str, said: Sequence[str], values: dict[str, object], addresses: Addresses
) -> Iterator[str]:
    for at, text in enumerate(said):
        name = f"{option}{at}"
        if option == "address" and ("/" in text or _is_v6(text)):
            values[name] = list(_within(text, addresses()))
            yield f"list_contains(${name}, {column})"
        elif option == "source":  # an event is of each source that is its witness
            values[name] = _like(text)
            yield f"len(list_filter(sources, lambda one: one LIKE ${name} ESCAPE '\\')) > 0"
        elif "*" in text:
            values[name] = _like(text)
            yield f"{column} LIKE ${name} ESCAPE '\\'"
        else:
            values[name] = text
            yield f"{column} = ${name}"


def _like(text: str) -> str:
    for special in "\\%_":
        text = text.replace(special, f"\\{special}")
    return text.replace("*", "%")


def _is_v6(text: str) -> bool:
    """Say whether a text is an IPv6 address, which logs spell in several ways."""
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def _within(network: str, addresses: Iterable[str]) -> Iterator[str]:
    try:
        wanted = ipaddress.ip_network(network, strict=False)
    except ValueError as error:
        raise UsageError(f"`{network}` is not a network", hint="write `198.51.100.0/24`") from error
    for text in addresses:
        try:
            found = ipaddress.ip_address(text)
        except ValueError:
            continue  # the name of a service stands where an address does
        if found.version == wanted.version and found in wanted:
            yield text
