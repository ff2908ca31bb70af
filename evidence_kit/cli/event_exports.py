"""`export --to timesketch|csv|ocsf|ecs|parquet`: the records of a case, derived, for other tools."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from evidence_kit.cli import output, settings
from evidence_kit.errors import UsageError

if TYPE_CHECKING:
    from evidence_kit.analysis.timeline.clocks import Clock
    from evidence_kit.analysis.timeline.rows import Evidence

Others = Mapping[str, object]


def make(
    to: str,
    case: Path,
    out: Path,
    *,
    purpose: str,
    medium: str,
    key: str | None,
    as_json: bool,
    limits: str | None,
    others: Others,
) -> None:
    """Make a folder of records with the statement of what they derive from; `others` are options of other exports."""
    from evidence_kit.acquire.case import keeper_of
    from evidence_kit.analysis.timeline.opening import opened
    from evidence_kit.cli.query import derived
    from evidence_kit.report.events.exporting import Order, export_events
    from evidence_kit.vaults.local import LocalVault

    for option, value in others.items():
        if value:  # passed over in silence, it could be a recipient that nothing is encrypted to
            raise UsageError(
                f"`--to {to}` knows no `{option}`", hint="it writes the whole case's records, unencrypted"
            )
    vault = LocalVault(case)
    keeper = keeper_of(vault, settings.key_ring(), settings.setting("key", key))
    tables = derived([case], None)

    def opening(clocks: "Sequence[Clock]") -> "AbstractContextManager[Evidence]":
        return opened(tables, clocks)

    defects = sum(one.defects for one in tables)
    minimise, policy = minimising(limits)
    order = Order(to=to, purpose=purpose, medium=medium, defects=defects, minimise=minimise, policy=policy)
    made = export_events(vault, keeper, opening, out, order, at=settings.now())
    if as_json:
        output.document({"name": str(out), **made.said, "sha256": made.sha256, "event": made.event})
        return
    output.data(f"exported  {out}  {output.plural(made.rows, 'row')} in {output.plural(made.files, 'file')}")
    output.note(f"`derived-from.json` says of what; not encrypted; noted as event {made.event}")
    for name in made.unsealed:
        output.note(f"warning: acquisition {name} is not sealed")
    if defects:
        output.note(f"warning: {output.plural(defects, 'place')} of the evidence could not be read")


def minimising(
    limits: str | None,
) -> "tuple[Callable[[Mapping[str, object]], Mapping[str, object]] | None, Mapping[str, object]]":
    """Return what a policy takes out of working copies, and what the statement says of it."""
    if limits is None:
        return None, {}
    from evidence_kit.analysis.minimise import Minimiser
    from evidence_kit.cli.ordering import read_policy

    policy = read_policy(limits)
    drop, pseudonymise = policy.minimise.drop, policy.minimise.pseudonymise
    if not drop and not pseudonymise:
        return None, {}
    said = {"policy": policy.name, "sha256": policy.digest, "drop": list(drop), "pseudonymise": list(pseudonymise)}
    return Minimiser(drop, pseudonymise, settings.pseudonym_key() if pseudonymise else b"").row, said
