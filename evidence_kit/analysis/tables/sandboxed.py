"""Answers one question in a process of its own, which can read the tables named to it and nothing else.

`python -m evidence_kit.analysis.tables.sandboxed` reads the question as JSON from stdin and writes the answer as an
Arrow stream to stdout, an error as one line of JSON to stderr. SQL is not trusted, and neither is what evidence
holds: tables are named first, then DuckDB is cut off from files and its settings are locked, and the kernel limits
memory, processor time and, to nothing, the size of any file written.
"""

import json
import resource
import sys
from collections.abc import Mapping
from typing import Any

_OVERHEAD = 3 << 30  # of address space: what DuckDB and pyarrow reserve without touching it
_BATCH = 1_024
_LOCKS = (
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
    "SET allow_community_extensions = false",
    "SET python_enable_replacements = false",
    "SET temp_directory = ''",
    "SET TimeZone = 'UTC'",
)


def main() -> int:
    """Answer, or say why not."""
    asked = json.load(sys.stdin)
    _limit(asked)
    try:
        _answer(asked)
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent is told on one line and nothing is hidden
        kind = type(error).__name__
        message = "out of memory" if isinstance(error, MemoryError) else str(error)
        sys.stderr.write(json.dumps({"kind": kind, "message": message[:4_000]}) + "\n")
        return 1
    return 0


def _limit(asked: Mapping[str, Any]) -> None:
    """Take the limits, which nothing gives back."""
    memory = (int(asked["memory"]) << 20) + _OVERHEAD
    seconds = int(asked["timeout"]) * int(asked["threads"]) + 5
    for which, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(which)
        bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(which, (bound, bound))


def _answer(asked: Mapping[str, Any]) -> None:
    import duckdb
    import pyarrow as pa

    from evidence_kit.analysis.tables.statement import require_select

    connection = duckdb.connect(":memory:", config={"threads": int(asked["threads"])})
    _open(connection, asked)
    names = frozenset(name.lower() for name in asked["views"])
    require_select(connection, asked["sql"], names)
    # `sql` streams; `execute` would hold the whole answer before its first row.
    reader = connection.sql(asked["sql"], params=asked["params"] or None).to_arrow_reader(_BATCH)
    with pa.ipc.new_stream(sys.stdout.buffer, reader.schema) as writer:
        for batch in reader:
            writer.write_batch(batch)
    sys.stdout.buffer.flush()


def _open(connection: Any, asked: Mapping[str, Any]) -> None:  # noqa: ANN401 - DuckDB is loaded lazily
    """Name the tables, then close the door behind them."""
    for statement in _LOCKS:
        connection.execute(statement)
    connection.execute(f"SET memory_limit = '{int(asked['memory'])}MB'")
    files = sorted({path for paths in asked["views"].values() for path in paths})
    for name, paths in asked["views"].items():
        connection.execute(f'CREATE VIEW "{name}" AS SELECT * FROM read_parquet({_listed(paths)})')  # noqa: S608
    connection.execute(f"SET allowed_paths = {_listed(files)}")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _listed(paths: list[str]) -> str:
    """Return paths as a list in SQL."""
    quoted = (path.replace("'", "''") for path in paths)
    return "[" + ", ".join(f"'{path}'" for path in quoted) + "]"


if __name__ == "__main__":
    sys.exit(main())
