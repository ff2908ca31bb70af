"""What no table of fields can say of a connector: slots that exist, paths that stay, addresses over https."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast
from urllib.parse import urlsplit

import jmespath
from jmespath.exceptions import JMESPathError

from evidence_kit.model.document import Document, Path, did_you_mean
from evidence_kit.model.time import parse_period
from evidence_kit.sources.connector_grammar import NAMED_FORMATS

SLOT = re.compile(r"\{([A-Za-z_][A-Za-z0-9_.]*)\}")
INDEX = "$index"  # in the `as` of a job: the number of an item in its list, which JMESPath cannot tell
_HOST = re.compile(r"(?:[A-Za-z0-9.{}_-]|%7[Bb])+(?::\d{1,5})?")
_LISTED_HOST = re.compile(r"(?:\*\.)?[A-Za-z0-9{}_-]+(?:\.[A-Za-z0-9{}_-]+)*(?::(?:\d{1,5}|\{[A-Za-z_]\w*\}))?")
_OURS = frozenset({"authorization", "cookie", "host", "content-length", "accept-encoding"})
_WINDOW = ("start", "end")


def check_meaning(doc: Document) -> None:
    """Raise UsageError for a connector that is well formed and still cannot be carried out."""
    _check_name(doc)
    params = _params(doc)
    _check_address(doc, ("server",), params)
    if "tokenUrl" in doc.at(("auth",), dict):
        _check_address(doc, ("auth", "tokenUrl"), params)
    _check_auth(doc, params)
    known = (*params, *_WINDOW) if "window" in doc.at((), dict) else params
    _check_slots(doc, ("headers",), params)
    _check_headers(doc, ("headers",))
    for path in (("request",), ("preflight", "request"), ("job", "create")):
        _check_request(doc, path, known)
    # The window stands in the first question alone: what follows has nothing to fill its slots with.
    _check_request(doc, ("job", "poll"), (*params, "id"))
    _check_each(doc, ("each",), params)
    _check_each(doc, ("job", "each"), (*params, "job"))
    if "total" in (job := doc.at(("job",), dict, default={})) and job.get("each", {}).get("download"):
        raise doc.error(("job", "total"), "what is streamed to disk is not counted", hint="`download` or `total`")
    _check_window(doc)
    _check_periods(doc)


def _check_name(doc: Document) -> None:
    name, provider = doc.at(("name",), str), doc.at(("provider",), str)
    if name.partition(".")[0] != provider:
        raise doc.error(("name",), f"`{name}` does not begin with the provider", hint=f"for example `{provider}.…`")
    if not doc.at(("evidence",), list):
        raise doc.error(("evidence",), "`evidence` names no class", hint="what an agreement has to allow")


def _params(doc: Document) -> tuple[str, ...]:
    names: list[str] = []
    for index, one in enumerate(doc.at(("params",), list, default=[])):
        at = ("params", index)
        if one["name"] in names or one["name"] in _WINDOW:
            raise doc.error((*at, "name"), f"`{one['name']}` is taken")
        names.append(one["name"])
        try:
            pattern = re.compile(one.get("pattern", ""))
        except re.error as error:
            raise doc.error((*at, "pattern"), f"not a regular expression: {error}") from error
        if "pattern" in one and "default" in one and pattern.fullmatch(one["default"]) is None:
            raise doc.error((*at, "default"), f"`{one['default']}` does not fit the pattern")
    return tuple(names)


def _check_address(doc: Document, path: Path, params: Iterable[str]) -> None:
    """Allow `https://host[:port][/path]` and nothing that reads otherwise than it looks."""
    url = doc.at(path, str)
    _check_slots(doc, path, params)
    bare = SLOT.sub("x", url)
    parts = urlsplit(bare)
    if parts.scheme != "https":
        raise doc.error(path, f"`{url}` does not begin with `https://`")
    wrong = "@" in bare or "\\" in bare or parts.query or parts.fragment or not bare.isprintable() or " " in bare
    if wrong or _HOST.fullmatch(parts.netloc) is None or ".." in bare or "%" in bare:
        raise doc.error(path, f"`{url}` is not a plain address", hint="`https://host/path`, without user or `..`")


def _check_auth(doc: Document, params: tuple[str, ...]) -> None:
    auth = doc.at(("auth",), dict)
    for name in ("user", "clientId", "subject", "keyId", "region", "basicUser", "audience", "scope"):
        _check_slots(doc, ("auth", name), params)
    if auth["type"] == "oauth2_client_credentials":
        if (auth.get("grant") == "refresh_token") != ("refresh" in auth):
            raise doc.error(("auth",), "`refresh` and `grant: refresh_token` belong together")
        _check_slots(doc, ("auth", "parameters"), params)
    if auth["type"] == "session":
        at = ("auth", "request")
        for name in ("path", "query"):
            _check_slots(doc, (*at, name), params)
        for name in ("body", "headers"):
            _check_slots(doc, (*at, name), params, secrets=True)
        _check_path(doc, (*at, "path"))
    if auth["type"] == "hmac":
        known = ("method", "host", "path", "query", "body", "bodyHash", "time", "nl")
        _check_slots(doc, ("auth", "template"), known)
        _check_slots(doc, ("auth", "value"), (*params, "signature", "time"))


def _check_request(doc: Document, path: Path, known: tuple[str, ...]) -> None:
    request = _at(doc, path)
    if not isinstance(request, dict):
        return
    for name in ("path", "query", "headers", "body"):
        _check_slots(doc, (*path, name), known)
    _check_headers(doc, (*path, "headers"))
    _check_path(doc, (*path, "path"))
    method = request.get("method", "GET")
    if method == "POST" and request.get("reads") is not True:
        raise doc.error((*path, "method"), "a `POST` may write", hint="`reads: true` says that this one only reads")
    if method == "GET" and ("body" in request or "reads" in request):
        raise doc.error((*path, "method"), "a `GET` has no body", hint="`method: POST` with `reads: true`")


def _check_each(doc: Document, path: Path, known: tuple[str, ...]) -> None:
    each = _at(doc, path)
    if not isinstance(each, dict):
        return
    names = each["as"]
    for name, expression in names.items():
        if re.fullmatch(r"[A-Za-z_]\w*", name) is None or name in (*known, *_WINDOW):
            raise doc.error((*path, "as", name), f"`{name}` cannot be a name here")
        if expression == INDEX and "job" in path:
            continue
        try:
            jmespath.compile(expression)
        except JMESPathError as error:
            raise doc.error((*path, "as", name), f"`{expression}` is not a JMESPath expression") from error
    if "id" not in names:
        raise doc.error((*path, "as"), "an item needs a name `id`", hint="it names the file")
    _check_request(doc, (*path, "request"), (*known, *names))
    for index, host in enumerate(each.get("hosts", [])):
        if _LISTED_HOST.fullmatch(host) is None or host.removeprefix("*.").count(".") == 0:
            raise doc.error((*path, "hosts", index), f"`{host}` is no host", hint="`files.example.com` or `*.x.com`")
        _check_slots(doc, (*path, "hosts", index), known)
    if each.get("download") and each.get("request", {}).get("method", "GET") != "GET":
        raise doc.error((*path, "request", "method"), "a download is a `GET`")


def _check_window(doc: Document) -> None:
    window = _at(doc, ("window",))
    if not isinstance(window, dict):
        if "cap" in doc.data:
            raise doc.error(("cap",), "a cap needs a window that can be halved")
        return
    said = window["format"]
    if "%" not in said and said not in NAMED_FORMATS:
        raise doc.error(("window", "format"), f"unknown format `{said}`", hint=did_you_mean(said, NAMED_FORMATS))
    for name in _WINDOW:
        _check_slots(doc, ("window", name, "text"), _WINDOW)
    text = window["start"].get("text", "")
    if "end" not in window and "{end}" not in text:
        raise doc.error(("window",), "the window has no end", hint="`end: {query: …}`, or `{end}` within the text")
    if text and "{start}" not in text:
        raise doc.error(("window", "start", "text"), "the text does not say `{start}`")


def _check_periods(doc: Document) -> None:
    for path in (("window", "step"), ("window", "retention"), ("cap", "smallest"), ("auth", "expires")):
        value = _at(doc, path)
        if isinstance(value, str) and not parse_period(value):
            raise doc.error(path, f"`{'.'.join(path)}` is longer than nothing")


# -- slots and paths -----------------------------------------------------------------------------------------------


def _check_slots(doc: Document, path: Path, known: Iterable[str], *, secrets: bool = False) -> None:
    names = tuple(known)
    for at, text in _texts(_at(doc, path), path):
        for slot in SLOT.findall(text):
            if slot not in names and not (secrets and slot.startswith("secret.")):
                hint = did_you_mean(slot, names) if names else "nothing can stand here"
                raise doc.error(at, f"unknown slot `{{{slot}}}`", hint=hint)


def _check_headers(doc: Document, path: Path) -> None:
    headers = _at(doc, path)
    for name, value in headers.items() if isinstance(headers, dict) else ():
        if name.lower() in _OURS:
            raise doc.error((*path, name), f"`{name}` is not set here", hint="`auth` says who we are")
        if not value.isprintable() or not re.fullmatch(r"[A-Za-z0-9_.-]+", name):
            raise doc.error((*path, name), f"`{name[:80]!a}` is no header")


def _check_path(doc: Document, path: Path) -> None:
    """Allow a path that stays below the server, or one whole slot: an address that the provider listed."""
    text = _at(doc, path)
    if not isinstance(text, str) or (SLOT.fullmatch(text) and "each" in path):
        return
    wrong = any(mark in text for mark in ("?", "#", "\\", "%", "//")) or {".", ".."} & set(text.split("/"))
    if not text.startswith("/") or wrong or not text.isprintable() or " " in text:
        raise doc.error(
            path, f"`{text}` is no path within the API", hint="it begins with `/`; a query goes to `query`"
        )


def _texts(value: object, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for name, one in cast("Mapping[str, Any]", value).items():
            yield from _texts(one, (*path, name))
    elif isinstance(value, list):
        for index, one in enumerate(value):
            yield from _texts(one, (*path, index))


def _at(doc: Document, path: Path) -> object:
    value: object = doc.data
    for step in path:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value
