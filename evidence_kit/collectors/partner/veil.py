"""Secrets of one target while a run lasts: where they come from, and what keeps them out of every text."""

import base64
import threading
from collections.abc import Callable, Mapping
from urllib.parse import quote, quote_plus

from evidence_kit.errors import AccessError, EmptyError

_MASK = "[secret]"
_LINE = 16
_SHORTEST = 4  # what is shorter is no secret, and masking it would mangle every text


class Veil:
    """Knows what must not be said. It has no repr, and nothing it knows leaves it but through `hide`."""

    def __init__(self) -> None:
        self._hidden: dict[str, None] = {}
        self._lock = threading.Lock()

    def add(self, secret: str) -> str:
        """Hide `secret` from now on, however it is written in an address or a header; return it."""
        raw = secret.encode()
        forms = {secret, quote(secret, safe=""), quote_plus(secret), base64.b64encode(raw).decode()}
        # A key in PEM is as secret line by line, but for the lines that only say what it is.
        forms |= {line for line in secret.splitlines() if len(line) >= _LINE and not line.startswith("-----")}
        with self._lock:
            known = {*self._hidden, *(form for form in forms if len(form) >= _SHORTEST)}
            self._hidden = dict.fromkeys(sorted(known, key=len, reverse=True))
        return secret

    def hide(self, text: str) -> str:
        """Return `text` without any secret."""
        for secret in self._hidden:
            if secret in text:
                text = text.replace(secret, _MASK)
        return text


class Secrets:
    """The secrets that one target's inventory entry refers to, asked for once."""

    def __init__(self, label: str, access: Mapping[str, str], resolve: Callable[[str], str], veil: Veil) -> None:
        self._label = label
        self._references = {
            name.removeprefix("secret."): one for name, one in access.items() if name.startswith("secret.")
        }
        self._resolve = resolve
        self._known: dict[str, str] = {}
        self._lock = threading.Lock()
        self._veil = veil

    def get(self, name: str) -> str:
        """Return a secret; AccessError where the inventory has none of that name, or it is empty."""
        with self._lock:
            if name not in self._known:
                self._known[name] = self._veil.add(self._found(name))
            return self._known[name]

    def hide(self, text: str) -> str:
        """Return `text` without any secret."""
        return self._veil.hide(text)

    def learn(self, token: str) -> str:
        """Hide a token that a provider has given."""
        return self._veil.add(token)

    def _found(self, name: str) -> str:
        if name not in self._references:
            raise AccessError(
                f"the inventory names no secret `{name}` for {self._label}",
                hint=f"`secrets: {{{name}: secret://env/NAME}}` at the target",
            )
        try:
            value = self._resolve(self._references[name]).strip("\r\n")
        except EmptyError as error:
            raise AccessError(error.message, hint=error.hint) from error
        if not value or not value.replace("\n", "").replace("\r", "").isprintable():
            raise AccessError(f"the secret `{name}` of {self._label} is empty, or no text")
        return value
