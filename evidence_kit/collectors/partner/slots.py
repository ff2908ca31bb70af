"""Fills the slots of a connector: values of the inventory, of the window, and of what a provider listed."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from evidence_kit.errors import UsageError
from evidence_kit.model.exchange import Stop
from evidence_kit.model.status import UnitStatus
from evidence_kit.sources.connector_checks import SLOT

_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::\d{1,5})?")
_WITHIN_HOST = re.compile(r"[A-Za-z0-9.-]+")
_COMPONENT = re.compile(r"[A-Za-z0-9._~-]+")
# What may stand within a longer text: nothing that ends a literal or begins something else.
_HARMLESS = re.compile(r"[A-Za-z0-9 :._/@,+=*%-]*")


def filled(template: object, values: Mapping[str, object]) -> Any:  # noqa: ANN401 - a body has any shape
    """Fill texts at every depth in one pass; a text that is exactly `{name}` becomes the value, whatever it is.

    An entry of a mapping whose whole value is a slot without a value is left out.
    """
    if isinstance(template, Mapping):
        return {key: filled(one, values) for key, one in template.items() if not _is_absent(one, values)}
    if isinstance(template, list):
        return [filled(one, values) for one in template]
    if not isinstance(template, str):
        return template
    if whole := SLOT.fullmatch(template):
        return values.get(whole[1], "")
    return SLOT.sub(lambda slot: _harmless(values, slot[1]), template)


def path(template: str, values: Mapping[str, object]) -> str:
    """Fill a path; a value is one component of it, whatever it contains."""
    made = SLOT.sub(lambda slot: quote(str(values.get(slot[1], "")), safe=""), template)
    if not made.startswith("/") or {".", ".."} & set(made.split("/")) or "//" in made:
        raise Stop(UnitStatus.PARTIAL_ERROR, "a path that does not stay within the API")
    return made


def address(template: str, values: Mapping[str, object]) -> str:
    """Fill `https://host/path` from the inventory, and make sure that it still is one."""
    place, slash, rest = template.removeprefix("https://").partition("/")
    # A value within the name of a host cannot end it, nor one within the path climb out of it.
    host = SLOT.sub(lambda slot: _fitting(_WITHIN_HOST if SLOT.sub("", place) else _HOST, values, slot[1]), place)
    path_ = SLOT.sub(lambda slot: _fitting(_COMPONENT, values, slot[1]), rest)
    url = f"https://{host}{slash}{path_}".rstrip("/")
    parts = urlsplit(url)
    wrong = parts.query or parts.fragment or ".." in url or "\\" in url or not url.isprintable() or " " in url
    if parts.scheme != "https" or wrong or _HOST.fullmatch(parts.netloc) is None:
        raise UsageError(f"`{url[:100]!a}` is not the address of an API", hint="check the `params` of the target")
    return url


def _fitting(pattern: re.Pattern[str], values: Mapping[str, object], name: str) -> str:
    value = str(values.get(name, ""))
    if pattern.fullmatch(value) is None or ".." in value:
        hint = "check the `params` of the target"
        raise UsageError(f"with `{value[:80]!a}` as `{name}` this is not the address of an API", hint=hint)
    return value


def _is_absent(template: object, values: Mapping[str, object]) -> bool:
    whole = SLOT.fullmatch(template) if isinstance(template, str) else None
    return whole is not None and values.get(whole[1], "") == ""


def _harmless(values: Mapping[str, object], name: str) -> str:
    value = str(values.get(name, ""))
    if name not in {"start", "end"} and _HARMLESS.fullmatch(value) is None:
        raise UsageError(f"the value of `{name}` cannot stand within a question")
    return value
