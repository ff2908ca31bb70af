"""`playbook questions` and `playbook answer`: what a run waits for, and what people say to it on any machine."""

from pathlib import Path
from typing import Any

import typer

from evidence_kit.cli import output, playbooks_ask, playbooks_given, settings
from evidence_kit.cli.files import read_file, write_new
from evidence_kit.errors import EmptyError, UsageError


def questions(
    case: Path = typer.Argument(..., help="The case folder."),
    run: str | None = typer.Argument(None, metavar="[RUN]", help="Which run; the last that is open, if not said."),
    out: Path | None = typer.Option(None, "--out", help="A folder for the questions, a file each, to hand over."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document on stdout."),
) -> None:
    """Show what a run waits for; `--out` writes each question to a file for whoever has to answer elsewhere."""
    from evidence_kit.custody import log
    from evidence_kit.playbook.run.answering import open_questions
    from evidence_kit.playbook.run.onrecord import open_runs
    from evidence_kit.vaults.local import LocalVault

    vault = LocalVault(case)
    name = run or open_runs(vault)[-1]
    # A playbook that another calls waits in a run of its own, which is called as the step is.
    called = [one for one in vault.folders(log.RUNS) if one.startswith(f"{name}.")]
    found = [one for each in (name, *called) for one in open_questions(vault, each)]
    if as_json:
        output.document({"run": name, "questions": [{**one.said, "sha256": one.sha256} for one in found]})
        return
    if not found:
        raise EmptyError(f"run {name} waits for nobody", hint=f"`evidence-kit playbook resume {case}`")
    for one in found:
        playbooks_ask.show(one)
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            path = out / f"{_within(one.said['run'], name)}{one.step}.question.json"
            write_new(path, one.body)
            output.note(f"hint: {path}: `evidence-kit playbook answer --question FILE … --out FILE` signs an answer")
        if one.said["run"] != name:
            output.note(f"hint: `evidence-kit playbook answer {case} {one.said['run']} {one.step}` answers it")
    output.data(name)


def _within(run: str, name: str) -> str:
    """Return the steps by which one run called another, each with a dot after it."""
    return "".join(f"{step}." for step in run.removeprefix(name).split(".") if step)


def answer(
    case: Path | None = typer.Argument(None, help="The case folder; none on another machine."),
    run: str | None = typer.Argument(None, metavar="[RUN]", help="Which run."),
    step: str | None = typer.Argument(None, metavar="[STEP]", help="Which step."),
    question: Path | None = typer.Option(None, "--question", help="A question that was handed over."),
    file: Path | None = typer.Option(None, "--file", help="A signed answer to take in, from whoever signed it."),
    choices: list[str] = typer.Option([], "--choice", help="The option chosen; repeat it where several may be."),
    approve: bool | None = typer.Option(None, "--approve/--refuse", help="Of an approval."),
    fields: list[str] = typer.Option([], "--set", help="What else is asked: `name=value`."),
    reason: str = typer.Option("", "--reason", help="Why."),
    acquisition: str = typer.Option("", "--acquisition", help="Files that were taken in, by their acquisition."),
    out: Path | None = typer.Option(None, "--out", help="Where the signed answer goes, on another machine."),
    trust: str | None = typer.Option(None, "--trust", help="Whose signatures you accept (YAML)."),
    key: str | None = typer.Option(None, "--key", help="Which of your keys signs."),
) -> None:
    """Answer a question of a run, signed with your key and bound to exactly that question.

    At the case: `answer CASE RUN STEP --choice …`. Elsewhere: `answer --question FILE --choice … --out FILE`, and
    whoever has the case takes it in with `answer CASE RUN STEP --file FILE`.
    """
    said = {
        "choices": choices,
        "approved": approve,
        "fields": playbooks_given.texts(fields),
        "reason": reason,
        "acquisition": acquisition,
    }
    if case is None:
        if question is None or out is None:
            raise UsageError("which question, and where does the answer go?", hint="`--question FILE --out FILE`")
        _sign_elsewhere(question, said, out, key)
        return
    if run is None or step is None:
        raise UsageError("which run, and which step?", hint=f"`evidence-kit playbook questions {case}` says")
    _at_case(case, run, step, said, file, trust, key)


def _sign_elsewhere(question: Path, said: dict[str, Any], out: Path, key: str | None) -> None:
    from evidence_kit.playbook.run.answering import signed
    from evidence_kit.playbook.run.questions import read_question

    asked = read_question(read_file(question))
    playbooks_ask.show(asked)
    actor, signer = settings.key_ring().open(settings.setting("key", key))
    at = settings.now().replace(microsecond=0)
    document = signed(asked, playbooks_ask.reply_of(said), name=actor, signer=signer, at=at)
    write_new(out, document)
    output.note(f"answer    {out}, signed by {actor}; send it back to whoever has the case")


def _at_case(
    case: Path, run: str, step: str, said: dict[str, Any], file: Path | None, trust: str | None, key: str | None
) -> None:
    from evidence_kit.acquire.case import keeper_of, require_sound_log
    from evidence_kit.playbook.run.answering import take_in
    from evidence_kit.vaults.local import LocalVault

    vault = LocalVault(case)
    keeper = keeper_of(vault, settings.key_ring(), settings.setting("key", key))
    path = settings.trust_path(Path(trust) if trust else None)
    policy = settings.trust(trust) if trust or path.exists() else None
    document = read_file(file) if file is not None else None
    with vault.lock(), vault.working():
        require_sound_log(keeper, at=settings.now())
        at = settings.now().replace(microsecond=0)
        reply = None if document is not None else playbooks_ask.reply_of(said)
        taken = take_in(vault, keeper, run, step, reply=reply, document=document, trust=policy, at=at)
    output.note(f"answered  {step} by {taken.name}; `evidence-kit playbook resume {case} {run}` goes on")
