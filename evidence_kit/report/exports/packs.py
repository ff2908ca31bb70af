"""Evidence packs: built of cases, and shown as JSON, CSV or Markdown. All three say the same."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from evidence_kit.acquire.environment import TOOL
from evidence_kit.custody.trust import Trust
from evidence_kit.governance.controls.book import Framework
from evidence_kit.governance.controls.items import Item
from evidence_kit.governance.controls.packing import NOTICE, Pack, Row, build
from evidence_kit.governance.controls.sampling import USUAL, Population
from evidence_kit.governance.inventory import Entry
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.time import Window, rfc3339
from evidence_kit.report.events.spreadsheet import lines
from evidence_kit.report.exports.case_records import read_records
from evidence_kit.report.verdict.text import visible
from evidence_kit.vaults.local import LocalVault

POPULATIONS = "populations"
_COLUMNS = (
    "standing", "control", "says", "fact", "target", "provider", "target_id", "shown", "population", "said",
    "first_exception", "population_sha256", "population_file", "sample", "does_not_prove", "beyond",
)  # fmt: skip
_CELL = 2_000  # characters of a sample in one cell; the JSON has all of it


def pack(
    framework: Framework,
    cases: Sequence[LocalVault],
    period: Window,
    seed: str,
    *,
    at: datetime,
    specs: Mapping[str, SourceSpec],
    size: int = USUAL,
    trust: Trust | None = None,
    entries: Sequence[Entry] | None = None,
) -> Pack:
    """Return the pack of a framework over some cases. Without `trust` nothing is verified, and the pack says so."""
    records = read_records(cases, period=period, at=at, trust=trust, entries=entries, specs=specs)
    return build(framework, records, seed=seed, size=size)


def populations(made: Pack) -> dict[str, Population]:
    """Return every population that is not empty, by the file it goes into: equal ones share one."""
    return {_file(row.population): row.population for row in made.rows if row.population.names}


def _file(one: Population) -> str:
    return f"{POPULATIONS}/{one.sha256[:16]}.txt" if one.names else ""


# -- JSON ----------------------------------------------------------------------------------------------------------


def as_json(made: Pack) -> dict[str, object]:
    """Return the pack as plain data."""
    framework, records = made.framework, made.records
    return {
        "apiVersion": "evidence-kit/pack.v1",
        "notice": NOTICE,
        "madeAt": rfc3339(records.at),
        "madeBy": TOOL,
        "framework": {name: value for name, value in framework.to_json(records.at).items() if name != "controls"},
        "period": records.period.to_json(),
        "cases": [
            {
                "name": one.id,
                "title": one.title,
                "custodyLog": {"size": len(one.events), "root": one.head},
                "verdict": one.verdict or None,
            }
            for one in records.cases
        ],
        "inventory": records.entries is not None,
        "sampling": {
            "seed": made.seed,
            "size": made.size,
            "method": "the names of a population with the smallest SHA-256 of `seed LF name`",
        },
        "counts": dict(made.counts),
        "notApplicable": made.impossible,
        "rows": [_row_json(made, row) for row in made.rows],
    }


def _row_json(made: Pack, row: Row) -> dict[str, object]:
    control = made.control(row.control)
    target = row.target
    return {
        "name": row.control,
        "standing": row.standing.value,
        "says": control.says,
        "fact": row.fact,
        "target": {"name": target.label, "provider": target.provider, "id": target.id} if target else None,
        "said": row.said,
        "shown": row.shown,
        "population": {
            "count": len(row.population.names),
            "sha256": row.population.sha256,
            "file": _file(row.population) or None,
        },
        "sample": [_item_json(one) for one in row.sample],
        "exceptions": [_item_json(one) for one in row.exceptions],
        "moreExceptions": row.more,
        "doesNotProve": row.unproved,
        "beyond": control.beyond,
    }


def _item_json(one: Item) -> dict[str, str]:
    return {"name": one.id, "state": one.state.value, "said": one.said}


def to_json(made: Pack) -> Iterator[bytes]:
    """Yield the pack as one JSON document in ASCII."""
    yield json.dumps(as_json(made), indent=1, ensure_ascii=True).encode() + b"\n"


# -- CSV -----------------------------------------------------------------------------------------------------------


def to_csv(made: Pack) -> Iterator[bytes]:
    """Yield the pack as CSV, one row a line, with no cell that a spreadsheet would compute."""
    yield from lines(_COLUMNS, (_cells(made, row) for row in made.rows))


def _cells(made: Pack, row: Row) -> list[object]:
    control, target = made.control(row.control), row.target
    first = row.exceptions[0] if row.exceptions else None
    sample = "; ".join(one.id for one in row.sample)
    return [
        row.standing.value,
        row.control,
        control.says,
        row.fact,
        row.label,
        target.provider if target else "",
        target.id if target else "",
        row.shown,
        len(row.population.names),
        row.said,
        f"{first.id}: {first.said}" if first else "",
        row.population.sha256,
        _file(row.population),
        sample if len(sample) <= _CELL else f"{sample[:_CELL]}…",
        row.unproved,
        control.beyond,
    ]


# -- Markdown ------------------------------------------------------------------------------------------------------


def to_markdown(made: Pack) -> Iterator[bytes]:
    """Yield the pack for people; names from evidence stand in it as text, whatever they say."""
    yield "".join(f"{line}\n" for line in _written(made)).encode()


def _written(made: Pack) -> Iterator[str]:
    framework, records = made.framework, made.records
    period = records.period.to_json()
    yield f"# Evidence pack: {_plain(framework.title)}"
    yield ""
    yield f"{NOTICE}"
    yield ""
    yield f"- Rules: `{framework.name}` version {_plain(framework.version)}, edition {_plain(framework.edition)}, "
    yield f"  SHA-256 `{framework.digest}`; reviewed {framework.reviewed} ({framework.status})"
    if framework.is_stale(records.at):
        yield "- **Nobody has held these rules against their source for half a year.**"
    if framework.status == "unverified":
        yield "- **These rules were not held against the original text.**"
    yield f"- Period: {period['start']} to {period['end']}, its end not included"
    yield f"- Made {rfc3339(records.at)} by {TOOL}"
    yield f"- Sampling: seed `{made.seed}`, at most {made.size:,} of each population"
    yield f"- Inventory: {'given' if records.entries is not None else 'none was given'}"
    for case in records.cases:
        verdict = case.verdict or "not verified for this pack"
        yield f"- Case {_plain(case.id)}: {len(case.events):,} events, log root `{case.head}`, {verdict}"
    yield ""
    counts = ", ".join(f"{count:,} {name}" for name, count in made.counts.items())
    yield f"Rows: {counts}. {made.impossible:,} pairs of fact and target are left out: no known source answers them."
    yield ""
    standing = ""
    for row in made.rows:
        if row.standing.value != standing:
            standing = row.standing.value
            yield from (f"## {standing.replace('_', ' ').capitalize()}", "")
        yield from _row_written(made, row)


def _row_written(made: Pack, row: Row) -> Iterator[str]:
    control = made.control(row.control)
    about = f", {_plain(row.label)}" if row.target else ""
    yield f"### {row.control}: {_plain(row.fact)}{about}"
    yield ""
    yield f"{_plain(control.says)}."
    yield ""
    yield f"- On record: {_plain(row.said)}"
    for one in row.exceptions:
        yield f"- {one.state.value}: {_plain(one.id)}: {_plain(one.said)}"
    if row.more:
        yield f"- and {row.more:,} more that are not shown"
    if row.sample:
        yield f"- Population: {len(row.population.names):,}, `{_file(row.population)}`, SHA-256 "
        yield f"  `{row.population.sha256}`"
        yield f"- Sample: {'; '.join(_plain(one.id) for one in row.sample)}"
    yield f"- Does not prove: {row.unproved}"
    yield f"- Beyond: {_plain(control.beyond)}"
    yield ""


def _plain(text: str) -> str:
    """Return text that Markdown shows as it is, on one line."""
    shown = text if text.isprintable() else visible(text)
    return "".join(f"\\{char}" if char in "\\`*_{}[]()<>#|!~&" else char for char in shown)


FORMATS = {"md": to_markdown, "json": to_json, "csv": to_csv}
