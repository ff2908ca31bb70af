"""Paging by the SDK's own rules, with what the SDK's paginators do not watch: loops and vanished results."""

from collections.abc import Iterator, Mapping
from typing import Any

import jmespath

from evidence_kit.collectors.aws.wire import Answer, AwsWire
from evidence_kit.model.exchange import Stop
from evidence_kit.model.ports import Context
from evidence_kit.model.status import UnitStatus

Token = tuple[tuple[str, str], ...]


def pages(
    wire: AwsWire,
    ctx: Context,
    operation: str,
    params: Mapping[str, object],
    *,
    result: str = "",
    absent: frozenset[str] = frozenset(),
    rules: Mapping[str, Any] | None = None,
) -> Iterator[tuple[Answer, str | None]]:
    """Yield `(answer, cursor of what follows or None)`; empty pages with a cursor are normal and go on.

    The parameters stay the same for every page, as AWS demands; only the token changes. `absent` are error codes by
    which the service says that there is nothing: that answer is evidence like any other. `rules` are paging rules in
    botocore's words, for an operation of which botocore has none.
    """
    rules = rules or wire.paging(operation)
    seen: set[Token] = set()
    token: Token = ()
    while True:
        answer = wire.call(ctx, operation, {**params, **dict(token)}, result=result, absent=absent)
        token = _next(rules, answer.parsed)
        # What arrived is evidence even if what it promises is a loop: it goes out before the loop is judged.
        yield answer, "&".join(value for _, value in token) if token else None
        if not token:
            return
        if token in seen:
            raise Stop(UnitStatus.PARTIAL_ERROR, f"{operation} repeats a page token: the provider runs in a loop")
        seen.add(token)


def _next(rules: Mapping[str, Any], parsed: Mapping[str, Any]) -> Token:
    if not rules:
        return ()
    more = rules.get("more_results")
    if more and not jmespath.search(more, parsed):
        return ()
    inputs, outputs = _several(rules["input_token"]), _several(rules["output_token"])
    found = [(name, jmespath.search(path, parsed)) for name, path in zip(inputs, outputs, strict=True)]
    return tuple((name, str(value)) for name, value in found if value)


def _several(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
