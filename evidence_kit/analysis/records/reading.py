"""Streams the records of one sealed artifact; nothing is skipped in silence, and one bad record spoils no other."""

from collections.abc import Iterator, Sequence

from evidence_kit.analysis.records import swift
from evidence_kit.analysis.records.body import Body, Unreadable
from evidence_kit.analysis.records.decoding import NotReadError, decode
from evidence_kit.analysis.records.documents import Documents, paths_of
from evidence_kit.analysis.records.layout import PLAIN, Layout
from evidence_kit.analysis.records.lines import Lines
from evidence_kit.analysis.records.markup import Markup
from evidence_kit.analysis.records.record import Artifact, Defect, Record, Records
from evidence_kit.analysis.records.window import Window
from evidence_kit.model.ports import Vault
from evidence_kit.model.source import SourceSpec

_WHOLE = ((),)  # the path of a document that is the list of records, or a record
_TOGETHER = 1_000  # records that are handed on at once
_TEXT = 1 << 20  # characters of them; more, where one record alone has more


def read_records(
    vault: Vault, artifact: Artifact, spec: SourceSpec | None, layout: Layout = PLAIN
) -> Iterator[Record | Defect]:
    """Yield what an artifact holds, in its order; DigestError at the end if it is not what was sealed.

    What it is, its first bytes say: gzip or not, JSON, XML or lines. `spec` says where the records of a JSON
    document are, `layout` how lines of text fall into columns. Whoever stores what comes must wait for the end.
    """
    for one in _sealed(vault, artifact, spec, layout):
        if isinstance(one, Records):
            yield from one
        else:
            yield one


def read_together(
    vault: Vault, artifact: Artifact, spec: SourceSpec | None, layout: Layout = PLAIN
) -> Iterator[Records | Defect]:
    """Yield the same many records at a time; a defect may come before records that stand before it."""
    waiting: list[Record] = []
    size = 0
    for one in _sealed(vault, artifact, spec, layout):
        if not isinstance(one, Record):
            yield one
            continue
        waiting.append(one)
        size += len(one.raw)
        if len(waiting) >= _TOGETHER or size >= _TEXT:
            yield _together(waiting)
            waiting, size = [], 0
    if waiting:
        yield _together(waiting)


def _together(found: Sequence[Record]) -> Records:
    return Records(
        found[0].artifact,
        [one.line for one in found],
        [one.raw for one in found],
        [one.value for one in found],
        [one.around for one in found],
    )


def _sealed(
    vault: Vault, artifact: Artifact, spec: SourceSpec | None, layout: Layout
) -> Iterator[Record | Records | Defect]:
    with vault.open(artifact.path) as stream:
        body = Body(stream, artifact)
        try:
            yield from _read(body, artifact.path, spec, layout)
        except Unreadable as error:
            yield Defect(artifact.path, 0, "body", str(error))
        body.close()


def _read(body: Body, path: str, spec: SourceSpec | None, layout: Layout) -> Iterator[Record | Records | Defect]:
    said = spec.records.path if spec else ""
    if (found := _swiftly(body, said, layout)) is not None:
        raws, values = found
        if raws:
            yield Records(path, range(1, len(raws) + 1), raws, values)
        return
    window = Window(body.text())
    first = window.space()
    if not first:
        return
    # Beside files of lines lie the listings of their bucket.
    if first == "<" and (not layout.split or window.text.startswith("<?xml", window.at)):
        names = frozenset({said.rpartition(".")[2]} if said else ())
        yield from Markup(_rest(window), path, names)
    elif first in "{[" and layout.split != "quoted" and (said or not _is_line(window)):
        yield from Documents(window, path, paths_of(said) if said else _WHOLE)
    else:
        if said and not layout.split and first not in "{[":
            yield Defect(path, 0, "body", "not JSON, as the records of this source are: its lines have no columns")
        yield from Lines(_rest(window), path, layout)


def _swiftly(body: Body, said: str, layout: Layout) -> swift.Found | None:
    """Return the records of a document that is beyond doubt; None for all others."""
    if not said.isidentifier() or layout.split == "quoted" or not swift.is_there():
        return None
    whole = body.whole(swift.MOST)
    return None if whole is None else swift.records_in(whole, said)


def _is_line(window: Window) -> bool:
    """Say whether the first line is a whole value, or nothing that a document over several lines starts with."""
    while "\n" not in window.text[window.at :] and len(window.text) <= 1 << 20 and window.more():
        pass
    line, feed, _ = window.text[window.at :].partition("\n")
    if not feed and not window.ended:
        return True
    try:
        decode(line)
    except NotReadError:
        return not line.rstrip().endswith(("{", "[", ","))
    return True


def _rest(window: Window) -> Iterator[str]:
    """Yield what is left of a window."""
    yield window.text[window.at :]
    window.at = len(window.text)
    while window.more():
        yield window.text
        window.at = len(window.text)
