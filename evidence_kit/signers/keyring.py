"""The user's own keys in the configuration folder: identity keys by name, and each case's log key."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from evidence_kit.custody import trust
from evidence_kit.custody.names import safe_component
from evidence_kit.errors import AccessError, UsageError, VaultError
from evidence_kit.signers.file import KeySigner, generate, load, save

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,119}")  # also its file name
ROLES = ("collector", "custodian")


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Keys below `home`. `passphrase` is called when a private key has to be opened or written."""

    home: Path
    passphrase: Callable[[], str]

    @property
    def trust_file(self) -> Path:
        """Return the user's own trust policy."""
        return self.home / "trust.yaml"

    def names(self) -> tuple[str, ...]:
        """Return the names of all identity keys."""
        return tuple(sorted(path.name.removesuffix(".p12") for path in (self.home / "keys").glob("*.p12")))

    def create(self, name: str, *, algorithm: str, at: datetime) -> KeySigner:
        """Make an identity key, write it encrypted, and trust it as collector and custodian."""
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"`{name[:60]}` cannot name a key", hint="letters, digits and `._@+-`, such as `alice@example.com`"
            )
        key = generate(algorithm)
        path = self._path(name)
        save(key, path, self.passphrase())
        signer = KeySigner(key)
        entry = trust.key_entry(name=name, pem=signer.public_key_pem, roles=ROLES, valid_from=at)
        try:
            _public(path).write_bytes(signer.public_key_pem)
            if not self.trust_file.exists():
                self.trust_file.write_text(trust.HEADER)
            with self.trust_file.open("a") as out:
                out.write(entry)
        except OSError as error:
            raise VaultError(f"cannot write below {self.home}: {(error.strerror or '').lower()}") from error
        return signer

    def open(self, name: str | None) -> tuple[str, KeySigner]:
        """Open the key called `name`, or the only one there is."""
        known = self.names()
        if name is None:
            if not known:
                raise AccessError(
                    "you have no signing key yet", hint="`evidence-kit keys new --name you@example.com`"
                )
            if len(known) > 1:
                raise UsageError("you have several keys", hint=f"choose with `--key`: {', '.join(known)}")
            name = known[0]
        path = self._path(name)
        return path.name.removesuffix(".p12"), load(path, self.passphrase)

    def public_pem(self, name: str) -> bytes:
        """Return the public half of a key."""
        try:
            return _public(self._path(name)).read_bytes()
        except OSError as error:
            raise AccessError(f"there is no key `{name}`", hint=f"known are: {', '.join(self.names())}") from error

    def create_log_key(self, case: str) -> KeySigner:
        """Make the Ed25519 key of one case's log; it stays on this machine, outside the case."""
        key = generate("ed25519")
        save(key, self._log_path(case), self.passphrase())
        return KeySigner(key)

    def open_log_key(self, case: str) -> KeySigner:
        """Open the log key of a case; only the machine that opened the case has it."""
        path = self._log_path(case)
        if not path.exists():
            raise AccessError(
                "the log key of this case is not on this machine",
                hint="continue where the case was opened, or copy `logs/` of that configuration folder here",
            )
        return load(path, self.passphrase)

    def _path(self, name: str) -> Path:
        return self.home / "keys" / f"{safe_component(name)}.p12"

    def _log_path(self, case: str) -> Path:
        return self.home / "logs" / f"{safe_component(case)}.p12"


def _public(path: Path) -> Path:
    # Not `with_suffix`: names such as `alice@example.com` carry dots of their own.
    return path.with_name(f"{path.name.removesuffix('.p12')}.pub.pem")
