"""`export --to case-uco|stix|misp`: one document about a case in an exchange format, derived."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evidence_kit.cli import output, settings
from evidence_kit.errors import UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from evidence_kit.analysis.pivots.loading import Pivot
    from evidence_kit.analysis.tables.derive import Tables
    from evidence_kit.report.exports.exporting import Exported, Making
    from evidence_kit.report.exports.indicators import Wanted
    from evidence_kit.report.exports.sightings import Minimise
    from evidence_kit.vaults.local import LocalVault

NAMES = ("case-uco", "stix", "misp")
INDICATORS = ("stix", "misp")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What only these exports know."""

    indicators: Sequence[str] = ()
    saved: str | None = None
    params: Sequence[str] = ()
    tlp: str | None = None
    most: int | None = None
    seal: str | None = None

    def given(self) -> dict[str, object]:
        """Return each option with its value, for exports that know none of them."""
        return {
            "--indicator": self.indicators,
            "--saved": self.saved,
            "--param": self.params,
            "--tlp": self.tlp,
            "--most": self.most,
            "--seal": self.seal,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was asked for; `others` are options of other exports."""

    case: Path
    out: Path
    purpose: str
    medium: str
    key: str | None
    as_json: bool
    policy: str | None
    artifacts: Sequence[str]
    options: Options
    others: Mapping[str, object]


def make(to: str, asked: Asked) -> None:
    """Make a folder of the document and the statement of what it derives from."""
    from evidence_kit.acquire.case import keeper_of
    from evidence_kit.report.exports.exporting import Order, export_document
    from evidence_kit.vaults.local import LocalVault

    _require_known(to, asked)
    vault = LocalVault(asked.case)
    keeper = keeper_of(vault, settings.key_ring(), settings.setting("key", asked.key))
    at = settings.now()
    making, defects = _indicators(to, asked, vault, at) if to in INDICATORS else (_graph(vault, asked), 0)
    order = Order(to=to, purpose=asked.purpose, medium=asked.medium, keep=asked.options.seal or "", defects=defects)
    _tell(asked, export_document(vault, keeper, making, asked.out, order, at=at))


def _require_known(to: str, asked: Asked) -> None:
    own = asked.options.given()
    foreign = ("--most",) if to in INDICATORS else ("--indicator", "--saved", "--param", "--tlp")
    said = {**asked.others, **{name: own[name] for name in foreign}}
    if to in INDICATORS:
        said["--artifact"] = asked.artifacts
    for option, value in said.items():
        if value:  # passed over in silence, it could be a recipient that nothing is encrypted to
            raise UsageError(f"`--to {to}` knows no `{option}`", hint="it writes one document, unencrypted")


def _graph(vault: "LocalVault", asked: Asked) -> "Making":
    from evidence_kit.report.exports import case_uco

    most = case_uco.USUAL if asked.options.most is None else asked.options.most
    if not 0 < most <= case_uco.MOST:
        hint = "the manifest of each acquisition lists the rest"
        raise UsageError(f"`--most` is 1 to {case_uco.MOST:,}", hint=hint)
    bound = case_uco.Bound(most=most, chosen=tuple(asked.artifacts))
    return lambda origin: case_uco.document(vault, origin, bound)


def _indicators(to: str, asked: Asked, vault: "LocalVault", at: "datetime") -> "tuple[Making, int]":
    """Look for what was asked for; return what makes the document of it, and how much could not be read."""
    from evidence_kit.acquire.case import read_description
    from evidence_kit.analysis.timeline.clocks import read_clocks
    from evidence_kit.analysis.timeline.opening import opened
    from evidence_kit.cli.query import derived
    from evidence_kit.model.document import did_you_mean
    from evidence_kit.report.exports import marking, misp, stix
    from evidence_kit.report.exports.sightings import look

    tlp = asked.options.tlp or marking.DEFAULT
    if tlp not in marking.LEVELS:
        raise UsageError(f"unknown marking `{tlp}`", hint=did_you_mean(tlp, marking.LEVELS))
    minimise, policy = _minimising(asked.policy)
    tables = derived([asked.case], None)
    wanted, question = _wanted(asked.options, tables)
    clocks = read_clocks(vault, str(read_description(vault).get("id", "")))
    with opened(tables, clocks) as evidence:
        found = look(evidence, wanted.indicators, minimise)
    said = {"tlp": tlp, **question, **({"minimised": policy} if policy else {})}
    if wanted.left_out:
        said["answersLeftOut"] = dict(wanted.left_out)
    document = stix.document if to == "stix" else misp.document
    return lambda origin: document(origin, found, tlp, said, at), sum(one.defects for one in tables)


def _wanted(options: Options, tables: "Sequence[Tables]") -> "tuple[Wanted, dict[str, object]]":
    """Return what to look for: what the operator names, and what a saved question returns."""
    from evidence_kit.analysis.pivots.loading import pivot
    from evidence_kit.analysis.tables.asking import Limits, Question, ask
    from evidence_kit.report.exports.indicators import KINDS, parse_indicator, wanted

    named = [parse_indicator(text) for text in options.indicators]
    said: dict[str, object] = {"indicators": [{"kind": one.kind, "value": one.said} for one in named]}
    if options.saved is None:
        if options.params:
            raise UsageError("`--param` belongs to `--saved`", hint="`evidence-kit query --list` shows the questions")
        return wanted(named, (), ()), said
    one = pivot(options.saved)
    if not set(one.columns) & set(KINDS.values()):
        raise UsageError(f"`{one.name}` returns no indicators", hint=f"they stand in {', '.join(KINDS.values())}")
    params = _params(options.params)
    question = Question(one.sql, one.bind(params, now=settings.now()))
    with ask(tables, question, Limits()) as (schema, batches):
        rows = (row for batch in batches for row in zip(*batch.to_pydict().values(), strict=True))
        found = wanted(named, tuple(schema.names), rows)
    return found, {**said, "question": {"saved": one.name, "sha256": one.digest, "params": _telling(one, params)}}


def _params(said: Sequence[str]) -> dict[str, str]:
    found = [one.partition("=") for one in said]
    for name, equals, _ in found:
        if not equals or not name.isidentifier():
            raise UsageError("`--param` is `name=value`", hint="`evidence-kit query --list` names the parameters")
    return {name: value for name, _, value in found}


def _telling(one: "Pivot", params: Mapping[str, str]) -> dict[str, str]:
    """Return what was asked with: a text may be the id of a key, which leaves the house by its fingerprint only."""
    from evidence_kit.report.exports.indicators import fingerprint

    texts = {parameter.name for parameter in one.parameters if parameter.type == "text"}
    return {name: fingerprint(value) if name in texts else value for name, value in params.items()}


def _minimising(limits: str | None) -> "tuple[Minimise | None, dict[str, object]]":
    """Return what a policy takes out of working copies, and which policy that is."""
    from evidence_kit.cli.event_exports import minimising

    minimise, said = minimising(limits)
    return minimise, {name: said[name] for name in ("policy", "sha256") if name in said}


def _tell(asked: Asked, made: "Exported") -> None:
    import json

    if asked.as_json:
        kept = {"kept": made.kept.path} if made.kept else {}
        output.document({"name": str(asked.out), **made.said, "sha256": made.sha256, "event": made.event, **kept})
        return
    holds = made.said["holds"]
    counts = ", ".join(f"{count:,} {name}" for name, count in holds.items()) if isinstance(holds, Mapping) else ""
    output.data(f"exported  {asked.out}  {counts}")
    output.note(f"`derived-from.json` says of what; not encrypted; noted as event {made.event}")
    if made.kept:
        output.note(f"kept in the case as `{made.kept.path}`, on record as event {made.kept.event}")
    left = made.said["leftOut"]
    for name, value in left.items() if isinstance(left, Mapping) else ():
        output.note(f"left out  {name}: {json.dumps(value, ensure_ascii=True)}")
    for name in made.unsealed:
        output.note(f"warning: acquisition {name} is not sealed")
    if defects := made.said["unreadable"]:
        output.note(f"warning: {defects} places of the evidence could not be read")
