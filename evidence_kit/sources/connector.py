"""Reads a connector: one strict YAML file that makes a partner's API a source. No code, no templates beyond slots."""

from typing import Any, Literal, cast

from evidence_kit.model.document import Document, parse_document
from evidence_kit.model.grammar import check, schema_of
from evidence_kit.model.source import Limit, Param, RecordPath, SourceSpec
from evidence_kit.model.time import parse_period
from evidence_kit.sources.connector_checks import check_meaning
from evidence_kit.sources.connector_grammar import API_VERSION, CONNECTOR

MECHANISM = "partner.rest"
_DEFAULT_RPS = 5.0  # what every provider with a published limit allows at least, but for those that say so
_SCHEMA_ID = f"https://evidence-kit.dev/schemas/{API_VERSION.partition('/')[2]}.json"


def parse_connector(text: bytes, *, name: str) -> SourceSpec:
    """Read one connector; UsageError says where it is wrong."""
    return connector_of(parse_document(text, name=name))


def connector_of(doc: Document) -> SourceSpec:
    """Return the source that a parsed connector describes."""
    check(doc, (), CONNECTOR)
    check_meaning(doc)
    data = cast("dict[str, Any]", doc.data)
    window, rate, records = data.get("window", {}), data.get("rate", {}), data["records"]
    return SourceSpec(
        name=data["name"],
        provider=data["provider"],
        summary=data["summary"],
        mechanism=MECHANISM,
        scope="account",
        windowed="window" in data,
        permissions=tuple(data.get("permissions", ())),
        limit=Limit(rps=float(rate.get("rps", _DEFAULT_RPS)), burst=rate.get("burst", 1), per=("account",)),
        records=RecordPath(
            path=records["path"],
            id=records.get("id", ""),
            time=records.get("time", ""),
            format=cast("Literal['json', 'jsonl', 'csv']", records.get("format", "json")),
        ),
        docs=data["docs"],
        digest=doc.digest,
        volatile=data.get("volatile", 50),
        params=tuple(_param(one) for one in data.get("params", ())),
        settings=data,
        evidence=tuple(data["evidence"]),
        notes=tuple(data.get("notes", ())),
        version=data["version"],
        settle=parse_period(window.get("settle", "PT0S")),
        retention=parse_period(window["retention"]) if "retention" in window else None,
        step=parse_period(window["step"]) if "step" in window else None,
    )


def schema() -> dict[str, object]:
    """Return the JSON Schema of connectors, for editors; the parser checks more."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": _SCHEMA_ID,
        "title": "evidence-kit connector",
        **schema_of(CONNECTOR),
    }


def _param(one: dict[str, Any]) -> Param:
    return Param(
        name=one["name"], help=one["help"], required=one.get("required", False), default=one.get("default", "")
    )
