"""JSON lines in the Open Cybersecurity Schema Framework: a record becomes what it surely is, else a Base Event."""

from collections.abc import Callable, Mapping

from evidence_kit.analysis.timeline.asked import Asked
from evidence_kit.analysis.timeline.rows import Event, Evidence
from evidence_kit.report.disclosure.package import Package
from evidence_kit.report.events.addresses import is_ip
from evidence_kit.report.events.files import Row, Written, json_lines
from evidence_kit.report.events.ocsf_classes import BASE, CLASSES, Class, activity_of, class_of, mapping
from evidence_kit.report.events.ocsf_findings import finding_info
from evidence_kit.report.events.outcomes import outcome_of
from evidence_kit.report.events.rows import columns, shift
from evidence_kit.report.events.text import message

SAID = f"Open Cybersecurity Schema Framework {mapping().version}"
_STATUS = {"success": 1, "failure": 2, "unknown": 0}
_HTTP = {"CONNECT": 1, "DELETE": 2, "GET": 3, "HEAD": 4, "OPTIONS": 5, "POST": 6, "PUT": 7, "TRACE": 8}
_API = {"create": 1, "read": 2, "update": 3, "delete": 4}
_OTHER, _UNKNOWN = 99, 0
_LOGON, _TRAFFIC, _FOUND = 1, 6, 1
Fields = dict[str, object]


def export(evidence: Evidence, package: Package) -> tuple[Written, ...]:
    """Write the events; OCSF demands a time, so what has none goes into a file of its own."""
    asked = Asked()
    return (
        json_lines(package, "events.jsonl", map(row, evidence.events(asked))),
        json_lines(package, "untimed.jsonl", map(columns, evidence.untimed(asked))),
    )


def row(event: Event) -> Row:
    """Return one event of the class that it surely is."""
    named = class_of(event)
    one = CLASSES[named]
    activity, fields = _MADE[named](event)
    return {
        "class_uid": one.uid,
        "class_name": one.caption,
        "category_uid": one.category,
        "category_name": one.category_name,
        "activity_id": activity,
        "type_uid": one.uid * 100 + activity,
        "time": (event.at_ns or 0) // 1_000_000,
        "severity_id": 0,
        "status_id": _STATUS[outcome_of(event.text("outcome"))],
        "message": message(event),
        "raw_data": event.text("raw"),
        "metadata": _metadata(event),
        **_cloud(event),
        **fields,
        "unmapped": _unmapped(event, one),
    }


def _metadata(event: Event) -> Fields:
    found: Fields = {
        "version": mapping().version,
        "product": {"name": event.text("source"), "vendor_name": event.text("provider")},
        "log_name": event.text("source"),
        "original_time": event.text("time"),
        "uid": event.place,
    }
    if _provider(event):
        found["profiles"] = ["cloud"]
    return found


def _provider(event: Event) -> str:
    return mapping().clouds.get(event.text("provider"), "")


def _cloud(event: Event) -> Fields:
    """Return the cloud's profile; a partner's API is no cloud."""
    if not _provider(event):
        return {}
    found: Fields = {"provider": _provider(event)}
    if event.text("target"):
        found["account"] = {"uid": event.text("target")}
    if event.text("region"):
        found["region"] = event.text("region")
    return {"cloud": found}


def _unmapped(event: Event, one: Class) -> Fields:
    """Return the way back to the evidence, and each column that the class has no place for."""
    names = ("case", "artifact", "line", "source", "provider", "target", *one.leaves)
    found = {name: event.fields.get(name) for name in names}
    found["clock_shift_s"] = shift(event) or None
    return {name: value for name, value in found.items() if value not in (None, "")}


def _endpoint(text: str) -> Fields:
    return {"ip": text} if is_ip(text) else {"name": text}


def _user(event: Event) -> Fields:
    found: Fields = {"name": event.text("actor")}
    if event.text("credential"):
        found["credential_uid"] = event.text("credential")
    return found


def _agent(event: Event) -> Fields:
    return {"http_request": {"user_agent": event.text("user_agent")}} if event.text("user_agent") else {}


def _resources(event: Event) -> Fields:
    return {"resources": [{"uid": event.text("resource")}]} if event.text("resource") else {}


def _base(_: Event) -> tuple[int, Fields]:
    return _UNKNOWN, {}


def _api(event: Event) -> tuple[int, Fields]:
    fields: Fields = {
        "actor": {"user": _user(event)},
        "api": {"operation": event.text("action")},
        "src_endpoint": _endpoint(event.text("src_ip")),
        **_agent(event),
        **_resources(event),
    }
    return _API.get(activity_of(event.text("action")), _OTHER), fields


def _authentication(event: Event) -> tuple[int, Fields]:
    fields: Fields = {
        "user": _user(event),
        "service": {"name": event.text("resource") or event.text("source")},
        **_agent(event),
    }
    if event.text("src_ip"):
        fields["src_endpoint"] = _endpoint(event.text("src_ip"))
    return _LOGON, fields


def _finding(event: Event) -> tuple[int, Fields]:
    # A finding's status is what was done about it, not how anything ended.
    return _FOUND, {"finding_info": finding_info(event), "status_id": 0, **_resources(event)}


def _network(event: Event) -> tuple[int, Fields]:
    fields: Fields = {"src_endpoint": _endpoint(event.text("src_ip"))}
    if event.text("resource"):
        fields["dst_endpoint"] = _endpoint(event.text("resource"))
    return _TRAFFIC, fields


def _http(event: Event) -> tuple[int, Fields]:
    request: Fields = {"http_method": event.text("action")}
    if event.text("user_agent"):
        request["user_agent"] = event.text("user_agent")
    if event.text("resource"):
        request["url"] = {"url_string": event.text("resource")}
    fields: Fields = {"http_request": request, "src_endpoint": _endpoint(event.text("src_ip"))}
    return _HTTP.get(event.text("action"), _OTHER), fields


_MADE: Mapping[str, Callable[[Event], tuple[int, Fields]]] = {
    BASE: _base,
    "api_activity": _api,
    "authentication": _authentication,
    "detection_finding": _finding,
    "network_activity": _network,
    "http_activity": _http,
}
