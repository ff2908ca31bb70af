"""Every command by its name: where it stands and what it is for. A module is loaded when its command is asked for."""

from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, cast

import typer
from typer.core import TyperCommand, TyperGroup

_CLI = "evidence_kit.cli"


@dataclass(frozen=True, slots=True)
class Known:
    """A command: `module:function`, or `module:app` of a group, and the line that `--help` shows of it."""

    where: str
    summary: str

    def within(self, limit: int) -> str:
        """Return the summary, shortened as typer shortens it."""
        return TyperCommand("", help=self.summary).get_short_help_str(limit)


COMMANDS = {
    "demo": Known("demo:demo", "Run the whole way on a sandbox."),
    "init": Known("init:init", "Open a case."),
    "collect": Known("collect:collect", "Collect evidence into a case and seal it."),
    "intake": Known("intake:intake", "Take in what a partner delivers."),
    "resume": Known("resume:resume", "Continue what is not finished."),
    "verify": Known("verify:verify", "Check a case or a bag, offline unless it lies in a bucket."),
    "export": Known("export:export", "Export a case."),
    "store": Known("store:store", "Put a sealed case into a bucket, where `verify s3://…` checks it."),
    "prove": Known("prove:prove", "Prove single artifacts to somebody who does not get the rest."),
    "timestamp": Known(
        "timestamp:timestamp", "Ask time authorities to stamp every seal and the log, where they have not yet."
    ),
    "renew": Known(
        "renew:renew", "Renew a case's proof: hash every file again with SHA-512, sign and time-stamp the list."
    ),
    "coverage": Known("coverage:coverage", "Show what was got, missed, and why."),
    "timeline": Known("timeline:timeline", "Show all records in one order."),
    "query": Known("query:query", "Ask the evidence a question in SQL."),
    "sigma": Known("sigma:sigma", "Run Sigma rules over the evidence."),
    "report": Known("report:report", "Write a report of a case."),
    "readiness": Known(
        "readiness:readiness", "Say which playbooks could run today, at which targets, and how far back."
    ),
    "portfolio": Known(
        "portfolio:portfolio",
        "Tell all cases of an organisation: coverage, time to sealed evidence, what is open and what is overdue.",
    ),
    "serve": Known("serve:serve", "Serve cases for a browser on this machine, until Ctrl-C."),
    "keys": Known("keys:app", "Make or register signing keys and show their public halves."),
    "trust": Known("trust:app", "Say whose signatures you accept, as what, and when."),
    "sources": Known("sources:app", "What can be collected, and what it takes."),
    "partners": Known("partners:app", "Know and check partners, ask them for evidence and give receipts."),
    "playbook": Known("playbook:app", "Carry out playbooks: collect, ask, decide and preserve, on record."),
    "plugin": Known("plugin:app", "Plug-ins: do they keep to what they promise?"),
    "custody": Known("custody:app", "Read the custody log, add to it, hand a case over."),
    "clocks": Known("clocks:app", "Show the notification clocks of a case; start and meet them."),
    "controls": Known("controls:app", "Controls of standards and laws, and the evidence for each."),
}
WITHIN = {"sources": {"check": "check:check"}}  # commands of a group that stand in a module of their own

Command = TyperCommand | TyperGroup


class Loaded(MutableMapping[str, Command]):
    """The commands as the parser looks them up: names are known at once, what is behind one is made when read."""

    def __init__(self) -> None:
        self._made: dict[str, Command] = {}

    def __getitem__(self, name: str) -> Command:
        if name not in self._made:
            self._made[name] = load(name)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)

    def __contains__(self, name: object) -> bool:
        return name in COMMANDS

    def __setitem__(self, name: str, command: Command) -> None:
        raise TypeError(f"`{name}` belongs into the table of commands")

    def __delitem__(self, name: str) -> None:
        raise TypeError(f"`{name}` belongs into the table of commands")


class Root(TyperGroup):
    """The program: lists its commands from the table, and loads the one that is asked for."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 - typer's own, handed on
        super().__init__(**{**settings, "commands": None})
        self.commands = cast("MutableMapping[str, Any]", Loaded())

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401, ARG002 - types that typer keeps private
        """Write the list of commands, without loading any."""
        limit = formatter.width - 6 - max(map(len, COMMANDS))
        with formatter.section("Commands"):
            formatter.write_dl([(name, known.within(limit)) for name, known in COMMANDS.items()])


def load(name: str) -> Command:
    """Load one command; KeyError for a name that is none."""
    parent = typer.Typer(rich_markup_mode=None, add_completion=False)
    found = _found(COMMANDS[name].where)
    if isinstance(found, typer.Typer):
        for inner, where in WITHIN.get(name, {}).items():
            if inner not in {command.name for command in found.registered_commands}:
                found.command(inner)(_found(where))
        parent.add_typer(found, name=name)
    else:
        parent.command(name)(found)
    return typer.main.get_group(parent).commands[name]  # type: ignore[return-value]


def _found(where: str) -> Any:  # noqa: ANN401 - a function or a typer.Typer
    module, _, name = where.partition(":")
    return getattr(import_module(f"{_CLI}.{module}"), name)
