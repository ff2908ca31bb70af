"""What a run is about: its inputs, each in its type, and its targets, chosen from the inventory."""

import re
from collections.abc import Collection, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import re2

from evidence_kit.errors import UsageError
from evidence_kit.governance.inventory import Entry
from evidence_kit.model.document import did_you_mean
from evidence_kit.model.source import SourceSpec
from evidence_kit.playbook.expressions import parse
from evidence_kit.playbook.model import Input, Playbook, TargetSet
from evidence_kit.playbook.values import typed
from evidence_kit.sources.catalogue import choose

_LIST = re.compile(r"\s*,\s*")


def read_inputs(playbook: Playbook, given: Mapping[str, object]) -> dict[str, Any]:
    """Return every input in its type; UsageError for one that is missing, unknown, or not what it may be.

    A list may be given as a text, with commas between.
    """
    for name in given:
        if name not in playbook.inputs:
            hint = did_you_mean(name, playbook.inputs) if playbook.inputs else "this playbook takes none"
            raise UsageError(f"`{playbook.id}` has no input `{name[:80]}`", hint=hint)
    found: dict[str, Any] = {}
    for name, one in playbook.inputs.items():
        value = given.get(name, one.default)
        if value is None:
            if one.required:
                raise UsageError(f"`{playbook.id}` needs `{name}`", hint=f"`--set {name}=…`: {one.description}")
            found[name] = _nothing(one.type)
            continue
        found[name] = _input(one, value)
    return found


def choose_targets(
    playbook: Playbook, entries: Sequence[Entry], inputs: Mapping[str, object] | None = None
) -> dict[str, tuple[Entry, ...]]:
    """Return the targets of every set; UsageError where there are fewer than it needs.

    Without inputs, a set that depends on them is all that it could be.
    """
    return {name: _chosen(one, entries, inputs) for name, one in playbook.targets.items()}


def choose_sources(
    names: Sequence[str], known: Mapping[str, SourceSpec], providers: Collection[str]
) -> dict[str, SourceSpec]:
    """Return what names, groups and patterns stand for at some providers; UsageError where that is nothing at all.

    Of several patterns, those that fit nobody are left out: which partners there are is not known beforehand.
    """
    fitting = [name for name in names if name in known or _fits(name, known.values(), providers)]
    return choose(fitting or names, dict(known), providers)


def _fits(name: str, specs: Collection[SourceSpec], providers: Collection[str]) -> bool:
    """Say whether a pattern fits somebody; one that fits no source at all is left to be refused."""
    meant = {spec.provider for spec in specs if name in spec.groups or fnmatchcase(spec.name, name)}
    return not meant or not meant.isdisjoint(providers)


def as_target(entry: Entry) -> dict[str, object]:
    """Return what an expression sees as `target`."""
    agreed = entry.agreement
    return {
        "id": entry.target.id,
        "name": entry.target.name,
        "provider": entry.target.provider,
        "regions": list(entry.target.regions),
        "owner": entry.owner,
        "labels": dict(entry.labels),
        "data": list(entry.jurisdiction.data),
        "subjects": list(entry.jurisdiction.subjects),
        "has_agreement": agreed is not None,
        "is_partner": entry.is_partner,
    }


def _chosen(wanted: TargetSet, entries: Sequence[Entry], inputs: Mapping[str, object] | None) -> tuple[Entry, ...]:
    where = parse(wanted.where) if wanted.where else None
    if inputs is None and where is not None and any(one.path[0] == "inputs" for one in where.references()):
        where = None
    names: dict[str, object] = {} if inputs is None else {"inputs": inputs}
    found = [
        entry
        for entry in entries
        if wanted.is_of(entry.target.provider)
        and (where is None or where.holds({**names, "target": as_target(entry)}))
    ]
    if len(found) < wanted.least:
        raise UsageError(
            f"`{wanted.name}` needs at least {wanted.least} of {', '.join(wanted.providers)}, and the inventory has"
            f" {len(found)} that fit",
            hint=f"`where: {wanted.where}`" if wanted.where else "add them to the inventory",
        )
    if len(found) > wanted.most:
        raise UsageError(
            f"{len(found)} targets fit `{wanted.name}`, of at most {wanted.most}",
            hint="narrow `where`, or raise `max`: nobody should be left out unseen",
        )
    return tuple(found)


def _input(one: Input, value: object) -> object:
    if one.type.startswith("list<") and isinstance(value, str):
        value = [part for part in _LIST.split(value.strip()) if part]
    try:
        found = typed(one.type, value)
    except UsageError as error:
        raise UsageError(f"input `{one.name}`: {error.message}", hint=error.hint or one.description) from error
    for text in found if isinstance(found, list) else [found]:
        if one.pattern and re2.fullmatch(one.pattern, str(text)) is None:
            raise UsageError(f"input `{one.name}`: `{str(text)[:80]}` is not of its form", hint=one.description)
        if one.among and text not in one.among:
            raise UsageError(f"input `{one.name}`: `{str(text)[:80]}`", hint=did_you_mean(str(text), one.among))
    return found


def _nothing(kind: str) -> object:
    if kind.startswith("list<"):
        return []
    return {"int": 0, "double": 0.0, "bool": False, "window": {"last": "P1D"}}.get(kind, "")
