"""Where notices go: the organisation's channels, by name and kind, and where the secret of each is kept."""

import re
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from evidence_kit.errors import UsageError
from evidence_kit.model import places
from evidence_kit.model.document import Document, Path, did_you_mean, parse_document
from evidence_kit.model.grammar import Field, Shape, Variants, check, nested, schema_of
from evidence_kit.model.time import parse_period

API_VERSION = "evidence-kit/notices.v1"
KIND = "Notices"
SLACK, TEAMS, WEBHOOK, EMAIL, PAGERDUTY, JIRA = "slack", "teams", "webhook", "email", "pagerduty", "jira"
STARTTLS, TLS = "starttls", "tls"
PAGERDUTY_URL = "https://events.pagerduty.com/v2/enqueue"
SEVERITIES = ("info", "warning", "error", "critical")
TIMEOUT = timedelta(seconds=10)
_LONGEST = timedelta(minutes=2)  # a run waits for it
_MOST_PEOPLE = 50
_ADDRESS = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9.-]{1,255}"
_URL = r"https://[^\s@]+"
_NO_LOGIN = "`https://HOST/…`, without a name or password"

_NAME = Field(help="what playbooks call it", pattern=r"[a-z0-9][a-z0-9_-]{0,63}", required=True)
_COMMON = {
    "name": _NAME,
    "timeout": Field(help="how long to wait for an answer; `PT10S` if not said", kind="period"),
    "ca": Field(help="certificates of a private authority, a PEM file"),
}


def _secret(help_: str, *, required: bool = True) -> Field:
    return Field(
        help=f"where {help_} is kept: `secret://env/NAME` and the like", pattern=places.SECRET, required=required
    )


