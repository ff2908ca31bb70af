"""The page of one playbook, made of its file, the catalogues of sources and actions, and the clocks."""

import json
from datetime import timedelta

from evidence_kit.governance.clocks.sets import standard
from evidence_kit.governance.permissions import wanted
from evidence_kit.model.time import spelled
from evidence_kit.playbook import picture
from evidence_kit.playbook.choosing import choose_sources
from evidence_kit.playbook.graph import waves
from evidence_kit.playbook.library import Library, shipped_folder
from evidence_kit.preservation.catalogue import load_actions
from evidence_kit.sources.catalogue import load_catalogue

_PROVIDERS = {"aws": "AWS", "gcp": "Google Cloud", "azure": "Microsoft"}
_SOURCES, _ACTIONS, _CLOCKS = load_catalogue(), load_actions(), standard().clocks


def page(playbook):
    """Return the page of a playbook."""
    parts = [
        f"<!-- made of playbooks/{file_of(playbook)} by tests/support/playbook_docs.py -->",
        f"# {playbook.title}",
        f"`{playbook.id}` {playbook.version}{_reviewed(playbook)}",
        playbook.description.strip(),
        *_when(playbook),
        *_inputs(playbook),
        *_targets(playbook),
        *_people(playbook),
        *_steps(playbook),
        *_sources(playbook),
        *_changes(playbook),
        *_clocks(playbook),
        *_gaps(playbook),
        *_run(playbook),
    ]
    return "\n\n".join(parts) + "\n"


def file_of(playbook):
    """Return the path of its file below the folder of playbooks."""
    return Library().files[playbook.id].relative_to(shipped_folder())


def table(titles, rows):
    """Return a table; what a cell holds cannot end it."""
    lines = [f"| {' | '.join(titles)} |", f"|{'---|' * len(titles)}"]
    return "\n".join([*lines, *(f"| {' | '.join(cell(one) for one in row)} |" for row in rows)])


def cell(text):
    """Return a text as a cell holds it."""
    return " ".join(str(text).split()).replace("|", "\\|")


def code(text):
    """Return a text as code."""
    flat = " ".join(str(text).split())
    return f"`{flat}`" if "`" not in flat else f"`` {flat} ``"


def providers(playbook):
    """Return the providers that its targets are at."""
    return dict.fromkeys(one for targets in playbook.targets.values() for one in targets.providers)


def role(step):
    """Return who is asked."""
    return step.fields.get("role") or ("an approver" if step.type == "approve" else "whoever is there")


def named(provider):
    """Return a provider as people call it."""
    return "partners" if provider == "*" else _PROVIDERS.get(provider, provider)


def _reviewed(playbook):
    meta = playbook.doc.data["metadata"]
    said = [f"reviewed {meta['reviewed']}"] if "reviewed" in meta else []
    said += [f"TLP:{meta['tlp']}"] if "tlp" in meta else []
    said += [f"{name} {', '.join(ids)}" for name, ids in meta.get("frameworks", {}).items()]
    return "".join(f" · {one}" for one in said)


def _when(playbook):
    triggers = playbook.doc.data.get("triggers", [])
    yield "## When"
    if triggers:
        lines = [f"- an event of `{one['source']}`{_match(one)}" for one in triggers]
        yield "\n".join(
            ["An event may call for it; `playbook run --event FILE` takes the inputs from it:", "", *lines]
        )
    else:
        yield "Whenever somebody says that this has happened; no event calls for it by itself."
    may = ", ".join(map(code, sorted(playbook.policy.allow)))
    yield f"It is for: {playbook.policy.purpose.rstrip('.')}. Its steps may {may}."
    if found := playbook.doc.data["metadata"].get("references"):
        yield "\n".join(f"- <{one}>" for one in found)


def _match(trigger):
    return f" where {code(trigger['match'])}" if "match" in trigger else ""


def _inputs(playbook):
    yield "## What it has to be told"
    if not playbook.inputs:
        yield "Nothing."
        return
    rows = ((code(one.name), code(one.type), _needed(one), one.description) for one in playbook.inputs.values())
    yield table(("input", "type", "needed", "what to give"), rows)


def _needed(one):
    if one.required:
        return "yes"
    return "no" if one.default is None else f"no; {code(json.dumps(one.default, ensure_ascii=False))}"


def _targets(playbook):
    if not playbook.targets:
        return
    yield "## Where it looks"
    rows = (
        (
            code(one.name),
            ", ".join(named(provider) for provider in one.providers),
            code(one.where) if one.where else "all of them",
            f"{one.least} to {one.most}",
        )
        for one in playbook.targets.values()
    )
    yield table(("targets", "at", "of the inventory", "how many"), rows)


def _people(playbook):
    asked = [step for step in playbook.steps if picture.waits(step)]
    yield "## Whom it asks"
    if not asked:
        yield "Nobody."
        return
    yield table(("step", "who", "what is asked", "time", "if nobody answers"), map(_question, asked))


def _question(step):
    said = step.fields
    asked = said.get("question") or said.get("prompt") or said.get("instructions")
    options = "; ".join(f"{code(one['value'])} {one.get('label', '')}".strip() for one in said.get("options", ()))
    given = ", ".join(code(name) for name in said.get("fields", {}))
    parts = [asked, *([options] if options else []), *([f"and {given}"] if given else [])]
    covers = [f"covers {', '.join(map(code, said['covers']))}"] if "covers" in said else []
    later = f"{code(said['default_on_timeout'])} stands" if "default_on_timeout" in said else "not approved"
    late = (later if step.type != "manual" else "it is not done") if step.timeout else "the run waits"
    return code(step.id), role(step), " — ".join([*parts, *covers]), _lasting(step.timeout), late


