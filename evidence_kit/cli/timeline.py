"""`timeline`: all sources and clouds in one order, by one common clock, with what is missing in between."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from evidence_kit.cli import output, settings
from evidence_kit.errors import EmptyError, UsageError
from evidence_kit.model.time import parse_instant

if TYPE_CHECKING:
    from evidence_kit.analysis.timeline.asked import Asked
    from evidence_kit.analysis.timeline.clocks import Clock
    from evidence_kit.analysis.timeline.gaps import Gap
    from evidence_kit.analysis.timeline.rows import Evidence

_FORMATS = ("text", "json", "csv")
_SHOWN = 500  # lines of text, unless said otherwise; `json` and `csv` are for programs and give all
_STAR = "`*` stands for anything; repeat it for more."


def timeline(
    case: list[str] = typer.Argument(..., metavar="CASE...", help="Cases: folders, archives, or `s3://…`."),
    actor: list[str] = typer.Option([], "--actor", help=f"Only these actors; {_STAR}"),
    credential: list[str] = typer.Option([], "--credential", help=f"Only these keys or sessions; {_STAR}"),
    address: list[str] = typer.Option([], "--address", help="Only these addresses or networks (`192.0.2.0/24`)."),
    resource: list[str] = typer.Option([], "--resource", help=f"Only these resources; {_STAR}"),
    action: list[str] = typer.Option([], "--action", help=f"Only these actions; {_STAR}"),
    source: list[str] = typer.Option([], "--source", help=f"Only these sources; {_STAR}"),
    outcome: list[str] = typer.Option([], "--outcome", help=f"Only these outcomes; {_STAR}"),
    since: str | None = typer.Option(None, "--since", help="From when: RFC 3339, or an age such as `2d`."),
    until: str | None = typer.Option(None, "--until", help="Until when, not included."),
    group: str | None = typer.Option(None, "--group", help="By `actor`, `credential`, `address` or `action`."),
    limit: int | None = typer.Option(None, "--limit", min=0, help="At most so many lines; 0 for all."),
    form: str = typer.Option("text", "--format", help="`text`, `json` or `csv`."),
    as_json: bool = typer.Option(False, "--json", help="The same as `--format json`."),
    as_logged: bool = typer.Option(False, "--as-logged", help="Leave times as the providers wrote them."),
    work: Path | None = typer.Option(None, "--work", help="Where tables are kept; a cache of yours otherwise."),
) -> None:
    """Show all records in one order.

    Times are set by one common clock, as far as the acquisitions measured each provider's; where evidence is missing,
    a line says so. Each record names the artifact and the line it comes from.
    """
    from evidence_kit.analysis.timeline.asked import Asked
    from evidence_kit.cli import timeline_forms

    form = "json" if as_json else form
    if form not in _FORMATS:
        raise UsageError(f"unknown format `{form}`", hint=f"there is {', '.join(f'`{name}`' for name in _FORMATS)}")
    now = settings.now()
    asked = Asked(
        actor=actor,
        credential=credential,
        address=address,
        resource=resource,
        action=action,
        source=source,
        outcome=outcome,
        since=_moment(since, now),
        until=_moment(until, now),
    )
    most = _SHOWN if form == "text" and limit is None else limit or None
    with _evidence(case, asked, work, as_logged=as_logged) as (evidence, gaps):
        if group is None:
            shown = timeline_forms.Events(evidence, asked, gaps, most)
            timeline_forms.EVENTS[form](shown)
        else:
            timeline_forms.GROUPS[form](timeline_forms.Grouped(evidence, asked, gaps, most, group))


def _moment(text: str | None, now: datetime) -> datetime | None:
    return None if text is None else parse_instant(text, now=now)


@contextmanager
def _evidence(
    cases: list[str], asked: "Asked", work: Path | None, *, as_logged: bool
) -> "Iterator[tuple[Evidence, tuple[Gap, ...]]]":
    """Give the tables of all cases as one, with their clocks and their gaps."""
    from evidence_kit.analysis.coverage import Coverage, read_coverage
    from evidence_kit.analysis.timeline.clocks import read_clocks
    from evidence_kit.analysis.timeline.gaps import gaps
    from evidence_kit.analysis.timeline.opening import opened
    from evidence_kit.cli.query import derived, opened_case

    clocks: list[Clock] = []
    found: list[Coverage] = []
    for one in map(opened_case, cases):
        found.append(read_coverage(one.vault))
        clocks += () if as_logged else read_clocks(one.vault, one.id)
    rows = tuple(row for one in found for row in one.rows)
    if not rows:
        raise EmptyError("nothing was collected yet", hint="`evidence-kit collect` does")
    together = Coverage(rows=rows, findings=tuple(finding for one in found for finding in one.findings))
    tables = derived(cases, work)
    with opened(tables, clocks) as evidence:
        yield evidence, gaps(together, asked)
    if unread := sum(one.defects for one in tables):
        output.note(
            f"hint: {output.plural(unread, 'place')} could not be read; `query CASE` over `defects` lists them"
        )
