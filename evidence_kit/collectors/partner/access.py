"""How to get into a partner's API: one session a target, secrets by reference, nothing remembered."""

import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evidence_kit.collectors.partner.auth import Auth, Means
from evidence_kit.collectors.partner.auth_kinds import open_auth
from evidence_kit.collectors.partner.session import PartnerSession, open_session
from evidence_kit.collectors.partner.slots import address
from evidence_kit.collectors.partner.veil import Secrets, Veil
from evidence_kit.collectors.partner.verdicts import Verdicts, rule_of
from evidence_kit.collectors.web.wire import WebWire
from evidence_kit.errors import UsageError
from evidence_kit.model.exchange import MAX_PAGE
from evidence_kit.model.ports import Context
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.unit import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """An open line to one API as one target: where it is, who asks, and what must not be said."""

    root: str
    session: PartnerSession
    auth: Auth
    secrets: Secrets


class PartnerAccess:
    """What the connectors of one provider share in a run."""

    def __init__(self) -> None:
        self._lines: dict[str, Line] = {}
        self._lock = threading.Lock()

    def line(self, spec: SourceSpec, target: Target, values: Mapping[str, object], ctx: Context) -> Line:
        """Return the line of a connector to a target; those with the same server and auth are one."""
        settings: Mapping[str, Any] = spec.settings
        root = target.access.get("endpoint.server") or address(str(settings["server"]), values)
        said = json.dumps([target.id, root, settings["auth"], dict(values)], sort_keys=True, default=str)
        key = hashlib.sha256(said.encode()).hexdigest()
        with self._lock:
            if key not in self._lines:
                self._lines[key] = _open(settings["auth"], target, values, root, ctx)
            return self._lines[key]

    def wire(self, spec: SourceSpec, target: Target, line: Line, ctx: Context) -> tuple[Verdicts, WebWire]:
        """Return how a connector's provider speaks, and the wire to it."""
        verdicts = Verdicts(
            settings=spec.settings,
            rule=rule_of(spec.settings),
            now=ctx.now,
            renew=line.auth.renew,
            hide=line.secrets.hide,
            permissions=spec.permissions,
        )
        wire = WebWire(
            line.session,
            verdicts,
            target=target.id,
            quota=(spec.provider, target.id, line.root.removeprefix("https://")),
            authorize=lambda: line.auth.headers(ctx.record),
            hide=line.secrets.hide,
            largest=MAX_PAGE,
        )
        return verdicts, wire


def _open(auth: Mapping[str, Any], target: Target, values: Mapping[str, object], root: str, ctx: Context) -> Line:
    secrets = Secrets(target.label, target.access, ctx.secret, Veil())
    session = open_session(target.access, secrets.hide)
    means = Means(
        settings=auth,
        values=values,
        secrets=secrets,
        session=session,
        now=ctx.now,
        root=root,
        token_root=target.access.get("endpoint.token", ""),
        label=target.label,
    )
    made = open_auth(means)
    session.auth = made.sign
    session.hooks["response"].append(lambda response, **_: made.accepted() if response.ok else None)
    return Line(root=root, session=session, auth=made, secrets=secrets)


def as_access(value: object) -> PartnerAccess:
    """Narrow what the registry hands to every mechanism."""
    if not isinstance(value, PartnerAccess):
        raise UsageError("a partner's mechanism needs partner access")
    return value
