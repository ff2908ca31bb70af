"""What a run of a playbook works with: the case under lock, trust, clocks, channels, and whoever answers."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evidence_kit.cli import ordering, output, settings
from evidence_kit.cli.files import read_file
from evidence_kit.cli.playbooks_given import inventory_of
from evidence_kit.errors import UsageError

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


@contextmanager
def at_work(given: Given, book: "Library") -> "Iterator[tuple[Tools, Watch]]":
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
    watch = Watch()
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


class Watch:
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
        known = extended(known, read_file(path), name=str(path))
    return with_contracts(known, listed.entries, text, name=named)


def _notifier(given: Given) -> Any:  # noqa: ANN401
    if given.channels is None:
        return None
    from evidence_kit.notices.channels import parse_channels

    known = {one.name: one for one in parse_channels(read_file(given.channels), name=str(given.channels))}

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
