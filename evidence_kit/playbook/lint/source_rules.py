"""Rules about collecting: sources, what they take, at whom, over which span of time, and what was agreed."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

from evidence_kit.errors import UsageError
from evidence_kit.governance.inventory import Entry
from evidence_kit.governance.permitted import refusals
from evidence_kit.model.document import Path, did_you_mean
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.time import Window, spelled
from evidence_kit.playbook.choosing import as_target
from evidence_kit.playbook.expressions import ExpressionError, parse
from evidence_kit.playbook.language import VERBS
from evidence_kit.playbook.lint.known import Known
from evidence_kit.playbook.lint.saying import Said
from evidence_kit.playbook.lint.subject import Subject
from evidence_kit.playbook.model import Step, TargetSet
from evidence_kit.playbook.templates import OPEN
from evidence_kit.playbook.values import window_of

_VERB = {"preserve": "preserve", "hold": "hold", "notify": "notify"}
_PARTNER = "partner.rest"  # such a source takes values from the inventory as well
_SOME_TIME = datetime(9000, 1, 1, tzinfo=UTC)


def sources(subject: Subject) -> Iterator[Said]:
    """Yield what is wrong with collections, and what a policy does not allow."""
    for name, one in subject.playbook.targets.items():
        yield from _target_set(subject, name, one)
    for step in subject.of_type("collect", "preserve", "hold"):
        if step.targets and step.targets not in subject.playbook.targets:
            known = subject.playbook.targets
            hint = did_you_mean(step.targets, known) if known else "declare it below `targets`"
            said = f"there is no set of targets `{step.targets}`"
            yield Said((*step.at, "targets"), "unknown-targets", said, hint)
    for step in subject.of_type("collect"):
        yield from _collect(subject, step)
    yield from _policy(subject)


def meant(name: str, known: Known) -> tuple[str, ...]:
    """Return the names of the sources that a name, a group or a pattern stands for."""
    found = known.sources or {}
    if name in found:
        return (name,)
    if name in known.groups:
        return tuple(known.groups[name])
    return tuple(one for one in found if fnmatchcase(one, name)) if set(name) & set("*?[") else ()


def takes(given: object, specs: Sequence[SourceSpec], more: Sequence[str] = ()) -> list[str]:
    """Return the names of parameters that none of some sources takes."""
    known = {param.name for spec in specs for param in spec.params} | {*more}
    return [name for name in given if name not in known] if isinstance(given, dict) else []


def _target_set(subject: Subject, name: str, one: TargetSet) -> Iterator[Said]:
    known = subject.known
    listed = {entry.target.provider for entry in known.entries or ()}
    for index, provider in enumerate(one.providers):
        if not provider or known.providers is None or set(provider) & set("*?["):
            continue
        if provider not in {*known.providers, *listed}:
            hint = did_you_mean(provider, {*known.providers, *listed})
            yield Said(
                ("targets", name, "providers", index), "unknown-provider", f"no source is of `{provider}`", hint
            )
    if known.entries is not None and (found := chosen(one, known.entries)) is not None:
        where = f"of {', '.join(one.providers)} the inventory has {len(found)} that fit"
        if len(found) < one.least:
            yield Said(("targets", name), "target-set", f"`{name}` needs at least {one.least}, and {where}", key=True)
        elif len(found) > one.most:
            said = f"`{name}` takes at most {one.most}, and {where}"
            yield Said(("targets", name), "target-set", said, "narrow `where`, or raise `max`", key=True)


def chosen(one: TargetSet, entries: Sequence[Entry]) -> list[Entry] | None:
    """Return the targets of a set; None where its condition cannot be told."""
    try:
        where = parse(one.where) if one.where.strip() and OPEN not in one.where else None
        return [
            entry
            for entry in entries
            if one.is_of(entry.target.provider) and (where is None or where.holds({"target": as_target(entry)}))
        ]
    except ExpressionError:
        return None


def _collect(subject: Subject, step: Step) -> Iterator[Said]:
    known = subject.known
    if known.sources is None:
        return
    specs: list[SourceSpec] = []
    for index, name in enumerate(step.fields.get("sources", ())):
        if not name:
            continue
        found = meant(name, known)
        if not found:
            hint = did_you_mean(name, {*known.sources, *known.groups})
            yield Said((*step.at, "sources", index), "unknown-source", f"unknown source `{name[:80]}`", hint)
            continue
        listed = [known.sources[one] for one in found]
        specs += listed
        yield from _providers(subject, step, index, name, listed)
    if len(specs) < len(step.fields.get("sources", ())):
        return  # what an unknown one takes, nobody knows
    yield from _params(subject, step, specs)
    if (
        any(spec.windowed for spec in specs)
        and "window" not in step.fields
        and "window" not in subject.playbook.inputs
    ):
        hint = "give the step a `window`, or the playbook an input `window`"
        yield Said((*step.at, "id"), "no-window", f"`{step.id}` asks for a span of time, and there is none", hint)
    yield from _agreements(subject, step, specs)


def _providers(subject: Subject, step: Step, index: int, name: str, specs: Sequence[SourceSpec]) -> Iterator[Said]:
    targets = subject.playbook.targets.get(step.targets)
    if targets is None or not targets.providers:
        return
    wanted = {spec.provider for spec in specs}
    if not any(map(targets.is_of, wanted)):
        said = (
            f"`{name}` is of {', '.join(sorted(wanted))}, and `{step.targets}` holds {', '.join(targets.providers)}"
        )
        yield Said((*step.at, "sources", index), "provider-mismatch", said)


def _params(subject: Subject, step: Step, specs: Sequence[SourceSpec]) -> Iterator[Said]:
    given: Any = step.fields.get("with", {})
    if not isinstance(given, dict):
        yield Said((*step.at, "with"), "type", "`with` is a mapping of parameters")
        return
    known = {param.name for spec in specs for param in spec.params}
    for name in takes(given, specs):
        hint = did_you_mean(name, known) if known else "they take none"
        said = f"none of the sources takes `{name[:80]}`"
        yield Said((*step.at, "with", name), "unknown-param", said, hint, key=True)
    for name, value in given.items():
        if isinstance(value, list | dict):
            said = f"`{name}` is {'a list' if isinstance(value, list) else 'a mapping'}, not a single value"
            yield Said((*step.at, "with", name), "type", said, "`for_each` runs over a list")
    for spec in specs:
        for param in spec.params:
            if (
                param.required
                and not param.default
                and param.name not in given
                and not _listed(subject, spec, param.name)
            ):
                said = f"`{spec.name}` needs `{param.name}`"
                hint = f"`with: {{{param.name}: …}}`: {param.help}"
                yield Said((*step.at, "sources"), "missing-param", said, hint, key=True)


def _listed(subject: Subject, spec: SourceSpec, name: str) -> bool:
    """Say whether targets of the inventory bring a value along, or might."""
    if spec.mechanism != _PARTNER:
        return False
    entries = [one for one in subject.known.entries or () if one.target.provider == spec.provider]
    return subject.known.entries is None or all(f"param.{name}" in one.target.access for one in entries)


def _agreements(subject: Subject, step: Step, specs: Sequence[SourceSpec]) -> Iterator[Said]:
    known = subject.known
    if known.entries is None or known.at is None:
        return
    targets = subject.playbook.targets.get(step.targets)
    entries = chosen(targets, known.entries) if targets else None if step.targets else list(known.entries)
    window = Window(known.at - timedelta(seconds=1), known.at)
    for one in refusals(specs, entries or (), window, at=known.at):
        yield Said((*step.at, "sources"), "agreement", f"{one.text}", "leave it out, or agree on it first", key=True)


def _policy(subject: Subject) -> Iterator[Said]:
    policy, own = subject.playbook.policy, subject.known.policy
    at = ("policy", "allow") if "allow" in subject.data.get("policy", {}) else ("policy",)
    for step in subject.of_type(*_VERB):
        verb = _VERB[step.type]
        if verb not in policy.allow:
            said = f"`{step.id}` would {verb}, and the policy allows {', '.join(sorted(policy.allow)) or 'nothing'}"
            yield Said((*step.at, "type"), "policy", said, f"add `{verb}` to `policy.allow`")
    if own is not None:
        for verb in VERBS:
            if verb in policy.allow and verb not in own.allow:
                yield Said(at, "policy", f"`{own.name}` does not allow anybody to {verb}")
    limits = [(policy.max_window, "the policy")]
    if own is not None:
        limits.append((own.max_window, f"`{own.name}`"))
    for path, window in _windows(subject):
        yield from _long(path, window, limits)


def _windows(subject: Subject) -> Iterator[tuple[Path, object]]:
    """Yield every window that is written out, and where it stands."""
    for step in subject.of_type("collect"):
        yield (*step.at, "window"), step.fields.get("window")
    for name, one in subject.playbook.inputs.items():
        if one.type == "window":
            yield ("inputs", name, "default"), {"last": one.default} if isinstance(one.default, str) else one.default


def _long(path: Path, said: object, limits: Sequence[tuple[timedelta | None, str]]) -> Iterator[Said]:
    """Yield a window that is none, or longer than allowed; what is filled in later is not judged."""
    if not isinstance(said, dict) or not said or any(OPEN in str(value) for value in said.values()):
        return
    try:
        window = window_of(said, _SOME_TIME)
    except UsageError as error:
        if path[0] == "steps":  # of an input, the type of its default says so
            yield Said(path, "type", f"this is no window: {error.message}", error.hint or "")
        return
    except (ValueError, KeyError, OverflowError):
        return
    if "since" in said and "until" not in said:
        return  # how long it is depends on when the run starts
    for limit, whose in limits:
        if limit is not None and window.end - window.start > limit:
            yield Said(
                path, "policy", f"a window of {spelled(window.end - window.start)}; {whose} allows {spelled(limit)}"
            )
            return
