"""What the demo runs, as data: each step is a command as a person would type it, and why."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from evidence_kit.errors import Exit
from evidence_kit.model.time import Window, rfc3339

if TYPE_CHECKING:
    from evidence_kit.sandbox.hybrid.estates import Hybrid

EXAMINER, COMMANDER = "examiner@example.com", "commander@example.com"
PLAYBOOK = "hybrid-ai-supply-chain"
ANSWERS, ELSEWHERE, REPORT = "answers.yaml", "commander", "report.html"
_INVENTORY, _TABLES, _APPROVAL = "inventory.yaml", "tables", "approve_hold"
# Of what was decided and asked only a part was ever recorded: that cannot be had whole.
_FINE = frozenset({Exit.OK, Exit.INCOMPLETE})
_AWARE = timedelta(hours=1, minutes=30)  # before the end of the window
_ESTATES = ("github.*", "acme_supplier.*", "aws.cloudtrail.s3", "azure.*", "gcp.*")
_DEPLOYING = ("CreateTrainingJob", "CreateModel", "CreateModelPackage", "UpdateModelPackage", "UpdateEndpoint")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A command as a person would type it in the demo's folder, and why.

    `fine` are the exits that go on; `home` is the folder of somebody else's keys; `shows` is a file to print first.
    """

    why: str
    arguments: tuple[str, ...]
    fine: frozenset[Exit] = frozenset({Exit.OK})
    home: str = ""
    shows: str = ""


def answers(window: Window) -> str:
    """Return what the privacy officer says, as the file that `--answers` reads."""
    from evidence_kit.sandbox.hybrid.story import BY_NAME

    return (
        "apiVersion: evidence-kit/answers.v1\n"
        "answers:\n"
        "  personal_data:\n"
        "    choices: [eu]\n"
        "    reason: the fraud score judges people, and some of them live in the European Union\n"
        "    fields:\n"
        f"      aware_at: {rfc3339(window.end - _AWARE)}\n"
        f"      supplier_aware_at: {rfc3339(BY_NAME['revoked'].at(window))}\n"
    )


def playing(estates: "Hybrid", out: Path) -> Iterator[Step]:
    """Yield what needs the estates: a playbook until it waits for somebody, their answer, and the rest of it."""
    yield Step(
        why="A key of your own signs all that follows, and a trust policy says whose signatures you accept.",
        arguments=("keys", "new", "--name", EXAMINER),
    )
    yield Step(
        why="A case has a purpose and an authority; both are signed first.",
        arguments=(
            *("init", "case", "--id", "IR-DEMO", "--title", "poisoned features", "--yes"),
            *("--purpose", "show the whole way from collection to verdict"),
            *("--authority", "none needed: the sandbox is ours"),
        ),
    )
    given = ("--inventory", _INVENTORY, "--connectors", estates.connectors.name, "--work", _TABLES)
    yield Step(
        why="A playbook decides what to take and asks the evidence. The privacy officer has answered beforehand.",
        arguments=(
            *("playbook", "run", PLAYBOOK, "--case", "case", *given, "--answers", ANSWERS),
            *_each("--set", _inputs(estates.window)),
        ),
        fine=_FINE,
        shows=ANSWERS,
    )
    yield from _approving(out)
    yield Step(
        why="The run goes on where it waited; what is done is not done again.",
        arguments=("playbook", "resume", "case", *given),
        fine=_FINE,
    )


def looking() -> Iterator[Step]:
    """Yield what needs nothing but the case."""
    from evidence_kit.sandbox.hybrid.cast import ATTACKER

    timeline = ("timeline", "case", "--work", _TABLES)
    yield Step(
        why="What was had, and what was not: a gap is on record, and never silent.",
        arguments=("coverage", "case"),
    )
    yield Step(
        why="One machine in four estates. The supplier's clock is seven minutes ahead, which is taken off.",
        arguments=(*timeline, "--address", ATTACKER, *_each("--source", _ESTATES)),
    )
    yield Step(
        why="What became of the features; and the last model, put in by hand when the trail was off.",
        arguments=(*timeline, "--source", "aws.cloudtrail.lookup", *_each("--action", _DEPLOYING)),
    )
    yield Step(
        why="Every byte, signature and seal once more, by what you trust and not by what the case says of itself.",
        arguments=("verify", "case", "--each-signature"),
    )
    yield Step(
        why="All of it on one page that needs no network, with the verdict on top.",
        arguments=("report", "case", "--work", _TABLES, "--out", REPORT, "--address", ATTACKER),
    )


def _approving(out: Path) -> Iterator[Step]:
    """Yield how somebody at another machine approves: no link, no account, only files that are signed."""
    yield Step(
        why="Whoever runs it cannot approve the hold: the question goes out as a file, with all that it covers.",
        arguments=("playbook", "questions", "case", "--out", "questions"),
    )
    yield Step(
        why="At the incident commander's machine, who has a key of her own and no case:",
        arguments=("keys", "new", "--name", COMMANDER),
        home=ELSEWHERE,
    )
    yield Step(
        why="Her answer is signed, and bound to exactly what she was asked.",
        arguments=(
            *("playbook", "answer", "--question", f"questions/{_APPROVAL}.question.json", "--approve"),
            *("--reason", "partners and an authority will want to see it", "--out", "answer.json"),
        ),
        home=ELSEWHERE,
    )
    yield Step(
        why="Back at yours: whether her key may approve is for your trust policy to say.",
        arguments=(
            *("trust", "add", "--name", COMMANDER, "--role", "approver"),
            *("--key", f"{ELSEWHERE}/keys/{COMMANDER}.pub.pem"),
        ),
    )
    run = min(path.name for path in (out / "case" / "custody" / "runs").iterdir())  # a run that it calls is longer
    yield Step(
        why="Her answer becomes an event of the case.",
        arguments=("playbook", "answer", "case", run, _APPROVAL, "--file", "answer.json"),
    )


def _inputs(window: Window) -> tuple[str, ...]:
    """Return what the playbook has to know, each as `name=value`."""
    from evidence_kit.sandbox.hybrid import cast

    said = window.to_json()
    return (
        f"window={{since: {said['start']}, until: {said['end']}}}",
        f"bucket={cast.FEATURES}",
        "prefix=fraud/",
        "supplier=supplier-acme",
        f"api_key={cast.API_KEY}",
        f"supplier_networks={cast.SUPPLIER}/32",
        f"known_networks={','.join(cast.NETWORKS)}",
    )


def _each(option: str, values: Sequence[str]) -> Iterator[str]:
    for value in values:
        yield from (option, value)
