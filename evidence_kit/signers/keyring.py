"""The user's own keys in the configuration folder: identity keys by name, witness keys, and each case's log key."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from evidence_kit.custody import trust
from evidence_kit.custody.keys import PublicKey
from evidence_kit.custody.names import safe_component
from evidence_kit.custody.trust import editing
from evidence_kit.errors import AccessError, UsageError, VaultError
from evidence_kit.model.ports import Signer
from evidence_kit.signers import memory
from evidence_kit.signers.certificate import read_leaf
from evidence_kit.signers.file import KeySigner, generate, load, save
from evidence_kit.signers.registry import open_signer
from evidence_kit.signers.uri import MAX_URI, scheme_of

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,119}")  # also its file name
ROLES = ("collector", "custodian")
# What lies beside each other under one name. No suffix ends in another one, so no two names meet in one file.
_PKCS12, _PKCS8, _URI, _PUBLIC, _CERTIFICATE = ".p12", ".p8", ".uri", ".pub.pem", ".crt.pem"
_HELD = (_PKCS12, _PKCS8, _URI)


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Keys below `home`. `passphrase` is called when a private key has to be opened or written.

    `pin` is called for a token; without it, the passphrase is taken for the PIN, and then protects the log keys too.
    """

    home: Path
    passphrase: Callable[[], str]
    pin: Callable[[], str] | None = None

    @property
    def trust_file(self) -> Path:
        """Return the user's own trust policy."""
        return self.home / "trust.yaml"

    def names(self) -> tuple[str, ...]:
        """Return the names of all keys, here or held elsewhere."""
        found = ((path.name, suffix) for suffix in _HELD for path in (self.home / "keys").glob(f"*{suffix}"))
        return tuple(sorted({name.removesuffix(suffix) for name, suffix in found}))

    def create(self, name: str, *, algorithm: str, at: datetime) -> KeySigner:
        """Make a key, write it encrypted, and trust it as collector and custodian."""
        self._require_free(name)
        key = generate(algorithm)
        # PKCS#12, which more programs import, cannot hold ML-DSA.
        save(key, self._path(name, _PKCS8 if algorithm == "mldsa65" else _PKCS12), self.passphrase())
        signer = KeySigner(key)
        self._publish(name, signer.public_key_pem, at)
        return signer

    def add(self, name: str, uri: str, *, at: datetime) -> Signer:
        """Register a key held elsewhere: keep its URI and public half, and trust it as collector and custodian."""
        self._require_free(name)
        signer = self._open_uri(uri)
        for other in self.names():
            if self.public_pem(other) == signer.public_key_pem:
                raise UsageError(f"that key is registered already, as `{other}`", hint=f"use it with `--key {other}`")
        memory.replace(self._path(name, _URI), f"{uri}\n".encode())
        self._publish(name, signer.public_key_pem, at)
        return signer

    def open(self, name: str | None, *, identity: bool = True) -> tuple[str, Signer]:
        """Open the key of that name or registered URI, or the only one there is.

        An `identity` speaks for a person alone, which an ML-DSA key may not: it only countersigns.
        """
        name = self._chosen(name, identity=identity)
        stem = self._path(name, "").name
        if self._path(name, _PKCS12).exists() or not any(self._path(name, held).exists() for held in _HELD):
            return stem, load(self._path(name, _PKCS12), self.passphrase)
        public = PublicKey.from_pem(self.public_pem(name))
        if identity and not public.is_identity:
            raise UsageError(
                f"`{name}` is an ML-DSA-65 key, which only signs beside another key",
                hint="choose a P-256 or Ed25519 key with `--key`",
            )
        signer = self._open_held(name)
        if signer.keyid != public.keyid:
            raise AccessError(
                f"what `{name}` stands for is now key {signer.keyid[:12]}, not {public.keyid[:12]} as registered",
                hint="find out who replaced it; a new key gets a new name with `evidence-kit keys add`",
            )
        return stem, signer

    def where(self, name: str) -> str:
        """Return where a key is held: `file`, or the scheme of its URI."""
        uri = self._uri(name)
        return "file" if uri is None else scheme_of(uri)

    def public_pem(self, name: str) -> bytes:
        """Return the public half of a key."""
        try:
            return self._path(name, _PUBLIC).read_bytes()
        except OSError as error:
            raise AccessError(f"there is no key `{name}`", hint=f"known are: {', '.join(self.names())}") from error

    def add_certificate(self, name: str, pem: bytes) -> None:
        """Keep the X.509 certificate of a key beside it, in place of an older one."""
        read_leaf(pem, PublicKey.from_pem(self.public_pem(name)))
        memory.replace(self._path(name, _CERTIFICATE), pem)

    def certificate(self, name: str) -> bytes | None:
        """Return the certificate of a key as DER; None if it has none."""
        path = self._path(name, _CERTIFICATE)
        try:
            pem = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise VaultError(f"cannot read {path.name}: {(error.strerror or '').lower()}") from error
        return read_leaf(pem, PublicKey.from_pem(self.public_pem(name)))

    def witness(self, name: str) -> KeySigner:
        """Return a person's Ed25519 witness key, made on first use: C2SP notes, which it cosigns, know no P-256."""
        path = self.home / "witness" / f"{safe_component(name)}{_PKCS12}"
        if path.exists():
            return load(path, self.passphrase)
        key = generate("ed25519")
        save(key, path, self.passphrase())
        signer = KeySigner(key)
        memory.replace(path.with_name(f"{safe_component(name)}{_PUBLIC}"), signer.public_key_pem)
        return signer

    def remember(self, origin: str, note: bytes) -> None:
        """Keep `note` as the last checkpoint that this user has seen of the log `origin`."""
        memory.remember(self.home / "checkpoints", origin, note)

    def remembered(self, origin: str) -> bytes | None:
        """Return the last checkpoint that this user has seen of the log `origin`."""
        return memory.remembered(self.home / "checkpoints", origin)

    def create_log_key(self, case: str) -> KeySigner:
        """Make the Ed25519 key of one case's log; it stays on this machine, outside the case."""
        key = generate("ed25519")
        save(key, self._log_path(case), self.passphrase())
        return KeySigner(key)

    def has_log_key(self, case: str) -> bool:
        """Say whether this machine has kept, or keeps, the log of a case."""
        return self._log_path(case).exists()

    def open_log_key(self, case: str) -> KeySigner:
        """Open the log key of a case; only the machine that opened the case has it."""
        path = self._log_path(case)
        if not path.exists():
            raise AccessError(
                "the log key of this case is not on this machine",
                hint="continue where the case was opened, or copy `logs/` of that configuration folder here",
            )
        return load(path, self.passphrase)

    def _chosen(self, name: str | None, *, identity: bool) -> str:
        if name is not None:
            return self._registered(name) if ":" in name else name
        known = [item for item in self.names() if not identity or self._is_identity(item)]
        if not known:
            raise AccessError("you have no signing key yet", hint="`evidence-kit keys new --name you@example.com`")
        if len(known) > 1:
            raise UsageError("you have several keys", hint=f"choose with `--key`: {', '.join(known)}")
        return known[0]

    def _registered(self, uri: str) -> str:
        """Return the name under which a key URI was registered; only then somebody has looked at its public half."""
        scheme = scheme_of(uri)
        for name in self.names():
            if self._uri(name) == uri:
                return name
        raise UsageError(
            f"no key is registered under that `{scheme}:` URI",
            hint="register it first: `evidence-kit keys add --name you@example.com --uri URI`",
        )

    def _open_held(self, name: str) -> Signer:
        uri = self._uri(name)
        if uri is None:
            return load(self._path(name, _PKCS8), self.passphrase)
        return self._open_uri(uri)

    def _open_uri(self, uri: str) -> Signer:
        is_token = scheme_of(uri) == "pkcs11"
        return open_signer(uri, passphrase=self.pin if is_token and self.pin else self.passphrase)

    def _is_identity(self, name: str) -> bool:
        return PublicKey.from_pem(self.public_pem(name)).is_identity

    def _uri(self, name: str) -> str | None:
        path = self._path(name, _URI)
        try:
            with path.open("rb") as stream:
                return stream.read(MAX_URI + 2).decode("ascii", "replace").removesuffix("\n")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise VaultError(f"cannot read {path.name}: {(error.strerror or '').lower()}") from error

    def _publish(self, name: str, pem: bytes, at: datetime) -> None:
        """Write the public half beside the key and into the user's own trust policy."""
        entry = trust.key_entry(name=name, pem=pem, roles=ROLES, valid_from=at)
        memory.replace(self._path(name, _PUBLIC), pem)
        try:
            if not self.trust_file.exists():
                self.trust_file.write_text(trust.HEADER)
            text = self.trust_file.read_text()
            if all(line in text for line in pem.decode().splitlines()):
                return  # a policy that lists a key twice is invalid
            # Other sections may follow the keys, so the end of the file is not where a key belongs.
            changed = editing.add_entry(text, "keys", entry, name=str(self.trust_file))
            memory.replace(self.trust_file.resolve(), changed.encode())
        except OSError as error:
            raise VaultError(f"cannot write below {self.home}: {(error.strerror or '').lower()}") from error

    def _require_free(self, name: str) -> None:
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"`{name[:60]}` cannot name a key", hint="letters, digits and `._@+-`, such as `alice@example.com`"
            )
        if any(self._path(name, held).exists() for held in _HELD):
            raise UsageError(f"key `{name}` exists already", hint="choose another `--name`")

    def _path(self, name: str, suffix: str) -> Path:
        # Not `with_suffix`: names such as `alice@example.com` carry dots of their own.
        return self.home / "keys" / f"{safe_component(name)}{suffix}"

    def _log_path(self, case: str) -> Path:
        return self.home / "logs" / f"{safe_component(case)}{_PKCS12}"
