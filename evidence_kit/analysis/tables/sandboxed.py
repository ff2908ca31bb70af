"""Answers one question in a process of its own, which can read the tables named to it and nothing else.

`python -m evidence_kit.analysis.tables.sandboxed` reads the question as JSON from stdin and writes the answer as an
Arrow stream to stdout, an error as one line of JSON to stderr. SQL is not trusted, and neither is what evidence
holds: tables are named first, then DuckDB is cut off from files and its settings are locked, and the kernel limits
memory, processor time and, to nothing, the size of any file written.
"""

import json
import os
import resource
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from evidence_kit.analysis.tables.sparing import spare_numpy

_OVERHEAD = 3 << 30  # of address space: what DuckDB and pyarrow reserve without touching it
_BATCH = 1_024


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
    spare_numpy()
    import duckdb
    import pyarrow as pa

    from evidence_kit.analysis.tables.locking import add_parts, add_tables, lock
    from evidence_kit.analysis.tables.statement import require_select

    connection = duckdb.connect(":memory:", config={"threads": int(asked["threads"])})
    lock(connection, _mentioned(asked), memory=int(asked["memory"]))
    add_parts(connection, asked["parts"], asked["within"])
    add_tables(connection, asked["tables"])
    known = (*asked["views"], *asked["parts"], *asked["tables"])
    require_select(connection, asked["sql"], frozenset(name.lower() for name in known))
    # `sql` streams; `execute` would hold the whole answer before its first row.
    reader = connection.sql(asked["sql"], params=asked["params"] or None).to_arrow_reader(_BATCH)
    names = tuple(_unlike(reader.schema.names))
    schema = pa.schema([kind.with_name(name) for kind, name in zip(reader.schema, names, strict=True)])
    with pa.ipc.new_stream(sys.stdout.buffer, schema) as writer:
        for batch in reader:
            writer.write_batch(batch.rename_columns(list(names)))
    sys.stdout.buffer.flush()


def _mentioned(asked: Mapping[str, Any]) -> Mapping[str, Sequence[str]]:
    """Return the tables that may be meant: naming one costs a look into its files. Parts rest on several."""
    said = str(asked["sql"]).lower()
    return {name: paths for name, paths in asked["views"].items() if asked["parts"] or name.lower() in said}


def _unlike(names: Sequence[str]) -> Iterator[str]:
    """Yield the names of the columns, each once: of two that are alike, whoever reads rows by name would lose one."""
    taken = {*names}
    given: set[str] = set()
    for name in names:
        new, number = name, 0
        while new in given or (number and new in taken):
            number += 1
            new = f"{name}_{number}"
        given.add(new)
        yield new


if __name__ == "__main__":
    ended = main()
    sys.stderr.flush()
    os._exit(ended)  # all is said; taking DuckDB and Arrow down piece by piece would take a tenth of the answer
