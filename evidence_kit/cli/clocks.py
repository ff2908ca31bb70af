"""`clocks`: which notification clocks of a case run, when each ends, and what people say about them."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup

from evidence_kit.cli import output, settings

if TYPE_CHECKING:
    from evidence_kit.governance.clocks.entry import ClockSet

_LIST = "list"
_CASE = typer.Argument(None, help="The case folder.")
_CLOCK = typer.Argument(..., help="Which clock; `clocks known` lists them.")
_SETS = typer.Option([], "--set", help="A clock set of your own (YAML); repeat for more.", metavar="FILE")
_INVENTORY = typer.Option(None, "--inventory", help="Inventory whose agreements have clocks of their own.")
_EVENT = typer.Option(None, "--event", help="The event that set it running, where it runs more than once.")
_KEY = typer.Option(None, "--key", help="Which of your keys signs.")
_JSON = typer.Option(False, "--json", help="One JSON document on stdout.")


class _Group(TyperGroup):
    """Takes `clocks CASE` for `clocks list CASE`; a folder called like a command is `./start`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - click's, or Typer's copy of it
        if args[:1] != ["--help"] and (not args or args[0] not in self.commands):
            args = [_LIST, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(help="Show the notification clocks of a case; start and meet them.", cls=_Group)


@app.command(_LIST)
def list_clocks(
    case: Path | None = _CASE,
    sets: list[str] = _SETS,
    inventory: str | None = _INVENTORY,
    as_json: bool = _JSON,
) -> None:
    """Show what runs, the earliest deadline first; `clocks CASE` does the same.

    A passed deadline is the first line, and no failure of this command. Not legal advice.
    """
    from evidence_kit.acquire.case import read_description
    from evidence_kit.cli import clock_lines
    from evidence_kit.governance.clocks.running import running, statements
    from evidence_kit.vaults.local import LocalVault

    now, known = settings.now(), in_force(sets, inventory)
    vault = LocalVault(settings.required_case(str(case) if case else None))
    read_description(vault)
    found = running(statements(vault), known.clocks)
    if as_json:
        output.document(clock_lines.document(found, known, now))
        return
    for line in clock_lines.lines(found, known, now):
        output.data(line)


@app.command("known")
def known_clocks(
    sets: list[str] = _SETS,
    inventory: str | None = _INVENTORY,
    as_json: bool = _JSON,
) -> None:
    """List the clocks that can be started: ours, those of `--set`, those of the inventory's agreements."""
    from evidence_kit.cli import clock_lines

    now, known = settings.now(), in_force(sets, inventory)
    if as_json:
        output.document([one.to_json() | {"stale": one.is_stale(now)} for one in known.clocks.values()])
        return
    for line in clock_lines.known(known, now):
        output.data(line)


@app.command("start")
def start(
    case: Path = typer.Argument(..., help="The case folder."),
    clock: str = _CLOCK,
    at: str = typer.Option(..., "--at", help="When it started: `2026-11-18T14:05:00Z`, or an age such as `3h`."),
    why: str = typer.Option(..., "--why", help="What happened then, in your words."),
    correct: bool = typer.Option(False, "--correct", help="It runs, and started at another time than was said."),
    event: int | None = _EVENT,
    sets: list[str] = _SETS,
    inventory: str | None = _INVENTORY,
    key: str | None = _KEY,
) -> None:
    """Record that a clock started, at the time that you say; signed, and part of the custody log."""
    from evidence_kit.governance.clocks import recording
    from evidence_kit.governance.clocks.readings import readings
    from evidence_kit.model.time import parse_instant, rfc3339
    from evidence_kit.vaults.local import LocalVault

    now = settings.now()
    moment = parse_instant(at, now=now)
    seq, begun = recording.start(
        LocalVault(case),
        settings.key_ring(),
        settings.setting("key", key),
        in_force(sets, inventory),
        clock,
        at=moment,
        why=why,
        now=now,
        correct=correct,
        event=event,
    )
    found = readings(begun, moment)
    until = f"deadline {rfc3339(found[0].at)}" if found else begun.within.said
    output.note(f"`{clock}` runs since {rfc3339(moment)}, recorded as event {seq}: {until}")
    if not begun.is_verified:
        output.note(f"hint: unverified ({begun.status}): hold it against {begun.source}")


@app.command("met")
def met(
    case: Path = typer.Argument(..., help="The case folder."),
    clock: str = _CLOCK,
    at: str = typer.Option(..., "--at", help="When it was done: `2026-11-18T14:05:00Z`, or an age such as `3h`."),
    what: str = typer.Option(..., "--what", help="What was done, and where that can be seen."),
    event: int | None = _EVENT,
    sets: list[str] = _SETS,
    inventory: str | None = _INVENTORY,
    key: str | None = _KEY,
) -> None:
    """Record that what a clock asks for was done; clocks that follow it start then."""
    from evidence_kit.governance.clocks import recording
    from evidence_kit.model.time import parse_instant
    from evidence_kit.vaults.local import LocalVault

    now = settings.now()
    seq, begun = recording.meet(
        LocalVault(case),
        settings.key_ring(),
        settings.setting("key", key),
        in_force(sets, inventory),
        clock,
        at=parse_instant(at, now=now),
        what=what,
        now=now,
        event=event,
    )
    output.note(f"`{clock}` met, recorded as event {seq}")
    for one in begun:
        output.note(f"`{one.id}` runs from then: {one.within.said}")


def in_force(sets: Sequence[str], inventory: str | None) -> "ClockSet":
    """Return the clocks in force; those of agreements come with an inventory."""
    from evidence_kit.cli.files import read_file
    from evidence_kit.governance.clocks.sets import extended, standard, with_contracts
    from evidence_kit.governance.inventory import parse_inventory

    known = standard()
    if (named := settings.setting("inventory", inventory)) is not None:
        text = read_file(named)
        known = with_contracts(known, parse_inventory(text, name=named).entries, text, name=named)
    for path in settings.listed("clocks", sets):
        known = extended(known, read_file(path), name=path)
    return known
