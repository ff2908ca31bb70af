"""How to say who we are, as a connector tells it. What authenticates is added when a request leaves, never before."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

import requests

from evidence_kit.collectors.partner.session import PartnerSession
from evidence_kit.collectors.partner.slots import filled
from evidence_kit.collectors.partner.veil import Secrets
from evidence_kit.errors import UsageError
from evidence_kit.model.exchange import Exchange

Record = Callable[[Exchange], None]  # puts an exchange into the ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What authentication may use of the world."""

    settings: Mapping[str, Any]  # the connector's `auth`
    values: Mapping[str, object]  # of the target, for slots
    secrets: Secrets
    session: PartnerSession
    now: Callable[[], datetime]
    root: str
    token_root: str  # where the token endpoint is, if not where the connector says
    label: str


class Auth:
    """Nothing to say: the base of the others."""

    def __init__(self, means: Means) -> None:
        self.means = means

    def headers(self, record: Record) -> Mapping[str, str]:  # noqa: ARG002 - for those that have to ask first
        """Return headers that say who we are, renewed as needed; what had to be asked for that goes on record."""
        return {}

    def sign(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add what depends on the whole request."""
        return request

    def renew(self) -> bool:
        """Say whether a refused request is worth another try with a new token."""
        return False

    def accepted(self) -> None:
        """Remember that the API took what we said."""


class Bearer(Auth):
    """A token that the operator has been given."""

    def headers(self, record: Record) -> Mapping[str, str]:  # noqa: ARG002 - nothing has to be asked
        """Return the `Authorization` header."""
        said = self.means.settings
        return {"Authorization": f"{said.get('prefix', 'Bearer ')}{self.means.secrets.get(said['secret'])}"}


class Basic(Auth):
    """User and password; the user may be a secret too, and the password may be empty."""

    def headers(self, record: Record) -> Mapping[str, str]:  # noqa: ARG002 - nothing has to be asked
        """Return the `Authorization` header."""
        said, secrets = self.means.settings, self.means.secrets
        user = secrets.get(said["userSecret"]) if "userSecret" in said else text(said["user"], self.means.values)
        password = secrets.get(said["secret"]) if "secret" in said else ""
        return {"Authorization": basic(user, password, secrets)}


class ApiKey(Auth):
    """A key in a header or in the query, or several in headers."""

    def headers(self, record: Record) -> Mapping[str, str]:  # noqa: ARG002 - nothing has to be asked
        """Return the header with the key."""
        said = self.means.settings
        keys = [said] if said.get("in", "header") == "header" else []
        return {one["name"]: self._value(one) for one in (*keys, *said.get("more", ()))}

    def sign(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Put the key into the query, where no record of ours ever sees it."""
        said = self.means.settings
        if said.get("in") == "query":
            parts = urlsplit(str(request.url))
            # A page link may bring it along already.
            kept = [one for one in parts.query.split("&") if one and one.partition("=")[0] != quote(said["name"])]
            query = "&".join([*kept, urlencode({said["name"]: self._value(said)})])
            request.url = urlunsplit(parts._replace(query=query))
        return request

    def _value(self, one: Mapping[str, Any]) -> str:
        return f"{one.get('prefix', '')}{self.means.secrets.get(one['secret'])}"


def basic(user: str, password: str, secrets: Secrets) -> str:
    """Return basic credentials (RFC 7617), which are said nowhere else from now on."""
    if ":" in user:
        raise UsageError("a user name for basic authentication holds a colon")
    # Without `Basic`: a server may repeat the rest alone, and whoever reads that has the password.
    return f"Basic {secrets.learn(base64.b64encode(f'{user}:{password}'.encode()).decode())}"


def text(template: object, values: Mapping[str, object]) -> str:
    """Fill a text from the inventory."""
    return str(filled(str(template), values))
