"""Counts that stand in the sealed bytes themselves: how many records a provider says there are, or says it lost.

Only what can be compared without a doubt is: a total of one listing, a count query of one table, lines that say
that the provider skipped data. What cannot be read is said, never counted as agreement.
"""

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import jmespath

from evidence_kit.analysis import bagfiles
from evidence_kit.analysis.remembered import Counts
from evidence_kit.custody import strict
from evidence_kit.custody.cloudtrail.inflate import inflated
from evidence_kit.errors import EvidenceKitError
from evidence_kit.model.ports import Vault
from evidence_kit.model.source import SourceSpec

_CHUNK = 1 << 20
_GZIP = b"\x1f\x8b"
_PARQUET = b"PAR1"
_MAX_PAGE = 256 << 20  # a page is held whole while its records are counted
_MAX_FLOWS = 16 << 30  # of a flow log, which only streams by
_SKIPPED = b"SKIPDATA"
_SKIPS = "skipped"
_FLOWS = ("aws.vpc.flow_s3", "aws.vpc.flow_cloudwatch")
_RECOUNTS, _ROWS = "recount", "query"  # how the collector names its questions of a workspace
_STATEMENTS = "resultSetMetaData.numRows"  # Snowflake's SQL API, in the first part of a result
_PARTS = "data"


@dataclass(slots=True, kw_only=True)
class Tally:
    """What one unit of one acquisition says of itself."""

    unit: str
    acquisition: str
    oracle: str
    said: int | None = None  # how many records the provider says there are
    stored: int = 0
    lost: int = 0  # notes of lost data
    unreadable: list[str] = field(default_factory=list)
    artifacts: list[str] = field(default_factory=list)  # those that say so


def tallies(
    vault: Vault,
    specs: Mapping[str, SourceSpec],
    counts: Counts | None = None,
    held: Iterable[str] | None = None,
) -> Iterator[Tally]:
    """Yield the tallies of every unit that has an oracle, an acquisition at a time; `counts` spares reading twice.

    `held` are the sources that any artifact is of, where that is known: without an oracle among them there is none.
    """
    if held is not None and not any(_oracle(specs.get(source)) for source in held):
        return
    counts = counts or Counts()
    for root in bagfiles.bags(vault):
        found: dict[str, Tally] = {}
        for unit, fields in bagfiles.artifacts(vault, root):
            oracle = _oracle(specs.get(unit.partition("|")[0]))
            if not oracle:
                continue
            name = root.rpartition("/")[2]
            tally = found.setdefault(unit, Tally(unit=unit, acquisition=name, oracle=oracle))
            said = strict.field(fields, "artifact", dict)
            path = f"{root}/{strict.field(said, 'path', str)}"
            try:
                if oracle == _SKIPS:
                    _skipped(vault, path, strict.field(said, "sha256", str), counts, tally)
                else:
                    _READERS[oracle](vault, path, specs[unit.partition("|")[0]], tally)
            except (EvidenceKitError, ValueError, TypeError, KeyError, RecursionError) as error:
                tally.unreadable.append(f"{path}: {error}"[:300])
        yield from found.values()


def _oracle(spec: SourceSpec | None) -> str:
    """Return which oracle a source has; one whose listing is cut in parts has no total of the whole."""
    if spec is None:
        return ""
    if spec.name in _FLOWS:
        return _SKIPS
    if spec.mechanism == "azure.log_analytics":
        return "counted"
    if spec.name.startswith("snowflake."):
        return "statement"
    return "listed" if _total(spec) and "cap" not in spec.settings and spec.records.path else ""


def _total(spec: SourceSpec) -> str:
    paging = spec.settings.get("paging")
    return str(paging.get("total") or "") if isinstance(paging, Mapping) else ""


# -- one artifact each -------------------------------------------------------------------------------------------


def _skipped(vault: Vault, path: str, sha256: str, counts: Counts, tally: Tally) -> None:
    """Count the lines of a flow log, the largest of all logs, once."""
    lost = counts.get(sha256)
    if lost is None:
        lost = _skips(vault, path)
        counts.put(sha256, lost)
    if lost:
        tally.lost += lost
        tally.artifacts.append(path)


def _skips(vault: Vault, path: str) -> int:
    lost, tail, first = 0, b"", True
    for chunk in _inflated(vault, path, _MAX_FLOWS):
        if first and chunk.startswith(_PARQUET):
            raise ValueError("flow logs in Parquet; lines that say SKIPDATA were not looked for")
        first = False
        piece = tail + chunk
        lost += piece.count(_SKIPPED)
        tail = piece[-len(_SKIPPED) + 1 :]  # one short of the word: nothing is counted twice
    return lost


def _counted(vault: Vault, path: str, spec: SourceSpec, tally: Tally) -> None:  # noqa: ARG001 - one shape for all
    kind = path.rsplit("/", 2)[-2]
    if kind not in {_RECOUNTS, _ROWS}:
        return
    (table,) = _object(vault, path)["tables"][:1]  # type: ignore[index]
    if kind == _ROWS:
        tally.stored += len(table["rows"])
        return
    at = [column["name"] for column in table["columns"]].index("Rows")
    tally.said = (tally.said or 0) + sum(int(row[at]) for row in table["rows"])
    tally.artifacts.append(path)


def _listed(vault: Vault, path: str, spec: SourceSpec, tally: Tally) -> None:
    value = _object(vault, path, spec.records.path)
    if value is None:  # something that the listing led to
        return
    said = jmespath.search(_total(spec), value)
    records = jmespath.search(spec.records.path, value)
    if isinstance(records, list):
        tally.stored += len(records)
    if isinstance(said, int | str) and str(said).isdecimal():
        tally.said = max(tally.said or 0, int(said))  # as it grew while pages were turned
        tally.artifacts.append(path)


def _statement(vault: Vault, path: str, spec: SourceSpec, tally: Tally) -> None:  # noqa: ARG001 - likewise
    value = _object(vault, path, _PARTS)
    if value is None:
        return
    said, rows = jmespath.search(_STATEMENTS, value), jmespath.search(_PARTS, value)
    tally.stored += len(rows) if isinstance(rows, list) else 0
    if isinstance(said, int):
        tally.said = max(tally.said or 0, said)
        tally.artifacts.append(path)


_READERS = {"counted": _counted, "listed": _listed, "statement": _statement}


def _object(vault: Vault, path: str, with_list: str = "") -> Mapping[str, object] | None:
    """Return the JSON object that an artifact is; None if it is not one, or has no list where one is asked for."""
    body = b"".join(_inflated(vault, path))
    value = json.loads(body) if body[:1] in {b"{", b"["} or not with_list else None
    if not isinstance(value, dict):
        return None
    return value if not with_list or isinstance(jmespath.search(with_list, value), list) else None


def _inflated(vault: Vault, path: str, limit: int = _MAX_PAGE) -> Iterator[bytes]:
    with vault.open(path) as stream:
        chunks = iter(lambda: stream.read(_CHUNK), b"")
        first = next(chunks, b"")
        whole = itertools.chain([first], chunks)
        yield from inflated(whole, limit) if first.startswith(_GZIP) else whole