CHANNEL = Variants(
    "kind",
    {
        SLACK: Shape({**_COMMON, "secret": _secret("the address of the incoming webhook")}),
        TEAMS: Shape({**_COMMON, "secret": _secret("the address of the workflow's webhook")}),
        WEBHOOK: Shape(
            {
                **_COMMON,
                "url": Field(help="where to post JSON", pattern=_URL, required=True),
                "secret": _secret("a bearer token", required=False),
            }
        ),
        PAGERDUTY: Shape(
            {
                **_COMMON,
                "secret": _secret("the integration's routing key"),
                "url": Field(help="the EU's or a relay's address; PagerDuty's own if not said", pattern=_URL),
                "severity": Field(help="`error` if not said", among=SEVERITIES),
            }
        ),
        JIRA: Shape(
            {
                **_COMMON,
                "url": Field(help="the site, such as `https://acme.atlassian.net`", pattern=_URL, required=True),
                "user": Field(help="whose token it is, by mail address", pattern=_ADDRESS, required=True),
                "secret": _secret("the API token"),
                "project": Field(help="key of the project", pattern=r"[A-Z][A-Z0-9_]{0,31}", required=True),
                "issueType": Field(help="name of the issue type; `Task` if not said", pattern=r"[^\n]{1,60}"),
            }
        ),
        EMAIL: Shape(
            {
                **_COMMON,
                "host": Field(help="the mail server", pattern=r"[A-Za-z0-9.:-]{1,255}", required=True),
                "port": Field(help="587 for `starttls`, 465 for `tls` if not said", kind="int", least=1),
                "security": Field(help="`starttls` if not said; never in clear", among=(STARTTLS, TLS)),
                "user": Field(help="the login, where the server wants one", pattern=r"[\x21-\x7e]{1,255}"),
                "secret": _secret("the login's password", required=False),
                "from": Field(help="the sender", pattern=_ADDRESS, required=True),
                "to": Field(help="the recipients", pattern=_ADDRESS, many=True, required=True),
            }
        ),
    },
)
FILE = Shape(
    {
        "apiVersion": Field(help="the version of this language", among=(API_VERSION,), required=True),
        "kind": Field(help="what this file is", among=(KIND,), required=True),
        "channels": nested("where notices go", CHANNEL, required=True, many=True),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One channel. `secret` says where the secret is kept; it is never the secret."""

    name: str
    kind: str
    secret: str = ""
    url: str = ""
    user: str = ""
    project: str = ""
    issue_type: str = "Task"
    severity: str = "error"
    host: str = ""
    port: int = 0
    security: str = STARTTLS
    sender: str = ""
    to: tuple[str, ...] = ()
    ca: str = ""
    timeout: timedelta = TIMEOUT


def schema() -> dict[str, object]:
    """Return the JSON Schema of a file of channels."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": KIND, **schema_of(FILE)}


def parse_channels(text: bytes, *, name: str) -> tuple[Channel, ...]:
    """Read a file of channels; UsageError says where it is wrong."""
    doc = parse_document(text, name=name)
    _require_places(doc)
    check(doc, (), FILE)
    found = tuple(_channel(doc, ("channels", index)) for index in range(len(doc.at(("channels",), list))))
    if not found:
        raise doc.error(("channels",), "no channel is listed")
    seen: set[str] = set()
    for index, one in enumerate(found):
        if one.name in seen:
            raise doc.error(("channels", index, "name"), f"two channels are called `{one.name}`")
        seen.add(one.name)
    return found


def _require_places(doc: Document) -> None:
    """Refuse what is no place of a secret, before anything repeats it: it may be the secret itself, or hold one."""
    listed = doc.at(("channels",), list, default=[])
    for index, one in enumerate(listed):
        if not isinstance(one, dict):
            continue
        if "url" in one and not re.fullmatch(_URL, str(one["url"])):
            raise doc.error(("channels", index, "url"), "`url` is not an address", hint=_NO_LOGIN)
        if "secret" in one and not re.fullmatch(places.SECRET, str(one["secret"])):
            raise doc.error(
                ("channels", index, "secret"),
                "`secret` does not say where the secret is kept",
                hint=places.HINT,
            )


def choose(channels: tuple[Channel, ...], name: str) -> Channel:
    """Return the channel called `name`; UsageError names those that are near."""
    for one in channels:
        if one.name == name:
            return one
    raise UsageError(f"there is no channel `{name[:80]}`", hint=did_you_mean(name, [one.name for one in channels]))


def _channel(doc: Document, at: Path) -> Channel:
    kind = doc.at((*at, "kind"), str)
    security = _text(doc, at, "security", STARTTLS)
    found = Channel(
        name=doc.at((*at, "name"), str),
        kind=kind,
        secret=_text(doc, at, "secret"),
        url=_text(doc, at, "url", PAGERDUTY_URL if kind == PAGERDUTY else ""),
        user=_text(doc, at, "user"),
        project=_text(doc, at, "project"),
        issue_type=_text(doc, at, "issueType", "Task"),
        severity=_text(doc, at, "severity", "error"),
        host=_text(doc, at, "host"),
        port=doc.at((*at, "port"), int, default=465 if security == TLS else 587),
        security=security,
        sender=_text(doc, at, "from"),
        to=tuple(str(one) for one in doc.at((*at, "to"), list, default=[])),
        ca=_text(doc, at, "ca"),
        timeout=_timeout(doc, (*at, "timeout")),
    )
    _require_sense(doc, at, found)
    return found


def _text(doc: Document, at: Path, name: str, default: str = "") -> str:
    return doc.at((*at, name), str, default=default)


def _timeout(doc: Document, at: Path) -> timedelta:
    said = doc.at(at, str, default="")
    found = parse_period(said) if said else TIMEOUT
    if not timedelta() < found <= _LONGEST:
        raise doc.error(at, f"`{said}` is nothing to wait for", hint="more than nothing, at most `PT2M`")
    return found


def _require_sense(doc: Document, at: Path, one: Channel) -> None:
    if one.url and not _is_address(one.url):
        raise doc.error((*at, "url"), "`url` is not an address", hint=_NO_LOGIN)
    if one.kind == EMAIL:
        if not 1 <= len(one.to) <= _MOST_PEOPLE:
            raise doc.error((*at, "to"), f"between one and {_MOST_PEOPLE} recipients")
        if bool(one.user) != bool(one.secret):
            raise doc.error(at, "a login has `user` and `secret`, or neither")
        if not one.port < 1 << 16:
            raise doc.error((*at, "port"), f"{one.port} is no port")


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme == "https" and bool(parts.hostname) and parts.username is None and (parts.port or 1) > 0
    except ValueError:
        return False
