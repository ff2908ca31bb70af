"""Reading saved questions: a header of YAML in comments, then SQL over `evidence` with `$name` parameters."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from importlib.resources import files

from evidence_kit.analysis.moments import nanoseconds
from evidence_kit.errors import UsageError
from evidence_kit.model.document import Document, did_you_mean, parse_document
from evidence_kit.model.time import parse_instant

TYPES = ("text", "time", "integer")
_COMMENT = "--"
_BOUND = re.compile(r"\$([a-z_]+)")
# What every question may build on: each event once, with its document taken out of whatever wraps it.
_PRELUDE = "events.sql"
_FIELDS = ("question", "uses", "parameters", "columns")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A value that a question takes; without a default it has to be given."""

    name: str
    type: str
    help: str
    default: str | None = None

    def read(self, text: str, *, now: datetime | None = None) -> object:
        """Return what is bound: text as it stands, a whole number, or a time as nanoseconds."""
        if self.type == "time":
            return nanoseconds(parse_instant(text, now=now))
        if self.type == "integer":
            try:
                return int(text)
            except ValueError as error:
                raise UsageError(f"`{self.name}` is `{text[:80]}`, not a whole number") from error
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Pivot:
    """One saved question."""

    name: str
    question: str
    parameters: tuple[Parameter, ...]
    columns: Mapping[str, str]
    sql: str = field(repr=False)
    digest: str

    def bind(self, given: Mapping[str, str], *, now: datetime | None = None) -> dict[str, object]:
        """Return the values to bind; UsageError for one that is unknown, missing or of the wrong type."""
        known = {parameter.name: parameter for parameter in self.parameters}
        for name in given:
            if name not in known:
                hint = did_you_mean(name, known) if known else "it takes none"
                raise UsageError(f"`{self.name}` has no parameter `{name[:80]}`", hint=hint)
        bound: dict[str, object] = {}
        for name, parameter in known.items():
            text = given.get(name, parameter.default)
            if text is None:
                raise UsageError(f"`{self.name}` needs `{name}`", hint=f"--param {name}=…: {parameter.help}")
            bound[name] = parameter.read(text, now=now)
        return bound


def pivot(name: str) -> Pivot:
    """Return a saved question by its name."""
    found = load_pivots()
    if name not in found:
        raise UsageError(f"there is no saved question `{name[:80]}`", hint=did_you_mean(name, found))
    return found[name]


@cache
def load_pivots() -> Mapping[str, Pivot]:
    """Return all saved questions, by name."""
    folder = files("evidence_kit.analysis.pivots")
    texts = {item.name: item.read_text("utf-8") for item in folder.iterdir() if item.name.endswith(".sql")}
    prelude = texts.pop(_PRELUDE)
    made = (
        parse_pivot(text, name=name.removesuffix(".sql"), prelude=prelude) for name, text in sorted(texts.items())
    )
    return {one.name: one for one in made}


def parse_pivot(text: str, *, name: str, prelude: str = "") -> Pivot:
    """Read one question; UsageError where its header and its SQL do not agree."""
    header, sql = _split(text)
    doc = parse_document(header.encode(), name=f"{name}.sql")
    doc.allow((), _FIELDS)
    parameters = tuple(_parameters(doc))
    used, declared = set(_BOUND.findall(sql)), {parameter.name for parameter in parameters}
    if used != declared:
        odd = min(used ^ declared)
        raise doc.error(("parameters",), f"`{odd}` is {'not declared' if odd in used else 'never used'}")
    uses = doc.at(("uses",), str, default="")
    if uses not in {"", "events"}:
        raise doc.error(("uses",), f"there is no `{uses}` to build on")
    return Pivot(
        name=name,
        question=doc.at(("question",), str),
        parameters=parameters,
        columns={str(key): str(text) for key, text in doc.at(("columns",), dict).items()},
        sql=f"WITH RECURSIVE {_split(prelude)[1]}{sql}" if uses else sql,
        digest=doc.digest,
    )


def _split(text: str) -> tuple[str, str]:
    """Return the header without its comment signs, line for line, and the SQL."""
    lines = text.splitlines()
    end = next((at for at, line in enumerate(lines) if not line.startswith(_COMMENT)), len(lines))
    header = "\n".join(line.removeprefix(_COMMENT).removeprefix(" ") for line in lines[:end])
    return f"{header}\n", "\n".join(lines[end:]) + "\n"


def _parameters(doc: Document) -> Iterator[Parameter]:
    for name in doc.at(("parameters",), dict, default={}):
        here = ("parameters", str(name))
        doc.allow(here, ("type", "help", "default"))
        kind = doc.at((*here, "type"), str)
        if kind not in TYPES:
            raise doc.error((*here, "type"), f"unknown type `{kind}`", hint=did_you_mean(kind, TYPES))
        has_default = "default" in doc.at(here, dict)
        yield Parameter(
            name=str(name),
            type=kind,
            help=doc.at((*here, "help"), str),
            default=doc.at((*here, "default"), str) if has_default else None,
        )
