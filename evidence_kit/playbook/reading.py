"""Reads a playbook strictly: the language's table first, then each part as data."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal, cast

from evidence_kit.model.document import Document, parse_document
from evidence_kit.model.grammar import check
from evidence_kit.model.time import parse_period
from evidence_kit.playbook.language import ANY, OUTCOMES, PLAYBOOK
from evidence_kit.playbook.model import ClockUse, ForEach, Input, Need, Playbook, Policy, Step, TargetSet

_COMMON = frozenset(
    {"id", "type", "name", "description", "phase", "needs", "when", "on_error", "timeout", "for_each", "targets"}
)
# One account that refuses must not keep the others' evidence from being taken.
_GO_ON = frozenset({"collect", "notify"})


def parse_playbook(text: bytes, *, name: str) -> Playbook:
    """Read a playbook; UsageError says where it is wrong. Whether it makes sense is for `lint` to say."""
    doc = parse_document(text, name=name)
    check(doc, (), PLAYBOOK)
    return replace(playbook_of(doc), text=text)


def playbook_of(doc: Document) -> Playbook:
    """Return the playbook in a document that the language allows."""
    said: Mapping[str, Any] = doc.data
    meta, defaults = said["metadata"], said.get("defaults", {})
    retry = defaults.get("retry", {})
    return Playbook(
        id=meta["id"],
        version=meta["version"],
        title=meta["title"],
        description=meta["description"],
        inputs={key: _input(key, one) for key, one in said.get("inputs", {}).items()},
        targets={key: _targets(key, one) for key, one in said.get("targets", {}).items()},
        policy=_policy(said["policy"]),
        clocks={key: _clock(key, one) for key, one in said.get("clocks", {}).items()},
        steps=tuple(_step(index, one, defaults) for index, one in enumerate(said["steps"])),
        outputs=said.get("outputs", {}),
        workers=defaults.get("workers"),
        retry=(retry.get("attempts", 1), parse_period(retry.get("backoff", "PT5S"))),
        doc=doc,
    )


def _input(name: str, said: Mapping[str, Any]) -> Input:
    return Input(
        name=name,
        type=said["type"],
        description=said["description"],
        required=said.get("required", False),
        default=said.get("default"),
        pattern=said.get("pattern", ""),
        among=tuple(said.get("among", ())),
    )


def _targets(name: str, said: Mapping[str, Any]) -> TargetSet:
    return TargetSet(
        name=name,
        providers=tuple(said["providers"]),
        where=said.get("where", ""),
        least=said.get("min", 1),
        most=said.get("max", 100),
    )


def _policy(said: Mapping[str, Any]) -> Policy:
    less = said.get("minimise", {})
    return Policy(
        purpose=said["purpose"],
        legal_basis=tuple(said.get("legal_basis", ())),
        personal_data=said.get("personal_data", "possible"),
        allow=frozenset(said.get("allow", ("read",))),
        max_window=_period(less.get("max_window")),
        drop=tuple(less.get("drop", ())),
        pseudonymise=tuple(less.get("pseudonymise", ())),
        retention=_period(said.get("retention")),
    )


def _clock(name: str, said: Mapping[str, Any]) -> ClockUse:
    return ClockUse(name=name, use=said["use"], when=said["when"], start=said["start"], target=said.get("target", ""))


def _step(index: int, said: Mapping[str, Any], defaults: Mapping[str, Any]) -> Step:
    each = said.get("for_each")
    stops: Literal["continue", "stop"] = "continue" if said["type"] in _GO_ON else "stop"
    return Step(
        id=said["id"],
        type=said["type"],
        index=index,
        name=said.get("name", ""),
        description=said.get("description", ""),
        phase=said.get("phase", ""),
        needs=tuple(map(_need, said.get("needs", ()))),
        when=said.get("when", ""),
        on_error=cast("Literal['continue', 'stop']", said.get("on_error", stops)),
        timeout=_period(said.get("timeout", defaults.get("timeout"))),
        for_each=ForEach(items=each["items"], name=each["as"], most=each.get("max", 100)) if each else None,
        targets=said.get("targets", ""),
        fields={key: value for key, value in said.items() if key not in _COMMON},
    )


def _need(said: str | Mapping[str, Any]) -> Need:
    if isinstance(said, str):
        return Need(said)
    if "accept" not in said:
        return Need(said["step"])
    accept = frozenset(said["accept"])
    return Need(said["step"], frozenset(OUTCOMES) if ANY in accept else accept)


def _period(said: str | None) -> timedelta | None:
    return parse_period(said) if said else None
