"""Serves a list of records as a connector expects it: its paging, its window, its paths, its format."""

import csv
import gzip
import io
import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import jmespath

from evidence_kit.sandbox.partners.asked import Asked

_SIMPLE = re.compile(r'(?:[A-Za-z_]\w*|"[^"]+")(?:\.(?:[A-Za-z_]\w*|"[^"]+"))*')
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LINK_CURSOR = "sandbox_page"


@dataclass(slots=True)
class Pages:
    """One list of records behind one path; it remembers what its cursors stand for."""

    connector: Mapping[str, Any]
    said: Mapping[str, Any]  # `pages` of the fixture
    _known: dict[str, tuple[list[Any], int]] = field(default_factory=dict)

    def answer(self, asked: Asked) -> tuple[dict[str, str], bytes, str]:
        """Return headers, body and content type of the page that was asked for."""
        paging = self.connector.get("paging", {"type": "none"})
        records, start = self._place(paging, asked)
        size = len(records) if paging["type"] == "none" else int(self.said.get("size", 2))
        page, following = records[start : start + size], start + size
        more = following < len(records)
        token = f"c{len(self._known)}x{following}" if more else None
        headers: dict[str, str] = {}
        values = {"$records": page, "$total": len(records), "$more": more, "$next": token}
        if paging["type"] == "next_url":
            values["$next"] = _link(asked, token) if token else None
        body = self._body(paging, values)
        if token:
            headers = _told(paging, asked, token)
            self._remember(paging, token, body, (records, following))
        raw, kind = self._written(body, page)
        return headers, raw, kind

    def _place(self, paging: Mapping[str, Any], asked: Asked) -> tuple[list[Any], int]:
        kind = paging["type"]
        if kind in {"link_header", "next_url"}:
            cursor = asked.query.get(_LINK_CURSOR)
        elif kind == "none":
            cursor = None
        else:
            cursor = asked.at(paging["send"])
        if kind in {"offset", "page"}:
            number = int(cursor or 0) - (int(paging.get("start", 0)) if kind == "page" else 0)
            return self._bounded(asked), number * (int(self.said.get("size", 2)) if kind == "page" else 1)
        if cursor is not None and str(cursor) in self._known:
            return self._known[str(cursor)]
        return self._bounded(asked), 0

    def _remember(self, paging: Mapping[str, Any], token: str, body: object, place: tuple[list[Any], int]) -> None:
        self._known[token] = place
        if paging["type"] == "cursor" and isinstance(paging["cursor"], str):
            self._known[str(jmespath.search(paging["cursor"], body))] = place

    # -- the window ----------------------------------------------------------------------------------------------

    def _bounded(self, asked: Asked) -> list[Any]:
        """Return the records of the window, up to the cap that the provider keeps."""
        found = self._within(asked)
        return found[: int(self.said.get("most", len(found)))]

    def _within(self, asked: Asked) -> list[Any]:
        records, window, path = list(self.said["records"]), self.connector.get("window"), self._time()
        if not window or not path or not self.said.get("bounded", True):
            return records
        start, end = (_moment(text, window["format"]) for text in _bounds(window, asked))
        step = timedelta(days=1) if window["format"] == "date" else timedelta(0)
        bounds = window.get("bounds", "[)")
        kept = []
        for record in records:
            moment = _moment(str(jmespath.search(path, record)), "")
            if moment is None:
                kept.append(record)
                continue
            if start and (moment < start or (bounds[0] == "(" and moment == start)):
                continue
            if end and (moment >= end + step if bounds[1] == "]" and step else moment > end):
                continue
            if end and bounds[1] == ")" and moment == end:
                continue
            kept.append(record)
        return kept

    def _time(self) -> str:
        return str(self.connector["records"].get("time", ""))

    # -- the body ------------------------------------------------------------------------------------------------

    def _body(self, paging: Mapping[str, Any], values: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON
        if "wrap" in self.said:
            return _wrapped(self.said["wrap"], values)
        body = _put({}, str(self.connector["records"]["path"]), values["$records"])
        places = {
            "$more": paging.get("more"),
            "$total": paging.get("total") or self.connector.get("cap", {}).get("total"),
            "$next": paging.get("cursor"),
        }
        for name, path in places.items():
            simple = isinstance(path, str) and _SIMPLE.fullmatch(path)
            if simple and isinstance(body, dict) and values[name] is not None:
                body = _put(body, str(path), values[name])
        return body

    def _written(self, body: object, page: Sequence[Any]) -> tuple[bytes, str]:
        format_ = self.connector["records"].get("format", "json")
        raw, kind = json.dumps(body).encode(), "application/json"
        if format_ == "jsonl":
            raw, kind = "".join(json.dumps(one) + "\n" for one in page).encode(), "application/x-ndjson"
        if format_ == "csv":
            raw, kind = table(page), "text/csv"
        for step in reversed(self.connector.get("decode", ())):
            raw = gzip.compress(raw, mtime=0) if step == "gzip" else zipped({f"page.{format_}": raw})
        return raw, kind


def table(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Write rows as CSV."""
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, fieldnames=list(rows[0]) if rows else ["empty"])
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue().encode()


def zipped(members: Mapping[str, bytes]) -> bytes:
    """Pack members."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, raw in members.items():
            archive.writestr(zipfile.ZipInfo(name), raw)
    return stream.getvalue()


def _told(paging: Mapping[str, Any], asked: Asked, token: str) -> dict[str, str]:
    """Return the header that says what follows, where a header does."""
    if paging["type"] == "link_header":
        own = f'<{asked.base}{asked.path}>; rel="self"'
        return {"Link": f'{own}, <{_link(asked, token)}>; rel="{paging.get("rel", "next")}"'}
    if paging["type"] == "cursor" and isinstance(paging["cursor"], dict):
        return {str(paging["cursor"]["header"]): token}
    return {}


def _link(asked: Asked, token: str) -> str:
    return f"{asked.base}{asked.path}?{urlencode({**asked.query, _LINK_CURSOR: token})}"


def _put(body: Any, path: str, value: object) -> Any:  # noqa: ANN401 - any JSON
    path = path.partition("||")[0].strip().removesuffix("[]")
    if path in {"@", ""}:
        return value
    name, _, rest = path.partition(".")
    name = name.strip('"')
    return {**body, name: _put(body.get(name, {}), rest, value) if rest else value}


def _wrapped(template: Any, values: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(template, dict):
        return {name: _wrapped(one, values) for name, one in template.items()}
    if isinstance(template, list):
        return [_wrapped(one, values) for one in template]
    name = "$next" if template == "$cursor" else template
    return values.get(name, template) if isinstance(name, str) else template


def _bounds(window: Mapping[str, Any], asked: Asked) -> tuple[str, str]:
    """Return the bounds that were asked for, as they were written."""
    found = {"start": "", "end": ""}
    for name in found:
        if (place := window.get(name)) is None:
            continue
        said = str(asked.at(place) or "")
        if "text" not in place:
            found[name] = said
            continue
        pattern = re.escape(place["text"])
        for slot in found:
            pattern = pattern.replace(re.escape(f"{{{slot}}}"), f"(?P<{slot}>.+?)", 1)
        if match := re.fullmatch(pattern, said, re.DOTALL):
            found |= match.groupdict()
    return found["start"], found["end"]


def _moment(text: str, format_: str) -> datetime | None:
    if not text or text == "None":
        return None
    if "%" in format_:
        found = datetime.strptime(text, format_)  # noqa: DTZ007 - without a zone it is UTC, which the next line says
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    if text.replace(".", "", 1).isdigit():
        number = float(text)
        return _EPOCH + timedelta(seconds=number / 1000 if number > 1e11 else number)
    try:
        found = datetime.fromisoformat(re.sub(r"\.(\d{6})\d+", r".\1", text))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
