"""The partners' part: the code host's audit log, and the supplier's API audit by a clock that is ahead."""

import ssl
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from evidence_kit.model.source import SourceSpec
from evidence_kit.model.time import Window, rfc3339
from evidence_kit.sandbox.hybrid import cast
from evidence_kit.sandbox.hybrid.story import SUPPLIER_AHEAD, Event, of
from evidence_kit.sandbox.partners.fixture import Scripted
from evidence_kit.sandbox.partners.gate import Gate, make_secrets
from evidence_kit.sandbox.partners.server import Partner
from evidence_kit.sources.catalogue import load_catalogue, parse_source

# The connector of a supplier that no catalogue knows: a file of our own, given by `--connectors`.
CONNECTOR = Path(str(files("evidence_kit.sandbox.hybrid") / "acme_supplier.api_audit.yaml"))
GITHUB = "github.org_audit"
PARAMS: Mapping[str, Mapping[str, str]] = {GITHUB: {"org": cast.ORG}, cast.ACME_SOURCE: {"customer": cast.CUSTOMER}}
_HOUR = timedelta(hours=1)
_PAGE = 12  # records, so that both logs have several
# What each event says beside what all of them say.
_TOLD: Mapping[str, Mapping[str, object]] = {
    "public": {"visibility": "public", "previous_visibility": "private"},
    "pushed": {"transport_protocol_name": "ssh", "operation_type": "modify"},
    "alerted": {"number": 1, "secret_type": "acme_supplier_api_key", "secret_type_display_name": "Acme API Key"},
    "cloned": {"transport_protocol_name": "http", "repository_public": True, "operation_type": "access"},
    "issued": {"session": cast.BAD_SESSION},
}
_ROUTINE = ("deliveries.list", "deliveries.status", "schema.read")


@cache
def spec_of(source: str) -> SourceSpec:
    """Return a partner's connector: the catalogue's, or the one beside the story."""
    if source == cast.ACME_SOURCE:
        return parse_source(CONNECTOR.read_bytes(), name=CONNECTOR.name)
    return load_catalogue()[source]


def logs(window: Window) -> dict[str, list[dict[str, Any]]]:
    """Return the records of both partners, by source, oldest first."""
    return {GITHUB: list(_commits(window)), cast.ACME_SOURCE: list(_calls(window))}


def serve(window: Window, tls: Callable[[ssl.SSLContext], None]) -> dict[str, Partner]:
    """Return the servers of both partners, by source; their secrets are made anew."""
    return {source: _server(source, records, tls) for source, records in logs(window).items()}


def _server(source: str, records: list[dict[str, Any]], tls: Callable[[ssl.SSLContext], None]) -> Partner:
    settings: Mapping[str, Any] = spec_of(source).settings
    gate = Gate(settings["auth"], make_secrets(settings["auth"]), PARAMS[source])
    path = settings["request"]["path"].format_map(PARAMS[source])
    reply = Scripted(method="GET", path=path, kind="pages", body={"size": _PAGE, "records": records})
    ahead = SUPPLIER_AHEAD if source == cast.ACME_SOURCE else timedelta(0)
    return Partner(settings, (reply,), gate, tls=tls, ahead=ahead)


def _commits(window: Window) -> Iterator[dict[str, Any]]:
    """Yield the organisation's log, oldest first: the story between what its developers do all day."""
    told = {
        event.moment: (event.action, event.actor, event.address, _TOLD.get(event.name, {})) for event in of(GITHUB)
    }
    usual: dict[timedelta, tuple[str, str, str, Mapping[str, object]]] = {
        hour * _HOUR + timedelta(minutes=21): ("pull_request.merge", "kai-dev", cast.OFFICE, {}) for hour in range(26)
    }
    for number, (moment, (action, actor, address, more)) in enumerate(sorted({**usual, **told}.items())):
        at = round((window.start + moment).timestamp() * 1000)
        yield {
            "@timestamp": at,
            "created_at": at,
            "_document_id": f"gh-{number:04d}",
            "action": action,
            "org": cast.ORG,
            "repo": cast.REPO if moment in told else f"{cast.ORG}/checkout",
            **({"actor": actor} if actor else {}),
            **({"actor_ip": address} if address else {}),
            **more,
        }


def _calls(window: Window) -> Iterator[dict[str, Any]]:
    """Yield the supplier's log, oldest first, by its own clock: the story between what its platform always does."""
    told: dict[timedelta, Event] = {event.moment: event for event in of(cast.ACME_SOURCE)}
    usual = {hour * _HOUR + timedelta(minutes=44): _ROUTINE[hour % len(_ROUTINE)] for hour in range(25)}
    for number, moment in enumerate(sorted({**usual, **told})):
        event = told.get(moment)
        key = event.credential if event else cast.API_KEY
        yield {
            "id": f"acme-{number:04d}",
            "created_at": rfc3339(event.logged(window) if event else window.start + moment + SUPPLIER_AHEAD),
            "action": event.action if event else usual[moment],
            "actor": {"name": event.actor if event else cast.CLIENT},
            **({"token_id": key} if key else {}),
            "ip_address": event.address if event else cast.SUPPLIER,
            "user_agent": "python-requests/2.32.5" if event and event.address == cast.ATTACKER else "acme-feed/3.2",
            "resource_id": event.resource if event else "deliveries",
            "outcome": "success",
            **(_TOLD.get(event.name, {}) if event else {}),
        }
