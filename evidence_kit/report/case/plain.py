"""The report of a case as JSON, for programs; the artifacts come last, one a line, and are never held."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from enum import Enum

from evidence_kit.errors import Exit
from evidence_kit.model.time import Window, rfc3339
from evidence_kit.report.case.holding import Pointer
from evidence_kit.report.case.model import CaseReport

API_VERSION = "evidence-kit/case-report.v1"
_LATER = frozenset({"artifacts", "verdict"})


def pieces(report: CaseReport) -> Iterator[str]:
    """Yield the document bit by bit."""
    head = {
        "apiVersion": API_VERSION,
        "verdict": _verdict(report),
        **{_camel(one.name): _plain(getattr(report, one.name)) for one in fields(report) if one.name not in _LATER},
    }
    yield json.dumps(head, indent=2, ensure_ascii=True)[:-2] + ',\n  "artifacts": ['
    separator = "\n    "
    for artifact in report.artifacts:
        yield separator + json.dumps(_plain(artifact), ensure_ascii=True)
        separator = ",\n    "
    yield "\n  ]\n}\n"


def _verdict(report: CaseReport) -> Mapping[str, object]:
    said = report.verdict
    return {
        **_exit(said.code),
        "headline": said.headline,
        "sentences": list(said.sentences),
        "authentic": said.report.authentic,
        "unitsMissing": said.report.missing_units,
        "unsealed": said.report.unsealed,
        "pending": list(said.report.pending),
        "checks": _plain(said.report.checks),
        "notChecked": list(said.report.unasked),
    }


def _exit(code: Exit) -> Mapping[str, object]:
    return {"code": int(code), "name": code.name, "meaning": code.meaning}


def _plain(value: object) -> object:
    """Return plain data; names of fields as in every other JSON of this program."""
    if isinstance(value, Exit):
        return value.name
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Pointer):
        return {"path": value.path, "line": value.line}
    if isinstance(value, Window):
        return value.to_json()
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, date):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        return {_camel(one.name): _plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
