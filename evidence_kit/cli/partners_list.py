"""`partners list`: who our partners are, what was agreed with each, and what there is to ask them with."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

import typer

from evidence_kit.cli import output, partnered, settings

if TYPE_CHECKING:
    from evidence_kit.governance.inventory import Entry
    from evidence_kit.model.dealings import Dealings


def list_partners(
    inventory: str | None = typer.Option(None, "--inventory", help="Inventory of targets (YAML)."),
    case: list[str] = typer.Option([], "--case", help="A case that may hold their evidence; repeat for more."),
    connectors: list[str] = typer.Option(
        [], "--connectors", help="A connector, or a folder of them.", metavar="PATH"
    ),
    as_json: bool = typer.Option(False, "--json", help="One JSON document on stdout."),
) -> None:
    """List every partner of the inventory, what was agreed, and when evidence was last got from it.

    A partner is a target with an agreement, or one of a provider that is none of the clouds.
    """
    now = settings.now()
    entries, specs, cases = partnered.entries(inventory, ()), partnered.specs(connectors), partnered.cases(case)
    rows = []
    for entry in entries:
        sources = [name for name, spec in specs.items() if spec.provider == entry.target.provider]
        rows.append(_row(entry, sources, partnered.dealings(cases, entry.target), now))
    if as_json:
        output.document(rows)
        return
    for row in rows:
        for line in _lines(row):
            output.data(line)


def _row(entry: "Entry", sources: list[str], dealings: "Dealings", now: datetime) -> dict[str, object]:
    from evidence_kit.model.time import rfc3339

    agreed, target, last = entry.agreement, entry.target, dealings.last_success
    ends = agreed.expires if agreed else None
    return {
        "name": target.name or target.id,
        "provider": target.provider,
        "id": target.id,
        "owner": entry.owner,
        "agreement": agreed.reference if agreed else None,
        "evidence": dict(agreed.evidence) if agreed else {},
        "expires": ends.isoformat() if ends else None,
        "daysLeft": (ends - now.date()).days if ends else None,
        "jurisdiction": {"data": list(entry.jurisdiction.data), "subjects": list(entry.jurisdiction.subjects)},
        "sources": sources,
        "cases": dealings.cases,
        "lastCollection": {
            "at": rfc3339(last.sealed_at),
            "case": last.case,
            "acquisition": last.acquisition,
            "units": last.units,
            "inFull": last.brought,
        }
        if last
        else None,
    }


def _lines(row: Mapping[str, object]) -> Iterator[str]:
    yield f"{row['name']}  {row['provider']} {row['id']}"
    for label, said in (
        ("owner", row["owner"] or "not on record"),
        ("agreement", _agreement(row)),
        ("may take", _evidence(row["evidence"])),
        ("place", _place(row["jurisdiction"])),
        ("sources", _sources(row["sources"])),
        ("last got", _last(row)),
    ):
        yield f"  {label:10} {said}"


def _agreement(row: Mapping[str, object]) -> str:
    if row["agreement"] is None:
        return "none"
    left = row["daysLeft"]
    if not isinstance(left, int):
        return f"{row['agreement']}, no end on record"
    return f"{row['agreement']}, until {row['expires']}: " + (
        f"{output.plural(left, 'day')} left" if left >= 0 else f"over since {output.plural(-left, 'day')}"
    )


def _evidence(found: object) -> str:
    if not isinstance(found, Mapping) or not found:
        return "nothing is on record"
    return ", ".join(f"{name} by {clause}" if clause else str(name) for name, clause in found.items())


def _place(found: object) -> str:
    places: Mapping[str, list[str]] = found if isinstance(found, dict) else {}
    data, subjects = (", ".join(places.get(name, [])) or "not on record" for name in ("data", "subjects"))
    return f"data in {data}; subjects in {subjects}"


def _sources(found: object) -> str:
    return ", ".join(found) if isinstance(found, list) and found else "none: no connector knows this provider"


def _last(row: Mapping[str, object]) -> str:
    last = row["lastCollection"]
    if isinstance(last, Mapping):
        return f"{last['at']}, {last['inFull']} of {last['units']} units in full, case {last['case']}"
    return "never, as far as the cases at hand go" if row["cases"] else "not known: no case was given"
