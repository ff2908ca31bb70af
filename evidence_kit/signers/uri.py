"""Key URIs such as `awskms:alias/ir?region=eu-west-1`, read strictly: where a key is, never what opens it."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from evidence_kit.errors import UsageError
from evidence_kit.model.document import did_you_mean

MAX_URI = 2048  # the longest ARN is below 300 characters
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]{0,30}):(.+)", re.DOTALL)
_PLAIN = re.compile(r"[!-~]+")
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class KeyUri:
    """A parsed URI: `body` is what stands between the scheme and `?`, still encoded; `options` are decoded."""

    text: str
    scheme: str
    body: str
    options: Mapping[str, str]


def scheme_of(text: str) -> str:
    """Return the scheme of a URI; UsageError for what is none."""
    found = _SCHEME.fullmatch(text)
    if not found or len(text) > MAX_URI or not _PLAIN.fullmatch(text):
        # Only the scheme is repeated: somebody may have written a PIN into the rest.
        raise UsageError(
            f"`{text.partition(':')[0][:30]!a}:…` is no key URI", hint="such as `awskms:alias/ir?region=eu-west-1`"
        )
    return found[1]


def parse_uri(text: str, *, options: Iterable[str] = ()) -> KeyUri:
    """Read a URI that may carry `options`; each at most once."""
    scheme = scheme_of(text)
    body, _, query = text[len(scheme) + 1 :].partition("?")
    if "#" in text or not body:
        raise UsageError(f"`{scheme}:…` is no key URI", hint="write `#` as `%23`")
    known, said = tuple(options), {name: decoded(value) for name, value in pairs(query, "&").items()}
    for name in said:
        if name not in known:
            hint = did_you_mean(name, known) if known else f"`{scheme}:` takes none"
            raise UsageError(f"`{scheme}:` has no option `{name[:40]}`", hint=hint)
    return KeyUri(text, scheme, body, said)


def pairs(text: str, separator: str) -> dict[str, str]:
    """Read `name=value` between separators, values still encoded; a name given twice is refused."""
    said: dict[str, str] = {}
    for part in text.split(separator) if text else ():
        name, equals, value = part.partition("=")
        if not equals or not name or not value or name in said:
            raise UsageError(f"`{name[:40]}` in the key URI is empty or given twice", hint="write `name=value`")
        said[name] = value
    return said


def decoded(value: str) -> str:
    """Undo percent-encoding; bytes that are no UTF-8, and NUL, are refused."""
    try:
        text = unquote(value, errors="strict")
    except UnicodeDecodeError as error:
        raise UsageError("the key URI is not UTF-8 once decoded") from error
    if "\0" in text:
        raise UsageError("the key URI holds a NUL")
    return text


def endpoint(text: str) -> str:
    """Return a service's base address; a token goes there, so it is HTTPS or this machine."""
    parts = urlsplit(text)
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    if not is_safe or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise UsageError(f"`{text[:80]}` is no HTTPS address of a key service")
    return text.rstrip("/")
