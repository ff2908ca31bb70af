"""A further request for each item that a page lists: a body to read, or a large one streamed to disk."""

import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, unquote, urljoin, urlsplit

from evidence_kit.collectors.partner import decoding, slots
from evidence_kit.collectors.partner.decoding import Reading
from evidence_kit.collectors.partner.desk import Desk
from evidence_kit.collectors.partner.paging import count, search
from evidence_kit.collectors.partner.session import PartnerSession, open_session
from evidence_kit.collectors.partner.verdicts import rule_of
from evidence_kit.collectors.web.wire import Ask, WebWire, same_host
from evidence_kit.errors import UsageError
from evidence_kit.model.exchange import MAX_PAGE, Download, Item, Page, Remark, Retryable, Stop, Stream
from evidence_kit.model.ports import Context
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.unit import Finding, Target
from evidence_kit.sources.connector_checks import INDEX, SLOT

MAX_FAILED = 25  # after this many, the rest would fail alike
MAX_OBJECT = 64 << 30  # of one download; reports are gigabytes at the most, and a disk has an end
_QUERY = re.compile(r"\?\S*")


@dataclass(slots=True, kw_only=True)
class Follower:
    """Follows the items of one unit's pages, each once."""

    desk: Desk
    target: Target
    each: Mapping[str, Any]
    values: Mapping[str, object]
    seen: set[str] = field(default_factory=set)
    counted: int = 0  # records of the pages that came
    failed: list[Stop] = field(default_factory=list)
    _session: PartnerSession | None = None  # for hosts that are not ours

    def items(self, reading: Reading) -> Iterator[Item]:
        """Yield what the items of a page lead to; one that cannot be had does not end the others."""
        found = search(self.each["path"], reading.value)
        if found is None or not isinstance(found, list):
            raise Stop(UnitStatus.PARTIAL_ERROR, f"the answer has no list at `{self.each['path']}`")
        for index, item in enumerate(found):
            named = {name: _part(path, item, index) for name, path in self.each["as"].items()}
            key = str(named["id"])
            if named["id"] in (None, ""):
                raise Stop(UnitStatus.PARTIAL_ERROR, "an item that is listed has no `id`")
            if key in self.seen:
                continue
            self.seen.add(key)
            yield from self._one(key, {**self.values, **named})

    def finish(self) -> None:
        """Remember that something was not had."""
        if self.failed:
            reason = (
                f"{len(self.failed)} of {len(self.seen)} items could not be had; the first: {self.failed[0].reason}"
            )
            self.desk.ends.append((self.failed[0].status, reason))

    def _one(self, key: str, values: Mapping[str, object]) -> Iterator[Item]:
        try:
            ask, wire = self._asked(values)
            if self.each.get("download"):
                yield self._download(key, ask, wire, values)
            else:
                yield from self._page(key, ask, wire, values)
        except (Stop, UsageError) as error:  # the latter for what was listed and cannot stand within a question
            stop = error if isinstance(error, Stop) else Stop(UnitStatus.PARTIAL_ERROR, error.message)
            self.failed.append(_lost(stop))
            if len(self.failed) >= MAX_FAILED:
                raise self.failed[-1] from error
            shown = self.desk.line.secrets.hide(key)[:300]
            facts = {"status": stop.status.value, "of": shown}
            yield Remark(finding=Finding(kind="not_answered", message=f"`{shown}`: {stop.reason}", facts=facts))

    def _page(self, key: str, ask: Ask, wire: WebWire, values: Mapping[str, object]) -> Iterator[Item]:
        desk, said = replace(self.desk, wire=wire, ends=self.desk.ends), self.each
        format_ = said.get("format", "json")
        decode, path = tuple(said.get("decode", ())), str(said.get("records", ""))
        answer, reading = desk.call(ask, format_=format_, decode=decode, records=path)
        records = search(path, reading.value) if path and not reading.trouble else reading.value
        counted = len(records) if isinstance(records, list) and not reading.trouble else None
        self.counted += counted or 0
        yield Page(
            name=desk.line.secrets.hide(key),
            body=answer.body,
            exchange=answer.exchange,
            next_cursor=None,
            records=counted,
            suffix=decoding.suffix(answer.body, format_),
        )
        for note in reading.notes:
            yield Remark(finding=Finding(kind="body_differs", message=desk.line.secrets.hide(note)))
        if (size := count(values.get("size"))) is not None and size != len(answer.body):
            reason = f"{len(answer.body):,} bytes came of {size:,} that were listed"
            raise Stop(UnitStatus.PARTIAL_TRUNCATED, reason)
        desk.judge(reading)

    def _download(self, key: str, ask: Ask, wire: WebWire, values: Mapping[str, object]) -> Download:
        size = count(values.get("size"))
        name = self.desk.line.secrets.hide(key)
        suffix = str(self.each.get("format", "json"))
        return Download(
            name=f"{name}.{suffix}{'.gz' if 'gzip' in self.each.get('decode', ()) else ''}",
            open=partial(self._opened, ask, wire, size),
            object={"id": name},
        )

    def _opened(self, ask: Ask, wire: WebWire, size: int | None) -> AbstractContextManager[Stream]:
        return _sized(self.desk.ctx, wire.stream(self.desk.ctx, ask), size)

    # -- where an item is ----------------------------------------------------------------------------------------

    def _asked(self, values: Mapping[str, object]) -> tuple[Ask, WebWire]:
        """Return the question and the wire: ours, or one without credentials to a host that the connector names."""
        request, desk = self.each["request"], self.desk
        whole = SLOT.fullmatch(request["path"])
        if whole is None:
            return desk.ask(desk.name, request, values), desk.wire
        said = str(values.get(whole[1]) or "")
        url = urljoin(f"{desk.line.root}/", said) if said.startswith("/") and not said.startswith("//") else said
        if _is_listed(url, [slots.filled(one, values) for one in self.each.get("hosts", [])]):
            return Ask(operation=desk.name, url=url), self._bare(url)
        same_host(url, desk.line.root)
        # As it will be read: on the way, a dot that is written as `%2e` becomes one.
        if {".", ".."} & set(unquote(urlsplit(url).path).split("/")):
            raise Stop(UnitStatus.PARTIAL_ERROR, "a listed address that does not stay within the API")
        return desk.ask(desk.name, request, values, url=url), desk.wire

    def _bare(self, url: str) -> WebWire:
        """Return a wire that says nothing of us; the address itself lets in, so none of its query goes on record."""
        desk = self.desk
        names = tuple(name.lower() for name, _ in parse_qsl(urlsplit(url).query, keep_blank_values=True))
        verdicts = replace(desk.verdicts, rule=rule_of(desk.settings, every=names), renew=lambda: False)
        self._session = self._session or open_session(self.target.access, desk.line.secrets.hide)
        return WebWire(
            self._session,
            verdicts,
            target=self.target.id,
            quota=(desk.spec.provider, self.target.id, "listed addresses"),
            authorize=dict,
            hide=lambda text: desk.line.secrets.hide(_QUERY.sub("?…", text)),
            largest=MAX_PAGE,
        )


