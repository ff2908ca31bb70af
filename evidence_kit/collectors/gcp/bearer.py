"""Access tokens of one target: from google-auth, renewed as needed, and never on record."""

import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import google.auth
import requests
from google.auth.exceptions import GoogleAuthError, RefreshError, TransportError
from google.auth.transport.requests import Request
from google.oauth2 import service_account

from evidence_kit.errors import AccessError
from evidence_kit.model.exchange import Retryable
from evidence_kit.model.unit import Target

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

_MAX_KEY_FILE = 64 << 10  # a service account's key is 2.4 KB


class Bearer:
    """One set of scopes of one target's credentials."""

    def __init__(
        self, credentials: "Credentials", session: requests.Session, *, target: str, subject: str = ""
    ) -> None:
        self._credentials: Any = credentials
        self._session = session
        self._target = target
        self._subject = subject  # whom we act as by domain-wide delegation
        self._lock = threading.RLock()
        self._used = threading.local()
        self._proven = ""  # the token that an API last accepted

    @property
    def credentials(self) -> "Credentials":
        """Return what google-auth made."""
        return self._credentials  # type: ignore[no-any-return]

    @property
    def caller(self) -> str:
        """Return the service account's name, where the credentials tell it, and whom it acts as."""
        found = str(getattr(self._credentials, "service_account_email", "") or "")
        known = found if "@" in found else ""
        return f"{known} as {self._subject}" if self._subject else known

    def headers(self) -> dict[str, str]:
        """Return the header that says who we are; AccessError if Google gives no token."""
        with self._lock:
            if not self._credentials.valid:
                self._refresh()
            self._used.token = token = str(self._credentials.token)
        return {"Authorization": f"Bearer {token}"}

    def accepted(self, response: requests.Response) -> None:
        """Remember that an API took our token; a session's hook calls this."""
        token = getattr(self._used, "token", "")
        if response.ok and token and response.request.headers.get("Authorization") == f"Bearer {token}":
            with self._lock:
                # A late answer to an older token says nothing of the one in use.
                self._proven = token if token == self._credentials.token else self._proven

    def renew(self) -> bool:
        """Say whether a refused token is worth replacing: it worked before, or another thread has replaced it."""
        token = getattr(self._used, "token", "")
        with self._lock:
            if token != self._credentials.token:
                return True
            if token != self._proven:
                return False
            self._credentials.token = None
            return True

    def _refresh(self) -> None:
        try:
            self._credentials.refresh(Request(self._session))
        except (RefreshError, TransportError) as error:
            said = str(error.args[0])[:200] if error.args else type(error).__name__
            if isinstance(error, TransportError) or error.retryable:
                raise Retryable(f"Google gives no access token: {said}") from error
            raise self._refused(said) from error
        except GoogleAuthError as error:
            raise AccessError(f"no access token for {self._target}: {type(error).__name__}") from error

    def _refused(self, said: str) -> AccessError:
        if self._subject:
            hint = "grant its client id domain-wide delegation of the scope `admin.reports.audit.readonly`"
            message = f"Google does not let the key for {self._target} act as `{self._subject}`: {said}; {hint}"
            return AccessError(message, hint=hint)
        return AccessError(
            f"Google refuses the credentials for {self._target}: {said}",
            hint="check that the key is not disabled and that this machine's clock is right",
        )


def open_credentials(target: Target, scopes: tuple[str, ...], subject: str = "") -> "Credentials":
    """Return the credentials that the inventory names, acting as `subject` if given, or else the machine's own."""
    path = target.access.get("credentials")
    if path:
        try:
            return service_account.Credentials.from_service_account_info(  # type: ignore[no-untyped-call, no-any-return]
                _key_file(path), scopes=scopes, subject=subject or None
            )
        except (GoogleAuthError, ValueError) as error:
            # What google-auth says about a key may quote it.
            raise AccessError(f"`{path}` holds no key of a service account") from error
    try:
        found, _ = google.auth.default(scopes=scopes)
    except GoogleAuthError as error:
        hint = "`gcloud auth application-default login`, or name a `credentials` file in the inventory"
        raise AccessError("no Google credentials found", hint=hint) from error
    if not subject:
        return found
    if not isinstance(found, service_account.Credentials):
        hint = "name a `credentials` file beside the inventory's `subject`"
        raise AccessError(f"acting as `{subject}` takes the key of a service account; {hint}", hint=hint)
    return found.with_subject(subject)  # type: ignore[no-untyped-call, no-any-return]


def _key_file(path: str) -> dict[str, Any]:
    hint = "a service account's key as JSON; for anything else leave `credentials` out of the inventory"
    try:
        with Path(path).open("rb") as stream:
            said = json.loads(stream.read(_MAX_KEY_FILE))
    except OSError as error:
        raise AccessError(f"cannot read the credentials `{path}`: {error.strerror}", hint=hint) from error
    except ValueError as error:
        raise AccessError(f"`{path}` is not JSON", hint=hint) from error
    if not isinstance(said, dict) or said.get("type") != "service_account":
        raise AccessError(f"`{path}` is not the key of a service account", hint=hint)
    return said
