"""`partners check`: whether each partner's API would answer now, and with what. Nothing is collected."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from evidence_kit.cli import output, partnered, settings
from evidence_kit.errors import Exit

if TYPE_CHECKING:
    from evidence_kit.collectors.partner.access import PartnerAccess
    from evidence_kit.collectors.partner.probe import Probe
    from evidence_kit.governance.checking import Checked
    from evidence_kit.model.source import SourceSpec
    from evidence_kit.model.unit import Target


def check_partners(
    names: list[str] = typer.Argument(None, help="Partners of the inventory, by name or id; all without."),
    inventory: str | None = typer.Option(None, "--inventory", help="Inventory of targets (YAML)."),
    connectors: list[str] = typer.Option(
        [], "--connectors", help="A connector, or a folder of them.", metavar="PATH"
    ),
    as_json: bool = typer.Option(False, "--json", help="One JSON document on stdout; `partners assess` reads it."),
) -> None:
    """Ask each partner's APIs one or two small questions, and say how they stand.

    Reachable, authorised, as fresh as agreed, as far back as claimed, clock, sampling. Exits 3 if anything fails.
    """
    rows = []
    for row in _rows(names or (), inventory, connectors):
        rows.append(row)
        if not as_json:
            for line in _lines(row):
                output.data(line)
    if as_json:
        output.document([row.to_json() for row in rows])
    counts = Counter(row.grade.value for row in rows)
    output.note("  ".join(f"{count} {grade}" for grade, count in sorted(counts.items())))
    if "fail" in counts:
        raise typer.Exit(Exit.INCOMPLETE)


def _rows(names: "list[str] | tuple[()]", inventory: str | None, connectors: list[str]) -> "Iterator[Checked]":
    from evidence_kit.collectors.partner.access import PartnerAccess
    from evidence_kit.governance import checking

    entries, specs = partnered.entries(inventory, names), partnered.specs(connectors)
    access = PartnerAccess()
    yield from checking.check_partners(
        entries, tuple(specs.values()), lambda spec, target: _ask(spec, target, access), settings.now
    )


def _ask(spec: "SourceSpec", target: "Target", access: "PartnerAccess") -> "Probe":
    from evidence_kit.acquire.glance import Glance
    from evidence_kit.collectors.partner.probe import probe

    glance = Glance(settings.now, settings.secret)
    found = probe(spec, target, access, glance)
    return replace(found, attempts=tuple(glance.exchanges))


def _lines(row: "Checked") -> Iterator[str]:
    first, *others = row.reasons
    place = f"{row.entry.target.label}  {row.connector or 'no connector'}"
    yield f"{row.grade.value:4}  {place}  {first}"
    for reason in others:
        yield f"{'':4}  {'':{len(place)}}  {reason}"