def _part(path: str, item: object, index: int) -> Any:  # noqa: ANN401 - what a provider sent
    return index if path == INDEX else search(path, item)


def _is_listed(url: str, hosts: list[str]) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    if parts.scheme != "https" or "@" in parts.netloc or not parts.hostname:
        return False
    for host in hosts:
        name, _, allowed = host.partition(":")
        if str(port or 443) != (allowed or "443"):
            continue
        if parts.hostname == name.lower() or (name.startswith("*.") and parts.hostname.endswith(name[1:].lower())):
            return True
    return False


@contextmanager
def _sized(ctx: Context, opened: AbstractContextManager[Stream], listed: int | None) -> Iterator[Stream]:
    """Hold a stream against the size that was listed, and against what any object may be."""
    try:
        with opened as stream:
            if listed is not None and stream.size is not None and listed != stream.size:
                ctx.record(replace(stream.exchange, error="other size"))
                raise Retryable(f"{stream.size:,} bytes are announced of {listed:,} that were listed")
            yield replace(stream, chunks=_bounded(stream.chunks), size=listed if listed is not None else stream.size)
    except Stop as stop:
        raise _lost(stop) from stop


def _lost(stop: Stop) -> Stop:
    """Return how it ends when something that was listed is not there: whatever the reason, it is missing."""
    return Stop(UnitStatus.PARTIAL_ERROR, stop.reason) if stop.status.is_whole else stop


def _bounded(chunks: Iterator[bytes]) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > MAX_OBJECT:
            raise Stop(UnitStatus.PARTIAL_ERROR, f"an object of more than {MAX_OBJECT:,} bytes")
        yield chunk
