"""Reads the catalogue: strict YAML in, `SourceSpec` out. Knows nothing of any mechanism."""

import math
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Literal, cast

from evidence_kit.errors import UsageError
from evidence_kit.model.document import MAX_DOCUMENT, Document, did_you_mean, parse_document
from evidence_kit.model.source import Limit, Param, RecordPath, SourceSpec
from evidence_kit.model.time import parse_period
from evidence_kit.sources.connector import connector_of
from evidence_kit.sources.connector_grammar import KIND as CONNECTOR

API_VERSION = "evidence-kit/source.v1"
_FIELDS = (
    "apiVersion", "kind", "name", "provider", "summary", "mechanism", "scope", "windowed", "permissions", "limit",
    "records", "docs", "volatile", "groups", "params", "settle", "retention", "step", "proofs", "settings",
)  # fmt: skip
_FORMATS = ("json", "json.gz", "csv", "xml", "bytes")


def load_catalogue(extra: Iterable[Path] = ()) -> dict[str, SourceSpec]:
    """Return every shipped source by name, sorted, and those of `extra`: files, or folders of them."""
    specs = dict(_shipped())
    for path in extra:
        for spec in _given(path):
            if spec.name in specs:
                raise UsageError(f"`{path}`: there is a source `{spec.name}` already", hint="give it another name")
            specs[spec.name] = spec
    return dict(sorted(specs.items()))


@cache
def _shipped() -> Mapping[str, SourceSpec]:
    """Return what comes with this program, which reads it once: its own files do not change while it runs."""
    specs: dict[str, SourceSpec] = {}
    root = files("evidence_kit.sources")
    for folder in sorted(root.iterdir(), key=lambda item: item.name):
        if not folder.is_dir():
            continue
        for item in sorted(folder.iterdir(), key=lambda item: item.name):
            if item.name.endswith(".yaml"):
                spec = parse_source(item.read_bytes(), name=f"{folder.name}/{item.name}")
                specs[spec.name] = spec
    return specs


def _given(path: Path) -> Iterator[SourceSpec]:
    """Yield the sources of a file, or of every `*.yaml` in a folder, that the operator brings."""
    try:
        found = sorted(path.glob("*.yaml")) if path.is_dir() else [path]
        if not found:
            raise UsageError(f"`{path}` holds no `*.yaml`", hint="a folder of connectors, or one file")
        for file in found:
            with file.open("rb") as stream:
                text = stream.read(MAX_DOCUMENT + 1)
            yield parse_source(text, name=str(file))
    except OSError as error:
        raise UsageError(f"cannot read the connector `{path}`: {error.strerror}") from error


def choose(
    names: Iterable[str], known: dict[str, SourceSpec], providers: Iterable[str] | None = None
) -> dict[str, SourceSpec]:
    """Return the named sources; UsageError with the nearest name for one that is not known.

    A name may be a group's, or a pattern such as `aws.sagemaker.*`: of these only sources of `providers` are meant.
    """
    asked = None if providers is None else frozenset(providers)
    chosen: dict[str, SourceSpec] = {}
    for name in names:
        if name in known:
            chosen[name] = known[name]
            continue
        meant = {one: spec for one, spec in known.items() if name in spec.groups or fnmatchcase(one, name)}
        found = {one: spec for one, spec in meant.items() if asked is None or spec.provider in asked}
        if not meant:
            groups = {group for spec in known.values() for group in spec.groups}
            raise UsageError(f"unknown source `{name}`", hint=did_you_mean(name, {*known, *groups}))
        if not found:
            raise UsageError(f"no target is of a provider of `{name}`", hint="name targets in an inventory")
        chosen |= found
    return chosen


def parse_source(text: bytes, *, name: str) -> SourceSpec:
    """Read one source description; UsageError says where it is wrong."""
    doc = parse_document(text, name=name)
    if doc.data.get("kind") == CONNECTOR:
        return connector_of(doc)
    doc.allow((), _FIELDS)
    if doc.at(("apiVersion",), str) != API_VERSION or doc.at(("kind",), str) != "Source":
        raise doc.error(("apiVersion",), f"expected `apiVersion: {API_VERSION}` and `kind: Source`")
    scope = doc.at(("scope",), str)
    if scope not in {"account", "region", "organization"}:
        raise doc.error(("scope",), f"unknown scope `{scope}`", hint="`account`, `region` or `organization`")
    retention, step = doc.at(("retention",), str, default=""), doc.at(("step",), str, default="")
    if step and not parse_period(step):
        raise doc.error(("step",), "a step is longer than nothing")
    return SourceSpec(
        name=doc.at(("name",), str),
        provider=doc.at(("provider",), str),
        summary=doc.at(("summary",), str),
        mechanism=doc.at(("mechanism",), str),
        scope=cast("Literal['account', 'region', 'organization']", scope),
        windowed=doc.at(("windowed",), bool),
        permissions=tuple(str(item) for item in doc.at(("permissions",), list)),
        limit=_limit(doc),
        records=_records(doc),
        docs=doc.at(("docs",), str),
        digest=doc.digest,
        volatile=doc.at(("volatile",), int, default=50),
        groups=tuple(str(item) for item in doc.at(("groups",), list, default=[])),
        params=tuple(_param(doc, index) for index in range(len(doc.at(("params",), list, default=[])))),
        settle=parse_period(doc.at(("settle",), str, default="PT0S")),
        retention=parse_period(retention) if retention else None,
        step=parse_period(step) if step else None,
        proofs=tuple(str(item) for item in doc.at(("proofs",), list, default=[])),
        settings=doc.at(("settings",), dict, default={}),
    )


def _limit(doc: Document) -> Limit:
    at = ("limit",)
    doc.allow(at, ("rps", "burst", "per"))
    rps = doc.at((*at, "rps"), object)
    if not isinstance(rps, int | float) or isinstance(rps, bool) or not math.isfinite(rps):
        raise doc.error((*at, "rps"), "requests a second are a number")
    if rps <= 0:
        raise doc.error((*at, "rps"), "a limit is more than nothing")
    burst = doc.at((*at, "burst"), int, default=1)
    if burst < 1:
        raise doc.error((*at, "burst"), "a burst is at least one request")
    per = doc.at((*at, "per"), list, default=["account", "region"])
    return Limit(rps=float(rps), burst=burst, per=tuple(map(str, per)))


def _records(doc: Document) -> RecordPath:
    at = ("records",)
    doc.allow(at, ("path", "id", "time", "format"))
    kind = doc.at((*at, "format"), str, default="json")
    if kind not in _FORMATS:
        raise doc.error((*at, "format"), f"unknown format `{kind}`", hint=did_you_mean(kind, _FORMATS))
    return RecordPath(
        path=doc.at((*at, "path"), str, default=""),
        id=doc.at((*at, "id"), str, default=""),
        time=doc.at((*at, "time"), str, default=""),
        format=cast("Literal['json', 'json.gz', 'csv', 'xml', 'bytes']", kind),
    )


def _param(doc: Document, index: int) -> Param:
    at = ("params", index)
    doc.allow(at, ("name", "help", "required", "default", "price", "permissions"))
    return Param(
        name=doc.at((*at, "name"), str),
        help=doc.at((*at, "help"), str),
        required=doc.at((*at, "required"), bool, default=False),
        default=doc.at((*at, "default"), str, default=""),
        price=doc.at((*at, "price"), str, default=""),
        permissions=tuple(str(item) for item in doc.at((*at, "permissions"), list, default=[])),
    )
