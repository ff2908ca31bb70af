"""Parquet in folders by provider and day, as Athena, BigQuery, Spark and DuckDB read them in place."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from evidence_kit.analysis.timeline.rows import Evidence
from evidence_kit.report.disclosure.package import Package
from evidence_kit.report.events.files import Written
from evidence_kit.vaults.local import translated

if TYPE_CHECKING:
    import pyarrow as pa

Minimise = Callable[[Mapping[str, object]], Mapping[str, object]]
SAID = "folders `provider=…/date=…` (Hive); a record without a time has no date"
_BATCH = 5_000
_FOLDER = "events"
_SQL = """
    SELECT provider, strftime(make_timestamp(at_ns // 1000), '%Y-%m-%d') AS date,
        make_timestamp(at_ns // 1000) AS at, at_ns, shift_ns // 100000000 / 10.0 AS clock_shift_s,
        time, time_ns, action, actor, credential, src_ip, user_agent, resource, outcome, target, region, source,
        witnesses, event_id, artifact, line, "case", raw
    FROM shifted ORDER BY provider, date, at_ns, "case", source, artifact, line
"""


def export(evidence: Evidence, package: Package) -> tuple[Written, ...]:
    """Write one or more files a provider and day."""
    import pyarrow as pa
    import pyarrow.dataset as ds

    with evidence.batches(_SQL, size=_BATCH) as reader, translated("write Parquet"):
        kind = ds.ParquetFileFormat()
        ds.write_dataset(
            _minimised(reader, evidence.minimise) if evidence.minimise else reader,
            package.root / _FOLDER,
            schema=None if not evidence.minimise else reader.schema,
            format=kind,
            file_options=kind.make_write_options(compression="zstd"),
            partitioning=ds.partitioning(
                pa.schema([("provider", pa.string()), ("date", pa.string())]), flavor="hive"
            ),
            basename_template="part-{i}.parquet",
            use_threads=False,
        )
    files = sorted((package.root / _FOLDER).rglob("*.parquet"))
    return tuple(_written(package.root, path) for path in files)


def _minimised(reader: "pa.RecordBatchReader", minimise: Minimise) -> "Iterator[pa.RecordBatch]":
    """Yield the rows as working copies may have them; the folder's date is none of the record's values."""
    import pyarrow as pa

    for batch in reader:
        rows = [{**minimise(row), "date": row["date"]} for row in batch.to_pylist()]
        yield pa.RecordBatch.from_pylist(rows, schema=batch.schema)


def _written(root: Path, path: Path) -> Written:
    import pyarrow.parquet as pq

    with path.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    rows = pq.read_metadata(path).num_rows
    return Written(path=path.relative_to(root).as_posix(), sha256=sha256, bytes=path.stat().st_size, rows=rows)
