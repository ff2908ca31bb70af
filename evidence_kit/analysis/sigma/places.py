"""Which sources a rule's `logsource` means, and where in their records the fields are that rules name."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from evidence_kit.analysis.sigma.words import UnfitError
from evidence_kit.model.document import Document, parse_document

_KEYS = ("product", "service", "category")
_COLUMN = "column."  # a promoted column instead of a path: for records that are lines of text
_COLUMNS = frozenset(
    {
        *("time", "action", "actor", "credential", "src_ip", "user_agent", "resource", "outcome"),
        *("provider", "target", "region", "source"),
    }
)
# What stands between dots. A quotation mark would leave the path, a star would mean every key.
_STEP = re.compile(r"[A-Za-z0-9_@$#:/ -]{1,128}(?:\[\*\])?")
_MAX_STEPS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One kind of log: the sources that hold it, and how rules call its fields."""

    asks: Mapping[str, str]  # product, service, category
    sources: tuple[str, ...]
    inside: Mapping[str, str]  # by source, the field that holds the record as text
    fields: Mapping[str, tuple[str, ...]]
    prefixes: Mapping[str, str]

    def fits(self, logsource: Mapping[str, str]) -> bool:
        """Say whether a rule for `logsource` is about this."""
        return all(self.asks.get(key) == said for key, said in logsource.items())

    def paths(self, field: str) -> tuple[str, ...]:
        """Return where the records hold what a rule calls `field`; any of them may."""
        known = self.fields.get(field)
        if known:
            return known
        for prefix, instead in self.prefixes.items():
            if field.startswith(prefix):
                return (instead + field.removeprefix(prefix),)
        return (field,)


def column_of(path: str) -> str:
    """Return the promoted column that a path names; empty if it is one within the record."""
    name = path.removeprefix(_COLUMN)
    return name if path.startswith(_COLUMN) and name in _COLUMNS else ""


def steps_of(path: str) -> tuple[str, ...]:
    """Return the steps of a dotted path; UnfitError for one that no path can say."""
    steps = tuple(path.split("."))
    if len(steps) > _MAX_STEPS or not all(_STEP.fullmatch(step) for step in steps):
        raise UnfitError(f"`{path[:80]}` cannot be the name of a field here")
    return steps


def places_for(logsource: Mapping[str, object]) -> tuple[Place, ...]:
    """Return the kinds of log that a rule is about; UnfitError if we collect none such."""
    asked = {key: str(logsource[key]) for key in _KEYS if logsource.get(key)}
    found = tuple(place for place in places() if asked.get("product") and place.fits(asked))
    if not found:
        said = ", ".join(f"{key} `{value[:40]}`" for key, value in asked.items()) or "an empty logsource"
        raise UnfitError(f"no source answers to {said}")
    return found


@cache
def places() -> tuple[Place, ...]:
    """Return all of them, as the table beside this module says."""
    text = (files("evidence_kit.analysis.sigma") / "fields.yaml").read_bytes()
    doc = parse_document(text, name="fields.yaml")
    return tuple(_place(doc, index) for index in range(len(doc.at(("logs",), list))))


def _place(doc: Document, index: int) -> Place:
    at = ("logs", index)
    doc.allow(at, ("for", "sources", "inside", "fields", "prefixes"))
    fields = doc.at((*at, "fields"), dict, default={})
    return Place(
        asks={str(key): str(said) for key, said in doc.at((*at, "for"), dict).items()},
        sources=tuple(doc.at((*at, "sources"), list)),
        inside=doc.at((*at, "inside"), dict, default={}),
        fields={name: tuple(said) if isinstance(said, list) else (str(said),) for name, said in fields.items()},
        prefixes=doc.at((*at, "prefixes"), dict, default={}),
    )
