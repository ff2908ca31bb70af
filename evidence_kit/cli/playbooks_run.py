"""`playbook run` and `resume`: a playbook carried out on a case."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from evidence_kit.cli import ordering, output, playbooks_plan, settings
from evidence_kit.cli.files import read_file
from evidence_kit.cli.playbooks_given import FOLDERS, SET, library, pairs
from evidence_kit.cli.playbooks_work import Given, at_work
from evidence_kit.errors import Exit, SignatureError, UsageError

if TYPE_CHECKING:
    from evidence_kit.playbook.library import Library
    from evidence_kit.playbook.run.play import Play
    from evidence_kit.playbook.run.record import Ended

ANSWERS = typer.Option(None, "--answers", help="Answers to the playbook's questions (YAML), signed with your key.")
CHANNELS = typer.Option(None, "--channels", help="Channels for notices (YAML).")
SEND = typer.Option(False, "--send", help="Send notices; without, they are only shown.")
CLOCKS = typer.Option([], "--clocks", help="Regulatory clocks of your own (YAML).", metavar="FILE")


def run(
    playbook: str = typer.Argument(..., help="A playbook's id, or the path of its file."),
    case: str | None = typer.Option(None, "--case", help="The case folder."),
    inputs: list[str] = SET,
    event: Path | None = typer.Option(None, "--event", help="An event (JSON) that gives the inputs."),
    plan: bool = typer.Option(False, "--plan", help="Say what it would take; nobody is asked anything."),
    inventory: str | None = ordering.INVENTORY,
    connectors: list[str] = ordering.CONNECTORS,
    folders: list[Path] = FOLDERS,
    answers: Path | None = ANSWERS,
    channels: Path | None = CHANNELS,
    send: bool = SEND,
    clocks: list[Path] = CLOCKS,
    policy: str | None = ordering.POLICY,
    place: str | None = ordering.PLACE,
    trust: str | None = typer.Option(None, "--trust", help="Whose signatures you accept (YAML)."),
    key: str | None = typer.Option(None, "--key", help="Which of your keys signs."),
    work: Path | None = typer.Option(None, "--work", help="Where tables are kept; a cache of yours otherwise."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document on stdout."),
) -> None:
    """Carry out a playbook on a case.

    What it collects is sealed, what people decide is signed, and each step's end is on record before the next
    begins. Exits 3 where something is missing, or where it waits for people: `playbook resume` goes on from there.
    """
    from evidence_kit.playbook.run.opening import begin
    from evidence_kit.playbook.triggers import inputs_of

    book = library(folders)
    chosen = book.find(playbook)
    said: dict[str, object] = {**(inputs_of(chosen, _json(event)) if event else {}), **pairs(inputs)}
    if plan:
        beside = playbooks_plan.Beside(inventory, tuple(connectors), policy, place)
        playbooks_plan.tell(chosen, said, beside, as_json=as_json)
        return
    given = Given(
        case=settings.required_case(case), inventory=inventory, connectors=connectors, folders=folders,
        answers=answers, channels=channels, send=send, clocks=clocks, policy=policy, place=place, trust=trust,
        key=key, work=work, as_json=as_json,
    )  # fmt: skip
    _require_sound(chosen.text, chosen.doc.name, given, book)
    with at_work(given, book) as (tools, watch):
        play = begin(chosen, tools, said)
        watch.begin(play)
        ended = _go_on(play)
    _tell(ended, given)


def resume(
    case: str = typer.Argument(..., help="The case folder."),
    run_id: str | None = typer.Argument(None, metavar="[RUN]", help="Which run; the last that is open, if not said."),
    inventory: str | None = ordering.INVENTORY,
    connectors: list[str] = ordering.CONNECTORS,
    folders: list[Path] = FOLDERS,
    answers: Path | None = ANSWERS,
    channels: Path | None = CHANNELS,
    send: bool = SEND,
    clocks: list[Path] = CLOCKS,
    policy: str | None = ordering.POLICY,
    place: str | None = ordering.PLACE,
    trust: str | None = typer.Option(None, "--trust", help="Whose signatures you accept (YAML)."),
    key: str | None = typer.Option(None, "--key", help="Which of your keys signs."),
    work: Path | None = typer.Option(None, "--work", help="Where tables are kept; a cache of yours otherwise."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document on stdout."),
) -> None:
    """Go on with a run after a crash, or once people have answered; what is done is not done again."""
    from evidence_kit.playbook.run.onrecord import open_runs
    from evidence_kit.playbook.run.opening import again

    given = Given(
        case=Path(case), inventory=inventory, connectors=connectors, folders=folders, answers=answers,
        channels=channels, send=send, clocks=clocks, policy=policy, place=place, trust=trust, key=key, work=work,
        as_json=as_json,
    )  # fmt: skip
    with at_work(given, library(folders)) as (tools, watch):
        name = run_id or open_runs(tools.engine.vault)[-1]
        play = again(name, tools)
        watch.begin(play)
        ended = _go_on(play)
    _tell(ended, given)


def _go_on(play: "Play") -> "Ended":
    from evidence_kit.playbook.run.runner import run as carry_out

    return carry_out(play)


def _require_sound(text: bytes, name: str, given: Given, book: "Library") -> None:
    """Lint first: what is wrong with a playbook is said before anything is collected."""
    from evidence_kit.cli.playbooks_known import Beside
    from evidence_kit.cli.playbooks_lint import require_clean

    beside = Beside(
        inventory=given.inventory,
        policy=given.policy,
        connectors=given.connectors,
        channels=given.channels,
        clocks=given.clocks,
    )
    require_clean(text, name=name, beside=beside, library=book)


def _json(path: Path) -> Mapping[str, Any]:
    from evidence_kit.custody import strict

    try:
        return strict.decode(read_file(path))
    except SignatureError as error:
        raise UsageError(f"`{path}`: {error.message}") from error


def _tell(ended: "Ended", given: Given) -> None:
    """Say how the run stands and exit with its code; the last line names the case."""
    if given.as_json:
        output.document(json.loads(json.dumps(ended.to_json())))
    else:
        missing = sum(result.missing for result in ended.results.values())
        output.note(f"run       {ended.run} {ended.outcome} · {output.plural(missing, 'gap')}")
        for left in ended.waiting:
            output.note(f"waiting   {left}")
        if ended.waiting:
            output.note(f"hint: `evidence-kit playbook questions {given.case}` shows them; `resume` goes on")
        output.data(f"case: {given.case}")
    if ended.exit is not Exit.OK:
        raise typer.Exit(ended.exit)
