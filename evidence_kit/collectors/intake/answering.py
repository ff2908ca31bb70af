"""What of a request a delivery answers, and what it brings that nobody asked for."""

from collections.abc import Iterator, Mapping, Sequence

from evidence_kit.collectors.intake.dated import Dates
from evidence_kit.collectors.intake.verdicts import Verdicts
from evidence_kit.custody.request import Request
from evidence_kit.model.exchange import Remark
from evidence_kit.model.time import rfc3339


def answered(
    request: Request, files: Sequence[tuple[str, str]], dates: Mapping[str, Dates], verdicts: Verdicts
) -> Iterator[Remark]:
    """Yield a finding for each part that is missing and for each file beyond it; `files` come with their class."""
    brought = {known for _, known in files}
    for name in request.classes:
        if name not in brought:
            message = f"{request.id} asks for {name}; nothing in this delivery is called so"
            yield from verdicts.remark("class_not_answered", message, request=request.id, part=name)
    for wanted in request.files:
        if not any(request.answers(wanted, name) for name, _ in files):
            message = f"{request.id} asks for `{wanted}`; this delivery has no such file"
            yield from verdicts.remark("file_not_answered", message, request=request.id, part=wanted)
    for name, known in files:
        if known not in request.classes and not any(request.answers(wanted, name) for wanted in request.files):
            message = f"`{name}` belongs to nothing that {request.id} asks for"
            yield from verdicts.remark("not_asked_for", message, name=name, request=request.id)
    for known, span in sorted(dates.items()):
        yield from _dated(request, known, span, verdicts)


def _dated(request: Request, known: str, span: Dates, verdicts: Verdicts) -> Iterator[Remark]:
    said = known or "files of no class that was asked for"
    facts = {"request": request.id, "class": known}
    if span.unread:
        message = f"{said}: dates are looked for in lines of JSON and CSV only, not in {span.unread:,} of the files"
        yield from verdicts.remark("dates_not_read", message, **facts)
    if span.first is None or span.last is None:
        return
    first, last = rfc3339(span.first), rfc3339(span.last)
    dated = span.records - span.undated
    message = f"{said}: {dated:,} of {span.records:,} records are dated, from {first} to {last}"
    yield from verdicts.remark("records_dated", message, first=first, last=last, **facts)
    if span.outside:
        window = request.window.to_json()
        message = f"{said}: {span.outside:,} records lie outside {window['start']} to {window['end']}"
        yield from verdicts.remark("outside_window", message, records=str(span.outside), **facts)
