"""`playbook run`, `resume` and `answer`: a playbook carried out on a case."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from evidence_kit.cli import ordering, output, playbooks_plan, settings
from evidence_kit.cli.playbooks_given import FOLDERS, SET, inventory_of, library, pairs
from evidence_kit.errors import Exit, UsageError

if TYPE_CHECKING:
    from evidence_kit.custody.trust import Trust
    from evidence_kit.governance.clocks.entry import ClockSet
    from evidence_kit.governance.inventory import Inventory
    from evidence_kit.model.check import Report
    from evidence_kit.notices.delivered import Delivered
    from evidence_kit.notices.notice import Notice
    from evidence_kit.playbook.library import Library
    from evidence_kit.playbook.model import Step
    from evidence_kit.playbook.run.play import Play, Tools
    from evidence_kit.playbook.run.questions import Asked, Reply
    from evidence_kit.playbook.run.record import Ended

ANSWERS = typer.Option(None, "--answers", help="Answers to the playbook's questions (YAML), signed with your key.")
CHANNELS = typer.Option(None, "--channels", help="Channels for notices (YAML).")
SEND = typer.Option(False, "--send", help="Send notices; without, they are only shown.")
CLOCKS = typer.Option([], "--clocks", help="Regulatory clocks of your own (YAML).", metavar="FILE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What the options of `run` and `resume` say alike."""

    case: Path
    inventory: str | None
    connectors: Sequence[str]
    folders: Sequence[Path]
    answers: Path | None
    channels: Path | None
    send: bool
    clocks: Sequence[Path]
    policy: str | None
    place: str | None
    trust: str | None
    key: str | None
    work: Path | None
    as_json: bool


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
    with _at_work(given, book) as (tools, watch):
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
    from evidence_kit.playbook.run.opening import again, open_runs

    given = Given(
        case=Path(case), inventory=inventory, connectors=connectors, folders=folders, answers=answers,
        channels=channels, send=send, clocks=clocks, policy=policy, place=place, trust=trust, key=key, work=work,
        as_json=as_json,
    )  # fmt: skip
    with _at_work(given, library(folders)) as (tools, watch):
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
    from evidence_kit.cli.playbooks_lint import require_clean

    require_clean(text, name=name, connectors=given.connectors, library=book, inventory=given.inventory)


@contextmanager
def _at_work(given: Given, book: "Library") -> "Iterator[tuple[Tools, _Watch]]":
    """Open the case for a run, with everything that steps may need."""
    from platformdirs import user_cache_path

    from evidence_kit.acquire.case import keeper_of, read_description, require_sound_log
    from evidence_kit.acquire.run import Engine
    from evidence_kit.cli import progress, running
    from evidence_kit.playbook.run.collectors import Collectors
    from evidence_kit.playbook.run.play import Tools
    from evidence_kit.vaults.local import LocalVault

    specs = settings.catalogue(given.connectors)
    listed, text, named = inventory_of(given.inventory)
    limits = settings.setting("policy", given.policy)
    vault = LocalVault(given.case)
    described = read_description(vault)
    keeper = keeper_of(vault, settings.key_ring(), settings.setting("key", given.key))
    trust = _trust(given.trust)
    watch = _Watch()
    with vault.lock(), vault.working():
        require_sound_log(keeper, at=settings.now())
        output.note(f"case      {described.get('id')}  {described.get('title')}  examiner {keeper.actor}")
        engine = Engine(
            vault=vault,
            keeper=keeper,
            collectors=Collectors(specs),
            now=settings.now,
            secret=settings.secret,
            arguments=sys.argv[1:],
            observer=progress.watch(),
        )
        tools = Tools(
            engine=engine,
            specs=specs,
            entries=listed.entries,
            work=given.work or user_cache_path("evidence-kit") / "tables",
            trust=trust,
            policy=ordering.read_policy(limits) if limits else None,
            place=settings.setting("place", given.place) or "",
            library=book.find,
            reply=_replies(given.answers),
            notify=_notifier(given),
            render=_writer(),
            verify=_verifier(vault, str(given.case), trust) if trust else None,
            clocks=_clocks(given.clocks, listed, text, named),
            teller=watch,
        )
        with running.interruptible(engine), engine.observer:  # type: ignore[attr-defined]
            yield tools, watch


class _Watch:
    """Tells how the run gets on, a line a step."""

    def __init__(self) -> None:
        self._width = 12

    def begin(self, play: "Play") -> None:
        """Say what is run."""
        self._width = max((len(step.id) for step in play.playbook.steps), default=12)
        output.note(f"playbook  {play.playbook.id} {play.playbook.version}: {play.playbook.title}")
        output.note(f"run       {play.id}")

    def step(self, step: "Step", said: str) -> None:
        """Say how a step gets on."""
        if said != "begins":
            output.note(f"  {step.id:{self._width}}  {said}")


def _trust(given: str | None) -> "Trust | None":
    path = settings.trust_path(Path(given) if given else None)
    return settings.trust(given) if given or path.exists() else None


def _verifier(vault: Any, name: str, trust: "Trust") -> Any:  # noqa: ANN401
    def verify() -> "Report":
        from evidence_kit.custody.verify.case import Options, verify_case

        return verify_case(vault, name=name, trust=trust, options=Options(at_work=True))

    return verify


def _writer() -> Any:  # noqa: ANN401
    def render(asked: Mapping[str, Any]) -> Iterator[Path]:
        from evidence_kit.report.runs.writing import Writer

        return Writer(key=settings.pseudonym_key)(asked)

    return render


def _clocks(paths: Sequence[Path], listed: "Inventory", text: bytes, named: str) -> "ClockSet":
    from evidence_kit.governance.clocks.sets import extended, standard, with_contracts

    known = standard()
    for path in paths:
        known = extended(known, path.read_bytes(), name=str(path))
    return with_contracts(known, listed.entries, text, name=named)


def _notifier(given: Given) -> Any:  # noqa: ANN401
    if given.channels is None:
        return None
    from evidence_kit.notices.channels import parse_channels

    try:
        known = {one.name: one for one in parse_channels(given.channels.read_bytes(), name=str(given.channels))}
    except OSError as error:
        raise UsageError(f"cannot read `{given.channels}`: {(error.strerror or '').lower()}") from error

    def notify(name: str, notice: "Notice") -> "Delivered":
        from evidence_kit.model.document import did_you_mean
        from evidence_kit.notices.sending import send

        if name not in known:
            raise UsageError(f"there is no channel `{name[:80]}`", hint=did_you_mean(name, known))
        return send(known[name], notice, dry=not given.send, secret=settings.secret, now=settings.now())

    return notify


def _replies(answers: Path | None) -> Any:  # noqa: ANN401
    """Return what answers a question now: the file of answers first, then whoever sits at the terminal."""
    from evidence_kit.cli import playbooks_ask

    listed = dict(playbooks_ask.read_answers(answers)) if answers else {}

    def reply(asked: "Asked") -> "Reply | None":
        if asked.step in listed:
            return listed.pop(asked.step)
        return playbooks_ask.at_terminal(asked) if sys.stdin.isatty() else None

    return reply


def _json(path: Path) -> Mapping[str, Any]:
    from evidence_kit.custody import strict

    try:
        with path.open("rb") as stream:
            return strict.decode(stream.read(strict.MAX_DOCUMENT + 1))
    except OSError as error:
        raise UsageError(f"cannot read `{path}`: {(error.strerror or '').lower()}") from error


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
