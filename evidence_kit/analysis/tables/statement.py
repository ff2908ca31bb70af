"""What a question may be: one SELECT over the tables of the case, with functions that reach nothing else."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

# Table functions that make rows of their arguments. All others read files, settings or other databases.
ALLOWED = frozenset({"unnest", "range", "generate_series", "json_each", "json_tree", "generate_subscripts"})


class RefusedError(ValueError):
    """The statement is not one that may be run; the message says why."""


def require_select(connection: Any, sql: str, tables: frozenset[str]) -> None:  # noqa: ANN401 - DuckDB is loaded lazily
    """Raise RefusedError unless `sql` is exactly one SELECT over `tables`."""
    found = connection.extract_statements(sql)
    if len(found) != 1:
        raise RefusedError(f"one statement at a time, there are {len(found)}")
    if found[0].type.name != "SELECT":
        raise RefusedError(f"only SELECT may be run, this is {found[0].type.name.replace('_', ' ')}")
    ((tree,),) = connection.execute("SELECT json_serialize_sql($1)", [found[0].query]).fetchall()
    said = json.loads(tree)
    if said.get("error"):
        raise RefusedError(f"only a plain SELECT may be run: {said.get('error_message', '')}")
    nodes = list(_nodes(said))
    names = {name.lower() for node in nodes for name in _defined(node)} | tables
    for node in nodes:
        _require(node, names)


def _require(node: Mapping[str, Any], names: set[str] | frozenset[str]) -> None:
    if node.get("type") == "TABLE_FUNCTION":
        name = node.get("function", {}).get("function_name", "")
        if name.lower() not in ALLOWED:
            raise RefusedError(f"the function `{name}` may not be used")
    if node.get("type") == "BASE_TABLE" and (
        node.get("table_name", "").lower() not in names or node.get("schema_name") or node.get("catalog_name")
    ):
        said = ".".join(node[key] for key in ("catalog_name", "schema_name", "table_name") if node.get(key))
        raise RefusedError(f"there is no table `{said}`")
    if node.get("type") == "SHOW_REF":
        raise RefusedError("only a plain SELECT may be run")


def _defined(node: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names that a WITH gives."""
    found = node.get("cte_map")
    if isinstance(found, dict):
        yield from (str(entry.get("key", "")) for entry in found.get("map", ()))
    if isinstance(name := node.get("ctename") or node.get("cte_name"), str):
        yield name


def _nodes(tree: object) -> Iterator[Mapping[str, Any]]:
    """Yield every object of the tree, without recursion: a statement may nest deeper than Python does."""
    waiting = [tree]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield one
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
