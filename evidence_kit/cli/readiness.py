"""`readiness`: which playbooks could run today, at which targets, how far back; and what has changed since."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from evidence_kit.cli import ordering, output, settings
from evidence_kit.cli.files import read_file, write_new
from evidence_kit.cli.playbooks_given import FOLDERS, inventory_of, library
from evidence_kit.errors import Exit, SignatureError, UsageError

if TYPE_CHECKING:
    from evidence_kit.custody.keys import PublicKey
    from evidence_kit.governance.readiness.drift import Change
    from evidence_kit.governance.readiness.observed import Readiness

_SHOWN = 8  # reasons and changes on the terminal; the file has all


def readiness(
    inventory: str | None = ordering.INVENTORY,
    since: str = typer.Option("90d", "--since", help="How far back to ask: RFC 3339, or an age such as `365d`."),
    source: list[str] = typer.Option([], "--source", help="Look at these too: a source, a group, or `aws.*`."),
    playbook: list[str] = typer.Option([], "--playbook", help="Only about this playbook; repeat it for more."),
    folders: list[Path] = FOLDERS,
    connectors: list[str] = ordering.CONNECTORS,
    policy: str | None = ordering.POLICY,
    place: str | None = ordering.PLACE,
    out: Path | None = typer.Option(None, "-o", "--out", help="A new file for the baseline; it is signed beside."),
    key: str | None = typer.Option(None, "--key", help="Which of your keys signs."),
    baseline: Path | None = typer.Option(None, "--baseline", help="What was found before, to hold this against."),
    baseline_signer: str | None = typer.Option(
        None, "--baseline-signer", help="Whose signature it must carry: a public key in PEM; your own key without."
    ),
    as_json: bool = typer.Option(False, "--json", help="One JSON document on stdout."),
) -> None:
    """Say which playbooks could run today, at which targets, and how far back. No evidence is collected.

    Asks every target what is granted, which logs there are and how far they reach, and what it says of its own
    logging. Exits 3 where something is worse than in the baseline; without one, 0.
    """
    _require_free(out)
    before = _read(baseline, baseline_signer, key) if baseline else None
    found = _look(inventory, since, source, playbook, folders, connectors, policy, place)
    changes = _changes(before, found)
    if as_json:
        changed = [one.to_json() for one in changes]
        output.document({**found.to_json(), **({"changes": changed} if before else {})})
    else:
        _show(found)
    if out is not None:
        _write(out, found, key)
    if before is not None and not as_json:
        _tell(changes, before.at)
        if before.inventory != found.inventory:
            output.note("since     the inventory is another than the one that the baseline was made with")
    if any(one.worse for one in changes):
        raise typer.Exit(Exit.INCOMPLETE)


def _look(
    inventory: str | None,
    since: str,
    more: Sequence[str],
    only: Sequence[str],
    folders: Sequence[Path],
    connectors: Sequence[str],
    policy: str | None,
    place: str | None,
) -> "Readiness":
    import hashlib

    from evidence_kit.acquire.environment import TOOL
    from evidence_kit.cli.check import asker
    from evidence_kit.collectors.registry import build
    from evidence_kit.governance.readiness.observed import Readiness
    from evidence_kit.governance.readiness.states import rules
    from evidence_kit.governance.readiness.survey import survey
    from evidence_kit.model.time import rfc3339
    from evidence_kit.playbook.possible import Basis, possible, wanted

    listed, text, _ = inventory_of(inventory)
    limits = settings.setting("policy", policy)
    basis = Basis(
        entries=listed.entries,
        specs=settings.catalogue(connectors),
        standings={},
        at=settings.now().replace(microsecond=0),
        policy=ordering.read_policy(limits) if limits else None,
        place=settings.setting("place", place) or "",
    )
    playbooks = library(folders)
    providers = {target.provider for target in listed.targets}
    logging = {name for name in rules() if basis.specs[name].provider in providers}
    sources = (*sorted(wanted(playbooks, basis, only) | logging), *more)
    if not sources:
        raise UsageError("nothing to look at", hint="name sources with `--source`")
    ordered = ordering.place(
        ordering.Asked(
            sources=sources, since=since, until=None, targets=(), inventory=inventory, regions=(), profile=None,
            params=(), connectors=connectors, policy=policy, place=place,
        )
    )  # fmt: skip
    shared: dict[str, object] = {}
    collectors = build(ordered.specs, shared)
    standings, states = survey(ordered.order, ordered.specs, collectors, asker(shared), ordering.planning())
    known = replace(basis, standings={one.key: one for one in standings})
    window = ordered.order.window
    return Readiness(
        at=rfc3339(window.end),
        tool=TOOL,
        asked=int((window.end - window.start).total_seconds()),
        inventory=hashlib.sha256(text).hexdigest(),
        standings=standings,
        states=states,
        playbooks=tuple(possible(playbooks, known, only)),
    )


# -- the baseline ------------------------------------------------------------------------------------------------


def _require_free(out: Path | None) -> None:
    if out is None:
        return
    from evidence_kit.governance.readiness.baseline import SUFFIX

    for path in (out, _beside(out, SUFFIX)):
        if os.path.lexists(path):
            raise UsageError(f"`{path}` exists", hint="choose another file; nothing is overwritten")


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _write(out: Path, found: "Readiness", key: str | None) -> None:
    from evidence_kit.governance.readiness.baseline import SUFFIX, sign
    from evidence_kit.governance.readiness.observed import written

    text = written(found)
    name, signer = settings.key_ring().open(settings.setting("key", key))
    bundle = sign(text, name=out.name, at=found.at, signer=signer)
    write_new(out, text)
    write_new(_beside(out, SUFFIX), bundle)
    output.note(f"baseline  {out}, signed by {name} (key {signer.keyid[:12]})")


def _read(path: Path, signer: str | None, key: str | None) -> "Readiness":
    from evidence_kit.governance.readiness.baseline import SUFFIX, require_signed
    from evidence_kit.governance.readiness.observed import parse

    text, beside = read_file(path), _beside(path, SUFFIX)
    bundle = read_file(beside) if beside.exists() else None
    require_signed(text, bundle, name=str(path), key=_signer(signer, key))
    return parse(text, name=str(path))


def _signer(said: str | None, key: str | None) -> "PublicKey":
    from evidence_kit.custody.keys import MAX_PEM, PublicKey

    if said is None:
        ring = settings.key_ring()
        name = settings.setting("key", key)
        mine = (name,) if name else ring.names()
        if len(mine) != 1:
            raise UsageError(
                "whose signature does the baseline carry?", hint="`--baseline-signer KEY.pem`, or `--key`"
            )
        return PublicKey.from_pem(ring.public_pem(mine[0]))
    try:
        return PublicKey.from_pem(read_file(said, MAX_PEM))
    except SignatureError as error:
        raise UsageError(f"`{said}`: {error.message}", hint="a public key in PEM") from error


def _changes(before: "Readiness | None", after: "Readiness") -> "tuple[Change, ...]":
    from evidence_kit.governance.readiness.drift import drift

    return drift(before, after) if before else ()


# -- for people --------------------------------------------------------------------------------------------------


def _show(found: "Readiness") -> None:
    from evidence_kit.governance.readiness.drift import days

    for one in sorted(
        found.playbooks, key=lambda one: (one.verdict != "ready", one.verdict != "partly", one.playbook)
    ):
        back = f"  {days(one.reach)} back" if one.reach is not None else ""
        where = f"  at {', '.join(one.targets)}" if one.targets else ""
        output.data(f"{one.verdict:7}  {one.playbook}{where}{back}")
        for reason in one.reasons[:_SHOWN]:
            output.data(f"         {reason}")
        if len(one.reasons) > _SHOWN:
            output.data(f"         and {len(one.reasons) - _SHOWN} more: `--json` has them")
    counts = {name: sum(one.verdict == name for one in found.playbooks) for name in ("ready", "partly", "cannot")}
    output.note("playbooks " + ", ".join(f"{count} {name}" for name, count in counts.items()))
    output.note(f"logging   {output.plural(len(found.states), 'statement')} of providers about their own logging")


def _tell(changes: "Sequence[Change]", at: str) -> None:
    worse = [one for one in changes if one.worse]
    output.note(f"since     {at}: {output.plural(len(changes), 'change')}, {len(worse)} for the worse")
    for one in changes:
        output.data(f"{'WORSE' if one.worse else 'change':7}  {one.kind}  {one.about}: {one.said}")
