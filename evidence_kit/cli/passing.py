"""How `collect --follow` tells of its passes: a line each, and in the end what is still open."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from evidence_kit.cli import output
from evidence_kit.errors import EmptyError, Exit
from evidence_kit.model.time import rfc3339

if TYPE_CHECKING:
    from datetime import datetime

    from evidence_kit.acquire.following.passes import Follow, Pass
    from evidence_kit.acquire.run import Result


class Teller:
    """Tells of one command's passes."""

    def __init__(self, case: Path, *, as_json: bool, is_ending: Callable[[], bool]) -> None:
        self._case, self._as_json, self._is_ending = case, as_json, is_ending

    def tell(self, done: "Pass") -> None:
        """Say in one line what a pass brought, what is open, and when the next one comes."""
        if self._is_ending():
            done = replace(done, next_at=None)
        if self._as_json:
            _document(_said(done))
        said = [_brought(done)]
        if done.ahead:
            said.append(f"the clock here is {_spelled(done.ahead)} ahead of the providers', which are believed")
        said += [f"missing {text}" for text in _missing(done.result)] if done.result else []
        said.append(f"{done.open} open")
        said.append(f"next at {_second(done.next_at)}" if done.next_at else "the last one")
        output.note(f"pass {done.number:<4} {' · '.join(said)}")

    def end(self, follow: "Follow") -> None:
        """Say how it all ended and exit with its code; the last line names the case."""
        last, short, still = follow.last, len(follow.had.short), len(follow.had.open)
        passes = last.number if last else 0
        error = last.error if last else None
        nothing = not follow.artifacts and not short
        code = error.exit if error else Exit.EMPTY if nothing else Exit.INCOMPLETE if short else Exit.OK
        told = "1 pass" if passes == 1 else f"{passes:,} passes"
        output.note(f"followed  {told} · {output.plural(follow.artifacts, 'artifact')} · {still} open")
        if short:
            output.note(f"hint: `evidence-kit coverage {self._case}` shows what is missing; the same command goes on")
        if self._as_json:
            counts = {"passes": passes, "artifacts": follow.artifacts, "unitsMissing": short, "open": still}
            _document({"kind": "end", "case": str(self._case), **counts, "exit": int(code)})
        else:
            output.data(f"case: {self._case}")
        if error:
            raise error
        if nothing:
            raise EmptyError("nothing was there to collect", hint="`evidence-kit coverage` shows what was asked")
        if code is not Exit.OK:
            raise typer.Exit(code)


def _brought(done: "Pass") -> str:
    if done.error:
        return f"{done.error.message}; the next pass tries again"
    if done.result is None:
        return "nothing new has settled"
    sealed, totals = done.result.sealed, done.result.sealed.totals
    records = sum(outcome.records for outcome in done.result.outcomes)
    things = output.plural(records, "record") if records else output.plural(totals.artifacts, "artifact")
    span = f"{_second(done.new.start)} to {_second(done.new.end)}" if done.new else f"finished {sealed.bag}"
    return f"{span} · {output.plural(totals.units, 'unit')} · {things} · {output.size(totals.bytes)}"


def _missing(result: "Result") -> list[str]:
    ends = [one for one in result.outcomes if not one.status.is_whole]
    first = {one.status: one.reason for one in reversed(ends)}
    counts = Counter(one.status for one in ends)
    return [f"{output.plural(count, 'unit')} {status.value}: {first[status]}" for status, count in counts.items()]


def _said(done: "Pass") -> dict[str, object]:
    result = done.result
    sealed = result.sealed if result else None
    statuses = Counter(one.status.value for one in result.outcomes if not one.status.is_whole) if result else {}
    return {
        "kind": "pass",
        "name": str(done.number),
        "at": rfc3339(done.began_at),
        "window": done.new.to_json() if done.new else None,
        "settled": {name: rfc3339(moment) for name, moment in done.settled.items()},
        "acquisition": sealed.acquisition if sealed else None,
        "bag": sealed.bag if sealed else None,
        "seal": sealed.seal_sha256 if sealed else None,
        "artifacts": sealed.totals.artifacts if sealed else 0,
        "bytes": sealed.totals.bytes if sealed else 0,
        "units": sealed.totals.units if sealed else 0,
        "unitsMissing": sealed.totals.missing if sealed else 0,
        "missing": [{"name": name, "units": count} for name, count in statuses.items()],
        "open": done.open,
        "error": {"name": done.error.exit.name, "message": done.error.message} if done.error else None,
        "next": rfc3339(done.next_at) if done.next_at else None,
    }


def _document(value: object) -> None:
    typer.echo(json.dumps(value, ensure_ascii=True))


def _second(moment: "datetime") -> str:
    return rfc3339(moment.replace(microsecond=0))


def _spelled(lasting: timedelta) -> str:
    return str(timedelta(seconds=round(lasting.total_seconds())))
