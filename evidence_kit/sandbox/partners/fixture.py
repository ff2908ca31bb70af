r"""What a scripted partner answers: one YAML file a connector, `tests/fixtures/partners/<name of the source>.yaml`.

```yaml
connector: okta.system_log        # name of the source, as in the catalogue
params: {org: acme.example.com}   # of the target; the server's address is put in place of `server` by the harness
window: {start: 2026-11-20T00:00:00Z, end: 2026-11-21T00:00:00Z}   # asked for; a day of November 2026 if left out
secrets: {token: my-secret}       # optional: each secret the connector names gets a text (or a key) of its own
replies:                          # the first that fits answers; nothing fits: 404
  - method: GET                   # GET if left out
    path: /api/v1/logs
    when:                         # optional, all of it a subset of what was asked
      query: {sortOrder: ASCENDING}
      headers: {accept: application/json}
      body: {query.kind: audit}   # dotted paths
    times: 1                      # optional: answers so often, then the next that fits does (faults, polls of a job)
    status: 200                   # 200 if left out
    headers: {x-request-id: r-1}  # of the answer
    # and one body of these:
    json: {...}                   # `$base` in any text stands for the server's address
    text: "..."                   # as it stands
    csv: "a,b\n1,2\n"           # text/csv
    base64: "..."                 # any bytes
    gzip: "..."                   # this text, packed
    zip: {a.json: "[]"}           # these members, packed
    pages:                        # paged as the connector's `paging` says, in its `format`
      size: 2                     # records a page, whatever is asked for
      records: [{...}, {...}]     # all there are, in the order they are given
      bounded: true               # true if left out: only those whose `records.time` lies in the window asked for
      most: 100                   # optional: a cap, beyond which this provider gives nothing for one question
      wrap: {data: $records, meta: {count: $total, next: $cursor, more: $more}}   # if the paths are not simple names
expect:                           # what a collection of the window ends with
  status: complete                # complete if left out
  records: 5                      # records of all pages
  findings: [outside_window]      # kinds, in any order; none if left out
  files: 3                        # optional: pages and downloads that are stored
```
Without `wrap`, the body is made of the connector's own paths (`records.path`, `paging.cursor`, `more`, `total`,
`cap.total`), where they are dotted names. Who asks is checked by the connector's `auth`; its token endpoint or
log-in is served by itself (`session`: a log-in is a reply of its own and answers `$token` where the token goes).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from evidence_kit.errors import UsageError
from evidence_kit.model.document import Document, parse_document
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window, parse_instant

BODIES = ("json", "text", "csv", "base64", "gzip", "zip", "pages")
_REPLY = ("method", "path", "when", "times", "status", "headers", *BODIES)
_START = datetime(2026, 11, 20, tzinfo=UTC)
_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(slots=True, kw_only=True)
class Scripted:
    """One answer, to whom it is given, and how often it still is."""

    method: str
    path: str
    when: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    times: int | None = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    kind: str = "json"
    body: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """How a collection ends."""

    status: UnitStatus
    records: int | None
    findings: tuple[str, ...]
    files: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixture:
    """What one partner answers."""

    connector: str
    params: Mapping[str, str]
    secrets: Mapping[str, str]
    window: Window
    replies: tuple[Scripted, ...]
    expect: Expected


def parse_fixture(text: bytes, *, name: str) -> Fixture:
    """Read a fixture; UsageError says where it is wrong."""
    doc = parse_document(text, name=name)
    doc.allow((), ("connector", "params", "window", "secrets", "replies", "expect"))
    start, end = doc.at(("window", "start"), str, default=""), doc.at(("window", "end"), str, default="")
    return Fixture(
        connector=doc.at(("connector",), str),
        params=_texts(doc, "params"),
        secrets=_texts(doc, "secrets"),
        window=Window(
            parse_instant(start) if start else _START, parse_instant(end) if end else _START + timedelta(days=1)
        ),
        replies=tuple(_reply(doc, index) for index in range(len(doc.at(("replies",), list)))),
        expect=_expected(doc),
    )


def _texts(doc: Document, name: str) -> dict[str, str]:
    found = doc.at((name,), dict, default={})
    return {str(key): doc.at((name, key), str) for key in found}


def _reply(doc: Document, index: int) -> Scripted:
    at = ("replies", index)
    doc.allow(at, _REPLY)
    said = doc.at(at, dict)
    kinds = [kind for kind in BODIES if kind in said]
    if len(kinds) > 1:
        raise doc.error(at, f"a reply has one body, not {' and '.join(kinds)}")
    kind = kinds[0] if kinds else "text"
    if kind == "pages":
        doc.allow((*at, "pages"), ("size", "records", "bounded", "most", "wrap"))
        doc.at((*at, "pages", "records"), list)
    doc.allow((*at, "when"), ("query", "headers", "body")) if "when" in said else None
    return Scripted(
        method=doc.at((*at, "method"), str, default="GET"),
        path=doc.at((*at, "path"), str),
        when=said.get("when", {}),
        times=said.get("times"),
        status=doc.at((*at, "status"), int, default=200),
        headers={str(key): str(value) for key, value in doc.at((*at, "headers"), dict, default={}).items()},
        kind=kind,
        body=said.get(kind, ""),
    )


def _expected(doc: Document) -> Expected:
    said = doc.at(("expect",), dict, default={})
    if said:
        doc.allow(("expect",), ("status", "records", "findings", "files"))
    try:
        status = UnitStatus(str(said.get("status", "complete")))
    except ValueError as error:
        raise UsageError(f"{doc.name}: `{said['status']}` is no status") from error
    return Expected(
        status=status,
        records=said.get("records"),
        findings=tuple(map(str, said.get("findings", ()))),
        files=said.get("files"),
    )
