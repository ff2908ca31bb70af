"""The derived tables of cases, opened for our own questions: cut off from other files, able to spill to disk."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from evidence_kit.analysis.tables.asking import views_of
from evidence_kit.analysis.tables.schema import arrow
from evidence_kit.analysis.timeline.clocks import Clock
from evidence_kit.analysis.timeline.rows import Evidence

if TYPE_CHECKING:
    from evidence_kit.analysis.tables.derive import Tables

MEMORY = 2_048  # MB; a longer time line is sorted through files beside the tables
_LOCKS = (
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
    "SET python_enable_replacements = false",
    "SET TimeZone = 'UTC'",
)


@contextmanager
def opened(tables: Sequence["Tables"], clocks: Sequence[Clock], *, memory: int = MEMORY) -> Iterator[Evidence]:
    """Give the evidence of all cases as one table."""
    arrow()  # says what to install where DuckDB and pyarrow are not
    import duckdb

    folder = tables[0].folder
    views = views_of(tables, folder / "facts" / "empty.parquet")
    files = sorted({path for paths in views.values() for path in paths})
    with tempfile.TemporaryDirectory(prefix="spill.", dir=folder) as spill, duckdb.connect(":memory:") as connection:
        for lock in _LOCKS:
            connection.execute(lock)
        connection.execute(f"SET memory_limit = '{memory:d}MB'")
        connection.execute(f"SET temp_directory = {_quoted(spill)}")
        for name, paths in views.items():
            connection.execute(f'CREATE VIEW "{name}" AS SELECT * FROM read_parquet({_listed(paths)})')  # noqa: S608
        connection.execute(f"SET allowed_paths = {_listed(files)}")
        connection.execute(f"SET allowed_directories = [{_quoted(spill)}]")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        yield Evidence(connection, clocks)


def _listed(paths: Sequence[str]) -> str:
    return f"[{', '.join(map(_quoted, paths))}]"


def _quoted(text: str) -> str:
    doubled = text.replace("'", "''")
    return f"'{doubled}'"
