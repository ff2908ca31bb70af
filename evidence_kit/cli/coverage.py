"""`coverage`: what was asked for, what was got, what is missing and why."""

from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import typer

from evidence_kit.cli import output, settings
from evidence_kit.errors import EmptyError, EvidenceKitError

if TYPE_CHECKING:
    from evidence_kit.analysis.coverage import Coverage
    from evidence_kit.analysis.remembered import Counts
    from evidence_kit.analysis.silence import Silence
    from evidence_kit.vaults.local import LocalVault


class Wanting(TypedDict):
    """One request for evidence, and what of it has not come."""

    name: str
    partner: str
    deadline: str
    late: bool
    deliveries: int
    missing: list[str]


def coverage(
    case: str | None = typer.Argument(None, help="The case folder."),
    width: int = typer.Option(60, "--width", min=20, max=200, help="Columns of the time line."),
    silence: bool = typer.Option(False, "--silence", help="Read every record, and name streams that fall silent."),
    work: Path | None = typer.Option(None, "--work", help="Where tables and counts are kept; a cache otherwise."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document on stdout."),
) -> None:
    """Show what was got, missed, and why.

    Draws every source and target over time, and holds against each other what should agree: CloudTrail's event
    history and its delivered files, a provider's count and what is stored, one pass and the next.
    """
    from evidence_kit.acquire.case import read_description
    from evidence_kit.analysis.coverage import read_coverage
    from evidence_kit.analysis.crosscheck import cross_check
    from evidence_kit.analysis.reconciliation import reconcile
    from evidence_kit.cli import coverage_lines, reconciled
    from evidence_kit.sources.catalogue import load_catalogue
    from evidence_kit.vaults.local import LocalVault

    required = settings.required_case(case)
    vault = LocalVault(required)
    read_description(vault)
    found, checked = read_coverage(vault), cross_check(vault)
    aside, wanting = _set_aside(vault), _wanting(vault)
    if not found.rows and not wanting:
        raise EmptyError("nothing was collected into this case yet", hint="`evidence-kit collect` does")
    counts = _counts(required, work)
    differing = reconcile(vault, found, checked, load_catalogue(), counts)
    try:
        counts.save()
    except EvidenceKitError as error:
        output.note(f"hint: flow logs will be read again next time: {error.message}")
    silent = _silences(required, found, work) if silence else None
    if as_json:
        told = {**coverage_lines.as_json(found, checked), "overrides": aside, "requests": wanting}
        output.document({**told, **reconciled.as_json(differing, silent)})
        return
    for one in aside:
        output.data(f"collected although an agreement or a policy forbids it: {one['said']} (event {one['event']})")
    for line in coverage_lines.lines(found, checked, width=width):
        output.data(line)
    for line in reconciled.lines(differing, silent or ()):
        output.data(line)
    for wanted in wanting:
        for said in wanted["missing"]:
            output.data(f"{'not delivered':20} {said}")


def _counts(case: Path, work: Path | None) -> "Counts":
    """Return what was counted in the flow logs before."""
    from evidence_kit.analysis.remembered import Counts
    from evidence_kit.analysis.tables.derive import open_case
    from evidence_kit.cli.query import tables_folder
    from evidence_kit.vaults.local import LocalVault

    return Counts(tables_folder(work) / open_case(LocalVault(case), root=case).uuid / "skipped.json")


def _silences(case: Path, found: "Coverage", work: Path | None) -> "list[Silence]":
    """Return the streams that fall silent, by the tables of the case."""
    from evidence_kit.analysis.rhythm import known_reasons, read_series
    from evidence_kit.analysis.silence import silences
    from evidence_kit.cli import query, sigma

    ask = sigma.asker(query.derived([case], work))
    return list(silences(read_series(found, ask), known_reasons(found)))


def _wanting(vault: "LocalVault") -> "list[Wanting]":
    """Return what partners were asked for, and what of it is still missing."""
    from evidence_kit.analysis.requested import read_answers

    at = settings.now()
    return [
        {
            "name": answered.asked.id,
            "partner": answered.asked.partner.get("name", ""),
            "deadline": answered.asked.deadline.isoformat(),
            "late": answered.asked.is_late(at),
            "deliveries": len(answered.deliveries),
            "missing": answered.said(at),
        }
        for answered in read_answers(vault)
    ]


def _set_aside(vault: "LocalVault") -> list[dict[str, object]]:
    """Return what was set aside to collect this evidence: whoever reads a report must know."""
    from evidence_kit.analysis.history import history
    from evidence_kit.custody import log

    return [{"event": told.seq, "said": told.summary} for told in history(vault) if told.type == log.OVERRIDDEN]
