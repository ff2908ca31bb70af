"""What expressions can name, and where: the same table for lint, for the documentation, and for whoever runs them."""

from collections.abc import Mapping

# `run.…`, with the type of each.
RUN: Mapping[str, str] = {
    "id": "string",
    "playbook": "string",
    "version": "string",
    "started_at": "timestamp",
    "case_id": "string",
    "operator": "string",
}
# `steps.ID.…`; `outputs` has what the step hands on.
STEP: Mapping[str, str] = {"outcome": "string", "reason": "string", "gaps": "int", "outputs": "map"}
# `target.…`, while targets are chosen.
TARGET: Mapping[str, str] = {
    "id": "string",
    "name": "string",
    "provider": "string",
    "regions": "list<string>",
    "owner": "string",
    "labels": "map",
    "data": "list<string>",
    "subjects": "list<string>",
    "has_agreement": "bool",
    "is_partner": "bool",
}
_RUNNING = frozenset({"inputs", "steps", "targets", "run"})
# Where expressions stand by themselves: a `*` is any name or number.
BARE: Mapping[tuple[str, ...], frozenset[str]] = {
    ("steps", "*", "when"): _RUNNING,
    ("steps", "*", "rule"): _RUNNING,
    ("steps", "*", "checks", "*", "assert"): _RUNNING,
    ("clocks", "*", "when"): _RUNNING,
    ("clocks", "*", "start"): _RUNNING,
    ("outputs", "*"): _RUNNING,
    ("targets", "*", "where"): frozenset({"target", "inputs"}),
    ("triggers", "*", "match"): frozenset({"event"}),
}
# Where `${{ }}` is filled in, at any depth below.
TEMPLATED: Mapping[tuple[str, ...], frozenset[str]] = {
    ("steps", "*", "with"): _RUNNING,
    ("steps", "*", "params"): _RUNNING,
    ("steps", "*", "window"): _RUNNING,
    ("steps", "*", "for_each", "items"): _RUNNING,
    ("steps", "*", "matter"): _RUNNING,
    ("steps", "*", "channel"): _RUNNING,
    ("steps", "*", "message"): _RUNNING,
    ("clocks", "*", "target"): _RUNNING,
    ("triggers", "*", "map"): frozenset({"event"}),
}
# Among them, where the name of a loop's item is known.
OF_ITEM = frozenset({"with"})
# Conditions: what they come to has to be true or false.
CONDITIONS = frozenset({"when", "assert", "where", "match"})
# What SQL sees beside the evidence: how the steps of the run ended, and what is missing.
RUN_TABLES: Mapping[str, tuple[str, ...]] = {
    "steps": ("run", "step", "type", "outcome", "reason", "gaps"),
    "step_gaps": ("run", "step", "kind", "reason", "unit"),
}
# Steps whose answers make a table by their name.
WITH_EVIDENCE = frozenset({"collect", "manual", "preserve", "hold"})
SQL = (("steps", "*", "sql"), ("steps", "*", "checks", "*", "sql"))
FUNCTIONS = frozenset({
    "bool", "bytes", "double", "duration", "dyn", "has", "int", "matches", "size", "string", "timestamp", "type",
    "uint",
})  # fmt: skip
METHODS = frozenset({
    "all", "contains", "endsWith", "exists", "exists_one", "filter", "getDate", "getDayOfMonth", "getDayOfWeek",
    "getDayOfYear", "getFullYear", "getHours", "getMilliseconds", "getMinutes", "getMonth", "getSeconds", "map",
    "matches", "size", "startsWith",
})  # fmt: skip
# What CEL keeps for itself, and what tables of a case are called.
RESERVED = frozenset({
    "as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let", "loop",
    "namespace", "null", "package", "return", "true", "var", "void", "while",
})  # fmt: skip


def fits(path: tuple[str | int, ...], pattern: tuple[str, ...]) -> bool:
    """Say whether a path is one that the pattern names."""
    return len(path) == len(pattern) and all(two in {"*", str(one)} for one, two in zip(path, pattern, strict=True))


def bare(path: tuple[str | int, ...]) -> frozenset[str] | None:
    """Return the names that an expression by itself at `path` has, or None where none stands."""
    return next((roots for pattern, roots in BARE.items() if fits(path, pattern)), None)


def templated(path: tuple[str | int, ...]) -> frozenset[str] | None:
    """Return the names that `${{ }}` at `path` has, or None where it is not filled in."""
    return next((roots for pattern, roots in TEMPLATED.items() if fits(path[: len(pattern)], pattern)), None)
