"""The custody record as text for a given width: what is said, and in brackets where the case says so."""

import textwrap
from collections.abc import Iterator

from evidence_kit.report.custody.record import Field, Part, Record, Section
from evidence_kit.report.verdict.text import visible

_LABEL = 26  # columns of a label and the space behind it
_DIGEST = 64  # a word that must stay whole, for people copy it
_NARROW, _WIDE = 60, 140


def lines(record: Record, *, width: int) -> Iterator[str]:
    """Yield the record line by line, none with a control character in it."""
    width = min(max(width, _NARROW), _WIDE)
    yield from _wrapped(f"CUSTODY RECORD {record.case} {record.title}", width)
    yield from _wrapped(record.notice, width)
    for section in record.sections:
        yield ""
        yield section.title.upper()
        yield from _section(section, width)


def _section(section: Section, width: int) -> Iterator[str]:
    for part in section.parts:
        file = _only_file(part)
        if part.title:
            note = f" ({part.note})" if part.note else ""
            inside = f" [{file.removeprefix(f'{part.title}/')}]" if file else ""
            yield from _wrapped(f"{part.title}{note}{inside}", width, "  ")
        for field in part.fields:
            yield from _field(field, part, width)


def _only_file(part: Part) -> str:
    """Return the file that all fields of a part stand in, where it is one; then it is said once."""
    files = {field.place.file for field in part.fields if field.place}
    return files.pop() if len(files) == 1 else ""


def _field(field: Field, part: Part, width: int) -> Iterator[str]:
    """Yield label and values side by side, or one below the other where the label or a digest needs the room."""
    label = visible(field.label)
    values = field.values or (field.absent,)
    is_beside = len(label) < _LABEL and not any(_is_long(value, width - _LABEL - 4) for value in values)
    indent = 4 + _LABEL if is_beside else 8
    below = [line for value in values for line in _value(value, width - indent, several=len(values) > 1)]
    below += [f"… and {field.more:,} more"] if field.more else []
    where = _where(field, part)
    if where and len(below[-1]) + len(where) + 2 <= width - indent:
        below[-1] += f"  {where}"
    elif where:
        below += _wrapped(where, width - indent)
    if field.remains:
        below += _wrapped(f"still to be said: {field.remains}", width - indent)
    head = f"    {label}"
    if not is_beside:
        yield head
        head = ""
    for line in below:
        yield f"{head:{indent}}{line}"
        head = ""


def _is_long(value: str, room: int) -> bool:
    return any(room < len(word) <= _DIGEST for word in value.split())


def _value(value: str, room: int, *, several: bool) -> list[str]:
    """Return a value in lines; one of several hangs below its first line."""
    first, *rest = _wrapped(value, room) or [""]
    return [first, *(_wrapped(" ".join(rest), room, "  ") if several else rest)]


def _where(field: Field, part: Part) -> str:
    """Return where the case says so, as short as the title of the part allows."""
    if field.place is None:
        return "" if field.remains else "[this program has no place for it]"
    if not field.place.file:
        return ""
    if part.title and _only_file(part):
        return f"[{field.place.path}]"
    return f"[{field.place.file.removeprefix(f'{part.title}/')}: {field.place.path}]"


def _wrapped(text: str, width: int, indent: str = "") -> list[str]:
    flat = visible(" ".join(text.split()))
    return textwrap.wrap(flat, width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)
