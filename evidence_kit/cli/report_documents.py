"""`report --document`: a document that people file, sign or send, as Markdown, JSON or PDF."""

import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast

from evidence_kit.cli.files import write_new
from evidence_kit.errors import UsageError

if TYPE_CHECKING:
    from evidence_kit.report.case.model import CaseReport
    from evidence_kit.report.documents.writing import Document
    from evidence_kit.vaults.local import LocalVault
    from evidence_kit.vaults.registry import Subject

FORMATS = ("md", "json", "pdf")
_Write = Callable[["Document", Path | None], bytes]


def require(name: str, form: str, out: Path | None) -> None:
    """Say before all the work what cannot be made."""
    from evidence_kit.model.document import did_you_mean
    from evidence_kit.report.documents.making import NAMES

    if name not in NAMES:
        raise UsageError(f"there is no document `{name[:80]}`", hint=did_you_mean(name, NAMES))
    if form not in FORMATS:
        raise UsageError(f"a document is not written as `{form}`", hint=f"there is {', '.join(FORMATS)}")
    if form == "pdf":
        require_file(out)


def require_file(out: Path | None) -> Path:
    """Return the file that a PDF goes to; UsageError where none is named."""
    if out is None:
        raise UsageError("a PDF goes to a file", hint="name one with `--out`")
    return out


def write_whole(made: "CaseReport", out: Path, font: Path | None) -> None:
    """Write the whole report as a PDF."""
    from evidence_kit.report.documents.whole import document

    write_new(out, _pdf(document(made), font))


def moment(subject: "Subject") -> datetime:
    """Return the time of which a document speaks: that of the last event on record, so that it can be made again."""
    from evidence_kit.errors import EmptyError
    from evidence_kit.report.case.journal import read_journal
    from evidence_kit.report.documents.making import last_event

    found = last_event(read_journal(subject.vault).events)
    if found is None:
        raise EmptyError("no event of the custody log can be read", hint="`evidence-kit verify` says why")
    return found


def write(
    name: str,
    made: "CaseReport",
    subject: "Subject",
    *,
    form: str,
    out: Path | None,
    templates: Path | None,
    font: Path | None,
) -> int:
    """Write the document of that name; return how many places a person has to fill in."""
    from evidence_kit.report.custody.record import build
    from evidence_kit.report.documents.making import make

    record = build(cast("LocalVault", subject.vault))  # it only reads, which every vault can
    document = make(name, made, record, templates)
    body = _WRITERS[form](document, font)
    if out is None:
        sys.stdout.write(body.decode())
    else:
        write_new(out, body)
    return len(document.blanks)


def _markdown(document: "Document", _: Path | None) -> bytes:
    from evidence_kit.report.documents.writing import markdown

    return "".join(f"{line}\n" for line in markdown(document)).encode()


def _json(document: "Document", _: Path | None) -> bytes:
    from evidence_kit.report.documents.writing import as_json

    return as_json(document).encode()


def _pdf(document: "Document", font: Path | None) -> bytes:
    from evidence_kit.report.documents.pdf import render

    return render(document, font)


_WRITERS: Mapping[str, _Write] = {"md": _markdown, "json": _json, "pdf": _pdf}
