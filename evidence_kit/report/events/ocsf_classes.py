"""The classes of OCSF that records are mapped to, and `ocsf.yaml`, which says when."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache, lru_cache
from importlib.resources import files

from evidence_kit.analysis.timeline.rows import Event
from evidence_kit.model.document import Document, did_you_mean, parse_document

BASE = "base_event"
_REMEMBERED = 4_096  # a million records name a few hundred actions


@dataclass(frozen=True, slots=True, kw_only=True)
class Class:
    """A class of OCSF; `leaves` are the columns that it has no attribute for."""

    uid: int
    caption: str
    category: int
    category_name: str
    leaves: tuple[str, ...] = ()


CLASSES: Mapping[str, Class] = {
    BASE: Class(
        uid=0,
        caption="Base Event",
        category=0,
        category_name="Uncategorized",
        leaves=("region", "action", "actor", "credential", "src_ip", "user_agent", "resource", "outcome"),
    ),
    "api_activity": Class(
        uid=6003, caption="API Activity", category=6, category_name="Application Activity", leaves=("outcome",)
    ),
    "authentication": Class(
        uid=3002,
        caption="Authentication",
        category=3,
        category_name="Identity & Access Management",
        leaves=("action", "resource", "outcome"),
    ),
    "detection_finding": Class(
        uid=2004,
        caption="Detection Finding",
        category=2,
        category_name="Findings",
        leaves=("actor", "credential", "src_ip", "user_agent", "outcome"),
    ),
    "network_activity": Class(
        uid=4001,
        caption="Network Activity",
        category=4,
        category_name="Network Activity",
        leaves=("action", "actor", "credential", "user_agent", "outcome"),
    ),
    "http_activity": Class(
        uid=4002,
        caption="HTTP Activity",
        category=4,
        category_name="Network Activity",
        leaves=("actor", "credential", "outcome"),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """When a record is of a class."""

    named: str
    sources: tuple[str, ...]
    actions: re.Pattern[str]
    needs: tuple[str, ...]

    def fits(self, source: str, action: str) -> bool:
        """Say whether a record is of the class, as far as its source and its action say."""
        return any(fnmatchcase(source, pattern) for pattern in self.sources) and bool(self.actions.search(action))


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """What `ocsf.yaml` says."""

    version: str
    rules: tuple[Rule, ...]
    activities: Mapping[str, re.Pattern[str]] = field(repr=False)
    clouds: Mapping[str, str]

    def rule_of(self, source: str, action: str) -> Rule | None:
        """Return the first rule that fits."""
        return next((rule for rule in self.rules if rule.fits(source, action)), None)

    def activity_of(self, action: str) -> str:
        """Return what an action does, empty where its name does not say."""
        return next((name for name, pattern in self.activities.items() if pattern.search(action)), "")


def class_of(event: Event) -> str:
    """Return the class of the first rule that fits; a Base Event where a required column is empty."""
    rule = _rule_of(event.text("source"), event.text("action"))
    return rule.named if rule and all(event.text(column) for column in rule.needs) else BASE


@lru_cache(_REMEMBERED)
def activity_of(action: str) -> str:
    """Return what an action does, by the shipped mapping."""
    return mapping().activity_of(action)


@lru_cache(_REMEMBERED)
def _rule_of(source: str, action: str) -> Rule | None:
    return mapping().rule_of(source, action)


@cache
def mapping() -> Mapped:
    """Return the shipped mapping."""
    return parse_mapping((files("evidence_kit.report.events") / "ocsf.yaml").read_bytes())


def parse_mapping(text: bytes) -> Mapped:
    """Read a mapping; UsageError says where it is wrong."""
    doc = parse_document(text, name="ocsf.yaml")
    doc.allow((), ("apiVersion", "kind", "version", "classes", "activities", "clouds"))
    return Mapped(
        version=doc.at(("version",), str),
        rules=tuple(_rules(doc)),
        activities={str(name): _pattern(doc, ("activities", str(name))) for name in doc.at(("activities",), dict)},
        clouds={str(name): str(text) for name, text in doc.at(("clouds",), dict).items()},
    )


def _rules(doc: Document) -> Iterator[Rule]:
    for at, _ in enumerate(doc.at(("classes",), list)):
        here = ("classes", at)
        doc.allow(here, ("class", "sources", "actions", "needs"))
        named = doc.at((*here, "class"), str)
        if named not in CLASSES:
            raise doc.error((*here, "class"), f"unknown class `{named}`", hint=did_you_mean(named, CLASSES))
        yield Rule(
            named=named,
            sources=tuple(map(str, doc.at((*here, "sources"), list))),
            actions=_pattern(doc, (*here, "actions")),
            needs=tuple(map(str, doc.at((*here, "needs"), list))),
        )


def _pattern(doc: Document, path: tuple[str | int, ...]) -> re.Pattern[str]:
    try:
        return re.compile(doc.at(path, str), re.IGNORECASE)
    except re.error as error:
        raise doc.error(path, f"not a pattern: {error}") from error
