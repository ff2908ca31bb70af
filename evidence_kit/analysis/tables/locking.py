"""Opens DuckDB on the files of some tables and on nothing else: they are named first, then the door is closed."""

from collections.abc import Mapping, Sequence
from typing import Any

_LOCKS = (
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
    "SET allow_community_extensions = false",
    "SET python_enable_replacements = false",
    "SET TimeZone = 'UTC'",
)

_PARTS = "ek_parts"


def lock(connection: Any, views: Mapping[str, Sequence[str]], *, memory: int, spill: str = "") -> None:  # noqa: ANN401 - DuckDB is loaded lazily
    """Name the views of Parquet files, then cut off every other file and setting; `spill` may be written to."""
    for statement in _LOCKS:
        connection.execute(statement)
    connection.execute(f"SET memory_limit = '{memory:d}MB'")
    connection.execute(f"SET temp_directory = {_listed([spill])[1:-1]}")
    for name, paths in views.items():
        # A folder called `case=x` on the way to a file is no column of the evidence.
        files = f"read_parquet({_listed(paths)}, hive_partitioning = false)"
        connection.execute(f'CREATE VIEW "{name}" AS SELECT * FROM {files}')  # noqa: S608 - quoted
    connection.execute(f"SET allowed_paths = {_listed(sorted({path for paths in views.values() for path in paths}))}")
    connection.execute(f"SET allowed_directories = {_listed([spill] if spill else [])}")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def add_parts(connection: Any, parts: Mapping[str, Sequence[Sequence[str]]], within: Sequence[str]) -> None:  # noqa: ANN401
    """Name parts of the evidence, each by its acquisitions and units; `evidence` is what those `within` hold."""
    if not parts:
        return
    add_tables(connection, {_PARTS: [["part", "acquisition", "unit"], *_rows(parts)]})
    connection.execute("ALTER VIEW evidence RENAME TO ek_evidence")
    views = {name: [name] for name in parts} | {"evidence": within}
    for name, some in views.items():
        units = f"(SELECT * FROM {_PARTS} WHERE part IN ({_listed(some)[1:-1]}))"  # noqa: S608 - quoted
        of_them = f"WHERE artifact IN (SELECT artifact FROM manifest SEMI JOIN {units} USING (acquisition, unit))"  # noqa: S608 - as above
        everything = name == "evidence" and not within
        connection.execute(f'CREATE VIEW "{name}" AS SELECT * FROM ek_evidence {"" if everything else of_them}')  # noqa: S608


def add_tables(connection: Any, tables: Mapping[str, Sequence[Sequence[str | None]]]) -> None:  # noqa: ANN401
    """Make small tables of text: their columns, then their rows."""
    import pyarrow as pa

    for name, (columns, *rows) in tables.items():
        held = [pa.array([row[at] for row in rows], pa.string()) for at in range(len(columns))]
        connection.register("ek_given", pa.table(held, names=list(columns)))
        connection.execute(f'CREATE TABLE "{name}" AS SELECT * FROM ek_given')  # noqa: S608 - a name, quoted
        connection.unregister("ek_given")


def _rows(parts: Mapping[str, Sequence[Sequence[str]]]) -> list[list[str]]:
    return [[name, *unit] for name, units in parts.items() for unit in units]


def _listed(texts: Sequence[str]) -> str:
    """Return texts as a list in SQL."""
    quoted = (text.replace("'", "''") for text in texts)
    return "[" + ", ".join(f"'{text}'" for text in quoted) + "]"
