"""`report`: the whole case on one page, or as text or JSON, with the verdict on top."""

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from evidence_kit.cli import output, settings
from evidence_kit.cli.files import read_file
from evidence_kit.errors import UsageError
from evidence_kit.model.time import parse_instant

if TYPE_CHECKING:
    from evidence_kit.report.case.model import CaseReport
    from evidence_kit.vaults.registry import Subject

_FORMATS = ("html", "md", "json", "pdf")
_STAR = "`*` stands for anything; repeat it for more."


def report(
    case: str = typer.Argument(..., help="A case: a folder, an archive of one, or `s3://…`."),
    form: str | None = typer.Option(
        None, "--format", help="`html`, `md`, `json` or `pdf`, a document not `html`. Without it `html`, or `md`."
    ),
    out: Path | None = typer.Option(None, "-o", "--out", help="A new file to write to; stdout otherwise."),
    trust: str | None = typer.Option(None, "--trust", help="Your trust policy: whose signatures you accept."),
    trust_signer: str | None = typer.Option(
        None, "--trust-signer", help="Whose signature the policy must carry: a public key in PEM, or a key id."
    ),
    trust_sha256: str | None = typer.Option(None, "--trust-sha256", help="The SHA-256 that the policy must have."),
    each_signature: bool = typer.Option(False, "--each-signature", help="Check every artifact's own signature too."),
    last_checkpoint: Path | None = typer.Option(
        None, "--last-checkpoint", help="A checkpoint kept from before: the log must extend it."
    ),
    query: list[str] = typer.Option(
        [], "--query", help="A question to answer in the report: SQL, or the name of a saved one; repeat it."
    ),
    actor: list[str] = typer.Option([], "--actor", help=f"Time line: only these actors; {_STAR}"),
    credential: list[str] = typer.Option([], "--credential", help=f"Time line: only these keys; {_STAR}"),
    address: list[str] = typer.Option([], "--address", help="Time line: only these addresses or networks."),
    action: list[str] = typer.Option([], "--action", help=f"Time line: only these actions; {_STAR}"),
    source: list[str] = typer.Option([], "--source", help=f"Time line: only these sources; {_STAR}"),
    since: str | None = typer.Option(None, "--since", help="Time line: from when; the time asked for otherwise."),
    until: str | None = typer.Option(None, "--until", help="Time line: until when, not included."),
    clocks: list[str] = typer.Option([], "--clocks", help="A clock set of your own (YAML); repeat for more."),
    inventory: str | None = typer.Option(None, "--inventory", help="Inventory whose agreements have clocks."),
    no_timeline: bool = typer.Option(
        False, "--no-timeline", help="Leave the records of evidence out: no table is made."
    ),
    work: Path | None = typer.Option(None, "--work", help="Where tables are kept; a cache of yours otherwise."),
    document: str | None = typer.Option(
        None,
        "--document",
        help="A document: `custody-record`, `acquisition-report`, `certification`, `regulator`, `summary`.",
    ),
    templates: Path | None = typer.Option(
        None, "--templates", help="Your own templates of documents.", metavar="DIR"
    ),
    font: Path | None = typer.Option(None, "--font", help="PDF: a TrueType font for other than Western letters."),
) -> None:
    """Write a report of a case.

    The case is verified first, and the verdict stands on top. A case that is broken, or that your policy does not
    trust, gets a report that says so: the exit code is 0 once the report is written. For a gate use `verify`.
    """
    from evidence_kit.analysis.timeline.asked import Asked
    from evidence_kit.cli import report_documents, reported
    from evidence_kit.cli.clocks import in_force
    from evidence_kit.custody.verify.case import Options, verify_case
    from evidence_kit.report.case.reading import read_case
    from evidence_kit.report.runs.reading import read_runs
    from evidence_kit.sources.catalogue import load_catalogue
    from evidence_kit.vaults.registry import open_subject

    form = form or ("html" if document is None else "md")
    if document is not None:
        report_documents.require(document, form, out)
    elif form not in _FORMATS:
        raise UsageError(f"unknown format `{form}`", hint=f"there is {', '.join(f'`{name}`' for name in _FORMATS)}")
    elif form == "pdf":
        report_documents.require_file(out)
    now = settings.now()
    asked = Asked(
        actor=actor, credential=credential, address=address, action=action, source=source,
        since=_moment(since, now), until=_moment(until, now),
    )  # fmt: skip
    policy = settings.trust(trust, signer=trust_signer, sha256=trust_sha256)
    subject = open_subject(case, os.environ)
    if subject.is_bag:
        raise UsageError(f"`{case}` is a bag", hint="a report is about a whole case; `verify` checks one bag")
    _require_free(out, subject)
    options = Options(
        each_signature=each_signature, last_checkpoint=read_file(last_checkpoint) if last_checkpoint else None
    )
    judged = verify_case(subject.vault, name=subject.name, trust=policy, options=options)
    if document is not None:
        now = report_documents.moment(subject)
    told = reported.told(subject, None if no_timeline or document else asked, query, work, now=now)
    found = read_runs(subject.vault)
    unread = (*told.unread, *found.unread)
    beside = replace(told, clocks=in_force(clocks, inventory).clocks, runs=found.runs, unread=unread)
    made = read_case(subject.vault, report=judged, now=now, specs=load_catalogue(), beside=beside)
    if document is None and form == "pdf":
        report_documents.write_whole(made, report_documents.require_file(out), font)
    elif document is None:
        _write(_PIECES[form](made), out)
    else:
        left = report_documents.write(document, made, subject, form=form, out=out, templates=templates, font=font)
        output.note(f"to fill in  {output.plural(left, 'place')}")
    verdict = made.verdict
    output.note(f"verdict   {verdict.headline} ({verdict.code.name} {int(verdict.code)})")
    if out is not None:
        output.data(f"report: {out}")


def _moment(text: str | None, now: datetime) -> datetime | None:
    return None if text is None else parse_instant(text, now=now)


def _require_free(out: Path | None, subject: "Subject") -> None:
    """Say before all the work if the report cannot be written there; a case holds nothing but what the log knows."""
    if out is None:
        return
    if os.path.lexists(out):
        raise UsageError(f"`{out}` exists", hint="choose another file; nothing is overwritten")
    if "://" not in subject.base and out.resolve().is_relative_to(Path(subject.base).resolve()):
        raise UsageError(f"`{out}` lies within the case", hint="choose a place elsewhere")


def _html(made: "CaseReport") -> Iterator[str]:
    from evidence_kit.report.case import page

    return page.pieces(made)


def _md(made: "CaseReport") -> Iterator[str]:
    from evidence_kit.report.case import markdown

    return (f"{line}\n" for line in markdown.lines(made))


def _json(made: "CaseReport") -> Iterator[str]:
    from evidence_kit.report.case import plain

    return plain.pieces(made)


_PIECES: dict[str, Callable[["CaseReport"], Iterator[str]]] = {"html": _html, "md": _md, "json": _json}


def _write(pieces: Iterator[str], out: Path | None) -> None:
    """Write piece by piece; a report that cannot be finished is not left behind."""
    if out is None:
        for piece in pieces:
            sys.stdout.write(piece)
        return
    try:
        with out.open("x", encoding="utf-8", newline="\n") as stream:
            try:
                stream.writelines(pieces)
            except BaseException:
                out.unlink(missing_ok=True)
                raise
    except OSError as error:
        raise UsageError(f"cannot write `{out}`: {(error.strerror or '').lower()}") from error
