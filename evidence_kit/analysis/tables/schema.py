"""The columns of every table, and the one place that imports pyarrow for them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from evidence_kit.analysis.records.promote import ROW
from evidence_kit.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

NUMBERS = frozenset({"time_ns", "line", "bytes", "seq", "records", "pages", "artifacts", "status_code"})
MANIFEST, UNITS, GAPS, CUSTODY, DEFECTS = "manifest", "units", "gaps", "custody", "defects"
FACTS: Mapping[str, tuple[str, ...]] = {
    MANIFEST: (
        "case", "artifact", "sha256", "bytes", "source", "unit", "acquisition", "kind", "original_name", "records",
        "sent_at", "received_at", "status_code", "request_id",
    ),
    UNITS: (
        "case", "acquisition", "unit", "source", "provider", "target", "target_name", "region", "stream", "since",
        "until", "status", "reason", "pages", "records", "artifacts", "bytes",
    ),
    GAPS: ("case", "acquisition", "unit", "source", "kind", "reason", "since", "until"),
    CUSTODY: ("case", "seq", "at", "type", "actor", "keyid", "summary"),
    DEFECTS: ("case", "source", "artifact", "line", "place", "reason"),
}  # fmt: skip
EVIDENCE = "evidence"
RAW = "raw"
UNLIKE = frozenset({RAW, "event_id", "time_ns", "line"})  # columns whose values are hardly ever met twice
HINT = "install the extra: `pip install 'evidence-kit[analysis]'`"


def columns_of(table: str) -> tuple[str, ...]:
    """Return the columns of a table; one for each source has those of `evidence`."""
    return FACTS.get(table, ROW)


def arrow_schema(table: str) -> "pa.Schema":
    """Return the Arrow schema of a table: text, and whole numbers."""
    pa = arrow()
    return pa.schema([(name, pa.int64() if name in NUMBERS else pa.string()) for name in columns_of(table)])


def arrow() -> Any:  # noqa: ANN401 - the module is loaded lazily
    """Return pyarrow; UsageError where the extra is not installed."""
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise UsageError("queries need pyarrow and DuckDB, which are not installed", hint=HINT) from error
    return pyarrow


def view_of(source: str) -> str:
    """Return the name of a source's view: `aws.cloudtrail.s3` is `aws_cloudtrail_s3`."""
    return "".join(char if char.isascii() and char.isalnum() else "_" for char in source)
