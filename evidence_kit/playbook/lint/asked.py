"""Says of each question which columns it returns and which values it takes, or what is wrong with it.

`python -m evidence_kit.playbook.lint.asked` reads questions as JSON from stdin and writes a line of JSON for each.
Even planning a question may evaluate parts of it, so this is done in a process of its own, with little time and
memory, over empty tables.
"""

import json
import resource
import sys
from collections.abc import Iterable, Mapping
from typing import Any

_MEMORY = 256  # MB
_SECONDS = 4  # of processor time
_OVERHEAD = 3 << 30  # of address space: what DuckDB reserves without touching it
_STANDING_FOR = (None, "1", 1, ["1"])  # what a value may be that nobody knows yet


def main() -> int:
    """Answer every question, one line each."""
    for which, most in (
        (resource.RLIMIT_AS, (_MEMORY << 20) + _OVERHEAD),
        (resource.RLIMIT_CPU, _SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(which)
        bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(which, (bound, bound))
    import duckdb  # noqa: F401 - it takes its time, and the questions are not there yet

    asked = json.load(sys.stdin)
    connection = _opened(asked["tables"], asked["numbers"])
    sys.stdout.write("\n")  # an empty line: from here on, whatever goes wrong is a question's doing
    sys.stdout.flush()
    for question in asked["questions"]:
        sys.stdout.write(json.dumps(_answer(connection, question["sql"], question["tables"])) + "\n")
        sys.stdout.flush()
    return 0


def _opened(tables: Mapping[str, Iterable[str]], numbers: Iterable[str]) -> Any:  # noqa: ANN401 - loaded lazily
    import duckdb

    from evidence_kit.analysis.tables.locking import lock

    connection = duckdb.connect(":memory:", config={"threads": 1})
    lock(connection, {}, memory=_MEMORY)
    whole = frozenset(numbers)
    for name, columns in tables.items():
        made = ", ".join(f'"{one}" {"BIGINT" if one in whole else "VARCHAR"}' for one in columns)
        connection.execute(f'CREATE TABLE "{name}" ({made})')
    return connection


def _answer(connection: Any, sql: str, tables: Iterable[str]) -> Mapping[str, object]:  # noqa: ANN401
    import duckdb

    from evidence_kit.analysis.tables.statement import RefusedError, require_select

    try:
        require_select(connection, sql, frozenset(name.lower() for name in tables))
        names = sorted(connection.extract_statements(sql)[0].named_parameters)
    except (RefusedError, duckdb.Error, RecursionError) as error:
        return {"error": str(error)[:4_000] or type(error).__name__}
    first = ""
    for value in _STANDING_FOR if names else (None,):
        try:
            rows = connection.execute(f"DESCRIBE\n{sql}", dict.fromkeys(names, value) or None).fetchall()
        except (duckdb.Error, RecursionError) as error:
            first = first or _from_second_line(str(error))[:4_000] or type(error).__name__
        else:
            return {"columns": [str(row[0]) for row in rows], "params": names}
    return {"error": first, "params": names}


def _from_second_line(said: str) -> str:
    """Return an error in which lines are counted without the one that we put before them."""
    before, mark, after = said.partition("\nLINE ")
    number, colon, rest = after.partition(":")
    if not mark or not number.isdigit():
        return said
    shift = " " * (len(number) - len(str(int(number) - 1)))
    shown, caret, tail = rest.partition("\n")
    return f"{before}{mark}{int(number) - 1}{colon}{shown}{caret}{tail.removeprefix(shift)}"


if __name__ == "__main__":
    sys.exit(main())
