"""`partners assess`: what is known of each partner, scored by one template, kept in a register that only grows."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from evidence_kit.cli import output, partnered, settings
from evidence_kit.cli.files import read_file, write_new
from evidence_kit.errors import UsageError, VaultError

if TYPE_CHECKING:
    from evidence_kit.governance.assessment import Assessment, Earlier
    from evidence_kit.governance.inventory import Entry
    from evidence_kit.governance.shown import Shown
    from evidence_kit.governance.template import Template

_FORMATS = ("table", "json", "html")


def assess_partners(
    names: list[str] = typer.Argument(None, help="Partners of the inventory, by name or id; all without."),
    inventory: str | None = typer.Option(None, "--inventory", help="Inventory of targets (YAML)."),
    case: list[str] = typer.Option([], "--case", help="A case that may hold their evidence; repeat for more."),
    check: list[str] = typer.Option([], "--check", help="What `partners check --json` wrote; repeat for more."),
    register: Path | None = typer.Option(None, "--register", help="A register to compare with, and to add to."),
    template: str | None = typer.Option(None, "--template", help="Questions of your own (YAML)."),
    form: str = typer.Option("table", "--format", help="`table`, `json` or `html`.", metavar="FORMAT"),
    out: Path | None = typer.Option(None, "-o", "--out", help="A file to write to; never overwritten."),
    as_json: bool = typer.Option(False, "--json", help="The same as `--format json`."),
) -> None:
    """Score each partner from 0 to 100, with the evidence and the age of every answer.

    What nobody knows scores nothing. Answers come from the inventory, from `--check` and from `--case`.
    """
    form = "json" if as_json else form
    if form not in _FORMATS:
        raise UsageError(f"unknown format `{form}`", hint=f"one of: {', '.join(_FORMATS)}")
    if out is not None and out.exists():
        raise UsageError(f"`{out}` is there already", hint="give another name; nothing is overwritten")
    text = _written(_kept(_asked(names or (), inventory, case, check, template), register), form)
    if out is None:
        output.data(text)
        return
    write_new(out, f"{text}\n", error=VaultError)
    output.note(f"written   {out}")


def _kept(asked: "Asked", path: Path | None) -> "list[Assessment]":
    """Assess, in the light of the register if there is one, and add to it."""
    from evidence_kit.governance.register import opened

    if path is None:
        return asked.assessed({})
    with opened(path) as book:
        made = asked.assessed(book.register.earlier)
        head = book.add(made)
    output.note(f"register  {path}: {output.plural(book.register.size + len(made), 'line')}, the last sha256:{head}")
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """All that an assessment rests on, but for what was before."""

    entries: "tuple[Entry, ...]"
    template: "Template"
    checks: "Sequence[Shown]"
    cases: partnered.Cases

    def assessed(self, earlier: "Mapping[tuple[str, str], tuple[Earlier, ...]]") -> "list[Assessment]":
        """Return one assessment a partner, all of one moment."""
        from evidence_kit.governance.assessment import assess

        at = settings.now()  # to the microsecond: what was checked within this second is not of the future
        return [
            assess(
                entry,
                self.template,
                at=at,
                checks=self.checks,
                dealings=partnered.dealings(self.cases, entry.target),
                earlier=earlier,
            )
            for entry in self.entries
        ]


def _asked(
    names: Sequence[str], inventory: str | None, case: Sequence[str], check: Sequence[str], template: str | None
) -> Asked:
    from evidence_kit.governance.shown import parse_checks
    from evidence_kit.governance.template import parse_template, standard

    return Asked(
        entries=partnered.entries(inventory, names),
        template=parse_template(read_file(template), name=template) if template else standard(),
        checks=[row for name in check for row in parse_checks(read_file(name), name=name)],
        cases=partnered.cases(case),
    )


def _written(made: "Sequence[Assessment]", form: str) -> str:
    if form == "html":
        from evidence_kit.report.assurance.page import page

        return page(made)
    if form == "json":
        said = [{**one.to_json(), "trend": _trend(one)} for one in made]
        return json.dumps(said, indent=2, ensure_ascii=True)
    return "\n".join(line for one in made for line in _lines(one))


def _trend(one: "Assessment") -> list[dict[str, object]]:
    from evidence_kit.model.time import rfc3339

    return [{"at": rfc3339(known.at), "score": known.score} for known in one.earlier]


def _lines(one: "Assessment") -> Iterator[str]:
    change = "" if one.change is None else f" ({one.change:+d} since {one.earlier[-1].at:%Y-%m-%d})"
    yield f"{one.score:3} of 100{change}  {one.entry.target.label}  {one.known} % of the weight has an answer"
    width = max(len(answer.question.id) for answer in one.answers)
    for answer in one.answers:
        said = answer.to_json(one.at)
        age = "" if said["ageDays"] is None else f", {output.plural(said['ageDays'], 'day')} old"
        source = f" [{answer.found.evidence}{age}]" if answer.found.evidence else ""
        points = f"{answer.points:4.1f}/{answer.question.weight:<2}"
        yield f"  {answer.state:7}  {points}  {answer.question.id:{width}}  {answer.found.said}{source}"
