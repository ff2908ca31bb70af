"""`controls`: what standards and laws ask for, which recorded facts are evidence for it, and packs for auditors."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from evidence_kit.cli import output, settings
from evidence_kit.cli.files import read_file
from evidence_kit.errors import UsageError

if TYPE_CHECKING:
    from evidence_kit.custody.trust import Trust
    from evidence_kit.governance.controls.book import Framework
    from evidence_kit.governance.controls.packing import Pack
    from evidence_kit.governance.controls.recorded import Records
    from evidence_kit.governance.inventory import Entry
    from evidence_kit.vaults.local import LocalVault

app = typer.Typer(no_args_is_help=True, help="Controls of standards and laws, and the evidence for each.")
_LISTED = 20  # rows on the terminal; the pack has all


@app.command("list")
def list_(as_json: bool = typer.Option(False, "--json", help="One JSON document on stdout.")) -> None:
    """List the frameworks."""
    from evidence_kit.governance.controls.book import frameworks

    at = settings.now()
    found = frameworks().values()
    if as_json:
        output.document([one.to_json(at) for one in found])
        return
    for one in found:
        stale = ", not reviewed for half a year" if one.is_stale(at) else ""
        counted = output.plural(len(one.controls), "control")
        output.data(f"{one.name:12}  {one.title}  {counted}, reviewed {one.reviewed} ({one.status}){stale}")


@app.command()
def show(
    framework: str = typer.Argument(..., help="A framework's name, or a YAML file of your own."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document on stdout."),
) -> None:
    """Show the controls of a framework, with the facts that are evidence for each."""
    from evidence_kit.governance.controls.vocabulary import FACTS

    one = _framework(framework)
    if as_json:
        output.document(one.to_json(settings.now()))
        return
    output.data(f"{one.title}, edition {one.edition}; version {one.version}, sha256 {one.digest}")
    output.data(f"{one.source}  reviewed {one.reviewed} ({one.status})")
    for control in one.controls:
        output.data(f"\n{control.id}  {control.says}")
        for evidence in control.evidence:
            output.data(f"    {evidence.said:42}  {FACTS[evidence.fact].help}")
        output.data(f"    {'beyond':42}  {control.beyond}")


@app.command()
def facts(as_json: bool = typer.Option(False, "--json", help="One JSON document on stdout.")) -> None:
    """List what a control may call its evidence, and what each fact does not prove."""
    from evidence_kit.governance.controls.vocabulary import FACTS

    if as_json:
        said = [
            {"name": name, "per": one.per, "help": one.help, "limits": list(one.limits), "doesNotProve": one.unproved}
            for name, one in FACTS.items()
        ]
        output.document(said)
        return
    for name, one in FACTS.items():
        output.data(f"{name:22}  per {one.per}; {one.help}")
        output.data(f"{'':22}  does not prove {one.unproved}")


@app.command()
def pack(
    framework: str = typer.Argument(..., help="A framework's name, or a YAML file of your own."),
    cases: list[Path] = typer.Argument(..., metavar="CASE...", help="The case folders."),
    since: str = typer.Option(..., "--since", help="Start of the period: a time, or an age such as `90d`."),
    until: str | None = typer.Option(None, "--until", help="End of the period, not included; now if not said."),
    out: Path = typer.Option(..., "-o", "--out", help="The folder to make; never overwritten."),
    seed: str | None = typer.Option(None, "--seed", help="What samples are drawn by: let the auditor name it."),
    sample: int | None = typer.Option(
        None, "--sample", min=0, help="At most so many of each population; 25 if not said."
    ),
    inventory: str | None = typer.Option(None, "--inventory", help="Inventory with agreements (YAML)."),
    trust: str | None = typer.Option(None, "--trust", help="Your trust policy: each case is verified against it."),
    connectors: list[str] = typer.Option([], "--connectors", help="A folder of connectors of your own; repeat it."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document on stdout."),
) -> None:
    """Make the evidence pack of a framework: per control and per target, what is missing first.

    Nothing is signed or noted in a custody log: a pack is derived and can be made again.
    """
    import secrets

    from evidence_kit.governance.controls.packing import build
    from evidence_kit.governance.controls.sampling import USUAL
    from evidence_kit.report.exports.pack_folder import write
    from evidence_kit.report.exports.packs import as_json as told

    named = _framework(framework)
    asked = _Asked(cases, since, until, inventory, trust, connectors)
    records = asked.records()
    made = build(
        named, records, seed=secrets.token_hex(16) if seed is None else seed, size=USUAL if sample is None else sample
    )
    head = write(made, out, asked.vaults())
    if as_json:
        output.document({**told(made), "folder": str(out), "manifestSha256": head})
        return
    _tell(made, out, head, seeded=seed is not None)


def _tell(made: "Pack", out: Path, head: str, *, seeded: bool) -> None:
    counts = ", ".join(f"{count:,} {name}" for name, count in made.counts.items())
    output.data(f"pack      {out}  {output.plural(len(made.rows), 'row')}: {counts}")
    wanting = [one for one in made.rows if one.standing.value in {"missing", "against", "partly"}]
    for row in wanting[:_LISTED]:
        about = f", {row.label}" if row.target else ""
        output.data(f"{row.standing.value:8}  {row.control}  {row.fact}{about}: {row.said}")
    if (more := len(wanting) - _LISTED) > 0:
        output.note(f"and {more:,} more in `{out / 'pack.md'}`")
    output.note(f"manifest  sha256 {head}")
    if not seeded:
        output.note(f"seed      {made.seed} (chosen here: an auditor who draws a sample gives `--seed`)")
    if made.framework.status == "unverified" or made.framework.is_stale(made.records.at):
        output.note(
            f"warning: the rules of `{made.framework.name}` are {made.framework.status}; see docs/controls.md"
        )


@app.command()
def affected(
    cases: list[Path] = typer.Argument(..., metavar="CASE...", help="The case folders."),
    old: Path = typer.Option(..., "--old", help="The rules as they were (YAML)."),
    new: str | None = typer.Option(None, "--new", help="The rules as they are: a name or a file; ours if not said."),
    since: str = typer.Option(..., "--since", help="Start of the period: a time, or an age such as `90d`."),
    until: str | None = typer.Option(None, "--until", help="End of the period, not included; now if not said."),
    inventory: str | None = typer.Option(None, "--inventory", help="Inventory with agreements (YAML)."),
    trust: str | None = typer.Option(None, "--trust", help="Your trust policy: each case is verified against it."),
    connectors: list[str] = typer.Option([], "--connectors", help="A folder of connectors of your own; repeat it."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document on stdout."),
) -> None:
    """Say which cases a change of rules affects: where a changed control stands otherwise than before."""
    from evidence_kit.governance.controls.affected import changes, effects

    before = _framework(str(old))
    after = _framework(new or before.name)
    changed = changes(before, after)
    found = effects(before, after, _Asked(cases, since, until, inventory, trust, connectors).records())
    if as_json:
        output.document(
            {
                "framework": after.name,
                "old": before.digest,
                "new": after.digest,
                "changes": [
                    {"name": one.control, "kind": one.kind, "before": list(one.before), "after": list(one.after)}
                    for one in changed
                ],
                "cases": [
                    {
                        "name": one.case,
                        "control": one.control,
                        "before": one.before,
                        "after": one.after,
                        "affected": one.is_affected,
                        "rowsDiffer": one.rows_differ,
                    }
                    for one in found
                ],
            }
        )
        return
    for one in changed:
        output.data(f"{one.kind:8}  {one.control}")
    for effect in found:
        word = "affected" if effect.is_affected else "as before, by other rows" if effect.rows_differ else "as before"
        output.data(f"{word}: case {effect.case}, {effect.control}: {effect.before} -> {effect.after}")
    if not changed:
        output.note("no rule differs")


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the records are read of."""

    cases: Sequence[Path]
    since: str
    until: str | None
    inventory: str | None
    trust: str | None
    connectors: Sequence[str]

    def vaults(self) -> "list[LocalVault]":
        from evidence_kit.vaults.local import LocalVault

        return [LocalVault(path) for path in self.cases]

    def records(self) -> "Records":
        from evidence_kit.model.time import Window, parse_instant
        from evidence_kit.report.exports.case_records import read_records

        at = settings.now()
        end = parse_instant(self.until, now=at) if self.until else at
        found = read_records(
            self.vaults(),
            period=Window(parse_instant(self.since, now=at), end),
            at=at,
            trust=self._policy(),
            entries=self._entries(),
            specs=settings.catalogue(self.connectors),
        )
        ids = [one.id for one in found.cases]
        if twice := next((one for one in ids if ids.count(one) > 1), ""):
            raise UsageError(f"case `{twice}` is given twice", hint="its rows could not be told apart")
        return found

    def _policy(self) -> "Trust | None":
        """Return the caller's trust policy; without one nothing is verified, and the pack says so."""
        if self.trust is None and not settings.trust_path().exists():
            output.note("not verified: there is no trust policy; `--trust FILE` gives one")
            return None
        return settings.trust(self.trust)

    def _entries(self) -> "Sequence[Entry] | None":
        from evidence_kit.governance.inventory import parse_inventory

        named = settings.setting("inventory", self.inventory)
        return parse_inventory(read_file(named), name=named).entries if named is not None else None


def _framework(said: str) -> "Framework":
    from evidence_kit.governance.controls.book import framework, parse_framework

    if said.endswith((".yaml", ".yml")):
        return parse_framework(read_file(said), name=said)
    return framework(said)