def _lasting(time):
    return "" if time is None else spelled(time) if time >= timedelta(hours=1) else f"{time.seconds // 60} minutes"


def _steps(playbook):
    yield "## Steps"
    yield f"![The steps of {playbook.id} and what they need; the table says the same]({playbook.id}.svg)"
    rows = (
        (number, code(step.id), step.type, _what(step), picture.needs(step), code(step.when) if step.when else "")
        for number, wave in enumerate(waves(playbook.steps), start=1)
        for step in wave
    )
    yield table(("wave", "step", "type", "what", "needs", "only if"), rows)
    yield (
        "Steps of one wave may run side by side. A step runs after `success` or `partial` of what it needs, or after"
        " the outcomes in brackets."
    )


def _what(step):
    other = step.fields.get("playbook", "")
    plain = other.partition("@")[0]
    called = f" ([{other}]({plain}.md))" if plain in Library().files else f" ({code(other)})" if other else ""
    named = step.name or (code(step.fields["action"]) if "action" in step.fields else "")
    return f"{named}{called}{'; **changes a target**' if picture.changes(step) else ''}".lstrip("; ")


def taken(playbook):
    """Return the sources of each collection, by step."""
    found = {}
    for step in playbook.steps:
        if step.type == "collect":
            targets = playbook.targets.get(step.targets)
            known = {one.provider for one in _SOURCES.values()}
            at = {one for one in known if targets is None or targets.is_of(one)}
            found[step.id] = choose_sources(step.fields["sources"], _SOURCES, at)
    return found


def _sources(playbook):
    steps = taken(playbook)
    specs = {name: spec for found in steps.values() for name, spec in found.items()}
    if not specs:
        return
    yield "## What it takes"
    rows = (
        (
            code(name),
            ", ".join(code(step) for step, found in steps.items() if name in found),
            spec.summary,
            spelled(spec.retention) if spec.retention else "as set up",
        )
        for name, spec in sorted(specs.items())
    )
    yield table(("source", "for", "what it brings", "kept by the provider"), rows)
    yield "## Permissions to read"
    rows = ((named(name), ", ".join(map(code, found))) for name, found in wanted(specs.values()).items() if found)
    yield table(("provider", "permissions"), rows)
    yield f"`evidence-kit sources permissions --playbook {playbook.id}` prints them as policies and roles."


def _changes(playbook):
    changing = [step for step in playbook.steps if picture.changes(step)]
    if not changing:
        return
    yield "## What it may change, once approved"
    rows = []
    for step in changing:
        action = _ACTIONS[step.fields["action"]]
        rows.append(
            (code(step.id), code(action.name), action.source.summary, ", ".join(map(code, action.source.permissions)),
             action.reversible, action.cost)
        )  # fmt: skip
    yield table(
        ("step", "action", "what it does", "permissions, of credentials of their own", "undone by", "cost"), rows
    )


def _clocks(playbook):
    yield "## Clocks that may start"
    if not playbook.clocks:
        yield "None."
        return
    yield table(
        ("clock", "duty", "length", "authority", "starts if", "from", "its words"),
        map(_clock, playbook.clocks.values()),
    )
    yield "Started only by a time that a person recorded. Not legal advice; see [clocks.md](../clocks.md)."


def _clock(use):
    known = _CLOCKS.get(use.use)
    if known is None:
        told = ("what the agreement says", "", "the partner's or ours, by the agreement")
        return code(use.use), *told, code(use.when), code(use.start), "the agreement in the inventory"
    words = {"read": "read"}.get(known.status, f"**{known.status}**")
    told = (known.title, known.within.said, known.authority)
    return code(use.use), *told, code(use.when), code(use.start), f"{words}, reviewed {known.reviewed}"


def _gaps(playbook):
    yield "## Gaps to expect"
    specs = {name: spec for found in taken(playbook).values() for name, spec in found.items()}
    lines = [f"- `{name}`: {' '.join(note.split())}" for name, spec in sorted(specs.items()) for note in spec.notes]
    lines += [f"- {one}" for step in playbook.steps for one in _caps(step)]
    lines += [
        f"- `{step.id}` is skipped unless {code(step.when)}; whatever needs it then sees nothing of it."
        for step in playbook.steps
        if step.when
    ]
    yield "\n".join(lines) if lines else "None that can be told beforehand."
    yield "Whatever is refused, missing, expired or cut off in a run is on record as a gap with its reason."


def _caps(step):
    if step.for_each is not None:
        yield f"`{step.id}` runs over at most {step.for_each.most:,} items; more are left out, and counted."
    for name, one in step.fields.get("outputs", {}).items():
        if "max" in one:
            yield f"`{step.id}` hands on at most {one['max']:,} {code(name)}; more are left out, and counted."


def _run(playbook):
    yield "## Run it"
    needed = "".join(f" \\\n    --set {one.name}=…" for one in playbook.inputs.values() if one.required)
    commands = [
        f"evidence-kit playbook plan {playbook.id} --inventory inventory.yaml{needed}",
        f"evidence-kit playbook run {playbook.id} --case CASE --inventory inventory.yaml --trust trust.yaml{needed}",
    ]
    yield "```sh\n" + "\n".join(commands) + "\n```"
    yield "`plan` asks nobody anything: it says what a run would take. [playbooks.md](../playbooks.md) has the rest."
