"""The derived tables of cases, opened for our own questions: cut off from other files, able to spill to disk."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from evidence_kit.analysis.tables.asking import views_of
from evidence_kit.analysis.tables.locking import lock
from evidence_kit.analysis.tables.schema import arrow
from evidence_kit.analysis.timeline.clocks import Clock
from evidence_kit.analysis.timeline.rows import Evidence

if TYPE_CHECKING:
    from evidence_kit.analysis.tables.derive import Tables

MEMORY = 2_048  # MB; a longer time line is sorted through files beside the tables


@contextmanager
def opened(tables: Sequence["Tables"], clocks: Sequence[Clock], *, memory: int = MEMORY) -> Iterator[Evidence]:
    """Give the evidence of all cases as one table."""
    arrow()  # says what to install where DuckDB and pyarrow are not
    import duckdb

    folder = tables[0].folder
    views = views_of(tables, folder / "facts" / "empty.parquet")
    with tempfile.TemporaryDirectory(prefix="spill.", dir=folder) as spill, duckdb.connect(":memory:") as connection:
        lock(connection, views, memory=memory, spill=spill)
        yield Evidence(connection, clocks)
