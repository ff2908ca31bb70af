"""The book of actions for whoever runs them: what there is, what to tell each, what each would do, and its code.

It is a book of its own: nothing that only collects reads it, and no plug-in adds to it.
"""

import os
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from importlib import import_module
from typing import cast

from evidence_kit.errors import PluginError, UsageError
from evidence_kit.model.document import did_you_mean
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.unit import Unit
from evidence_kit.preservation.catalogue import ActionSpec, load_actions
from evidence_kit.preservation.mechanism import MARKS, Opener, Preserver

__all__ = ["ActionSpec", "arguments", "build", "choose", "load_actions", "plan_text"]
_HERE = "evidence_kit.preservation"
# Name -> "module:attribute". A table, not imports: to read the book must not load an SDK.
MECHANISMS: Mapping[str, str] = {
    "aws.bucket_versioning": f"{_HERE}.aws.settings:BucketVersioning",
    "aws.cluster_snapshot": f"{_HERE}.aws.databases:ClusterSnapshot",
    "aws.database_snapshot": f"{_HERE}.aws.databases:DatabaseSnapshot",
    "aws.instance_volumes": f"{_HERE}.aws.volumes:InstanceVolumes",
    "aws.legal_hold": f"{_HERE}.aws.objects:LegalHold",
    "aws.log_retention": f"{_HERE}.aws.settings:LogRetention",
    "aws.object_retention": f"{_HERE}.aws.objects:Retention",
    "aws.volume_snapshot": f"{_HERE}.aws.volumes:VolumeSnapshot",
    "azure.container_hold": f"{_HERE}.azure.containers:ContainerHold",
    "azure.container_retention": f"{_HERE}.azure.containers:ContainerRetention",
    "azure.disk_snapshot": f"{_HERE}.azure.disks:DiskSnapshot",
    "azure.table_retention": f"{_HERE}.azure.tables:TableRetention",
    "gcp.bucket_retention": f"{_HERE}.gcp.settings:BucketRetention",
    "gcp.disk_snapshot": f"{_HERE}.gcp.disks:DiskSnapshot",
    "gcp.log_bucket_retention": f"{_HERE}.gcp.settings:LogBucketRetention",
    "gcp.object_hold": f"{_HERE}.gcp.objects:ObjectHold",
}
_OPENERS: Mapping[str, str] = {
    "aws": f"{_HERE}.aws.opening:opener",
    "azure": f"{_HERE}.azure.opening:opener",
    "gcp": f"{_HERE}.gcp.opening:opener",
}


def choose(name: str, known: Mapping[str, ActionSpec]) -> ActionSpec:
    """Return the action of that name; UsageError with the nearest name for one that is not known."""
    if name not in known:
        raise UsageError(f"unknown action `{name}`", hint=did_you_mean(name, known))
    return known[name]


def arguments(
    action: ActionSpec, given: Mapping[str, str | int | Sequence[str]], *, case: str, run: str, step: str
) -> dict[str, str]:
    """Return what an order says to carry out `action`; a list is given of one param at most, and ends in units.

    UsageError for what the action does not know or misses. What a value may look like is judged while planning.
    """
    known = {param.name: param for param in action.source.params}
    names = (*known, "region")
    params = dict(zip(MARKS, (case, run, step), strict=True))
    for name, value in given.items():
        if name not in names:
            raise UsageError(f"{action.name} knows no `{name}`", hint=did_you_mean(name, names))
        if isinstance(value, str | int):
            params[name] = str(value)
        elif name != action.many:
            raise UsageError(f"`{name}` of {action.name} is one value, not a list")
        else:
            params |= {f"{name}.{number}": str(one) for number, one in enumerate(dict.fromkeys(value), start=1)}
    for name, param in known.items():
        if param.required and not (params.get(name) or params.get(f"{name}.1")):
            raise UsageError(f"{action.name} needs `{name}`", hint=param.help)
    return params


def build(
    actions: Mapping[str, ActionSpec],
    shared: MutableMapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
) -> dict[str, Preserver]:
    """Return what carries out each action; `shared` takes the accesses, which are never those of collectors."""
    shared = {} if shared is None else shared
    made: dict[str, Preserver] = {}
    for name, action in actions.items():
        key = f"preserve.{action.source.provider}"
        if key not in shared:
            shared[key] = _load(_OPENERS[action.source.provider])(os.environ if environ is None else environ)  # type: ignore[operator]
        deed = _load(_mechanism(action))
        made[name] = Preserver(action, cast("Opener", shared[key]), deed)  # type: ignore[arg-type]
    return made


def plan_text(action: ActionSpec, units: Iterable[Unit]) -> tuple[str, ...]:
    """Return, for people who approve it, a line a unit, then what the action costs and who can undo it."""
    lines = [_line(unit) for unit in units]
    said = [f"cost: {action.cost}", f"undone by: {action.reversible}"]
    return (*lines, *said, *([f"caution: {action.caution}"] if action.caution else []))


def _line(unit: Unit) -> str:
    place = f"{unit.target.label}{f' {unit.region}' if unit.region else ''}"
    if unit.settled is None:
        return _visible(f"{place}: {unit.settings.get('would', 'not looked at yet')}")
    status, reason = unit.settled
    return _visible(f"{place}: cannot be done ({UnitStatus(status).value}): {reason}")


def _visible(text: str) -> str:
    """Return a line in which nothing hides: a prefix out of evidence may hold what turns a terminal's text around."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _mechanism(action: ActionSpec) -> str:
    where = MECHANISMS.get(action.source.mechanism)
    if where is None:
        hint = did_you_mean(action.source.mechanism, MECHANISMS)
        raise PluginError(f"no mechanism is called `{action.source.mechanism}`", hint=hint)
    return where


def _load(where: str) -> object:
    module, _, attribute = where.partition(":")
    return getattr(import_module(module), attribute)
