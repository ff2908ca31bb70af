"""The custody record as Markdown: one table a part; nothing that a case says can become markup."""

import re
from collections.abc import Iterator

from evidence_kit.report.custody.record import Field, Part, Record
from evidence_kit.report.verdict.text import visible

# What can begin markup, HTML, a formula or a link within a line; nothing of ours lets a value begin one.
_MARKUP = re.compile(r"[\\`*_{}\[\]<>|~&$!@^]|:(?=//)|(?<=www)\.", re.IGNORECASE)


def lines(record: Record) -> Iterator[str]:
    """Yield the record line by line."""
    yield f"# Custody record {escaped(record.case)}: {escaped(record.title)}".rstrip(": ")
    yield ""
    yield record.notice  # ours, and its one code span is meant
    for section in record.sections:
        yield ""
        yield f"## {section.title[:1].upper()}{section.title[1:]}"
        for part in section.parts:
            yield from _part(part)


def _part(part: Part) -> Iterator[str]:
    yield ""
    if part.title:
        yield f"### {escaped(part.title)}"
        yield ""
    if part.note:
        yield escaped(part.note)
        yield ""
    yield "| field | what is said | where it stands |"
    yield "|---|---|---|"
    for field in part.fields:
        yield f"| {escaped(field.label)} | {_values(field)} | {_where(field, part)} |"


def _values(field: Field) -> str:
    said = [escaped(value) for value in field.values] or [f"*{field.absent}*"]
    if field.more:
        said.append(f"… and {field.more:,} more")
    if field.remains:
        said.append(f"*still to be said:* {escaped(field.remains)}")
    return "<br>".join(said)


def _where(field: Field, part: Part) -> str:
    if field.place is None or not field.place.file:
        return ""
    return escaped(f"{field.place.file.removeprefix(f'{part.title}/')}: {field.place.path}")


def escaped(text: str) -> str:
    """Return text that every Markdown reader shows as it is, on one line."""
    return _MARKUP.sub(r"\\\g<0>", visible(" ".join(text.split())))
