"""Where the user's keys are, which passphrase opens them, what stands in `evidence-kit.toml`, and the clock."""

import os
import re
import sys
import tomllib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from evidence_kit.cli.files import MOST, read_file
from evidence_kit.errors import AccessError, SignatureError, UntrustedError, UsageError

if TYPE_CHECKING:
    from evidence_kit.custody.keys import PublicKey
    from evidence_kit.custody.trust import Trust
    from evidence_kit.model.source import SourceSpec
    from evidence_kit.signers.keyring import KeyRing

_FILE = "evidence-kit.toml"
_KEYID = re.compile(r"[0-9a-f]{64}")
_KNOWN = frozenset(
    {
        "case",
        "clocks",
        "connectors",
        "inventory",
        "key",
        "place",
        "policy",
        "trust",
        "trust_sha256",
        "trust_signer",
        "tsa",
    }
)


def now() -> datetime:
    """Return the wall clock; commands hand it on, nothing below reads it."""
    return datetime.now(UTC)


def home() -> Path:
    """Return the user's configuration folder, or the one that EVIDENCE_KIT_HOME names."""
    if said := os.environ.get("EVIDENCE_KIT_HOME"):
        return Path(said)
    from platformdirs import user_config_path

    return user_config_path("evidence-kit")


def key_ring() -> "KeyRing":
    """Return the user's keys."""
    from evidence_kit.signers.keyring import KeyRing

    return KeyRing(home(), passphrase, pin)


def passphrase() -> str:
    """Return EVIDENCE_KIT_PASSPHRASE, or ask on the terminal."""
    if said := os.environ.get("EVIDENCE_KIT_PASSPHRASE"):
        return said
    if not sys.stdin.isatty():
        raise AccessError("a passphrase is needed to open the signing key", hint="set EVIDENCE_KIT_PASSPHRASE")
    return str(typer.prompt("passphrase", hide_input=True, err=True))


def catalogue(connectors: Sequence[str] = ()) -> "dict[str, SourceSpec]":
    """Return every source, with those of `--connectors`, of the environment or of the configuration file."""
    from evidence_kit.sources.catalogue import load_catalogue

    return load_catalogue(Path(one) for one in listed("connectors", connectors))


def secret(reference: str) -> str:
    """Return what an inventory's `secret://…` stands for."""
    from evidence_kit.collectors.partner.secrets import SecretStore

    return SecretStore(os.environ)(reference)


def pseudonym_key() -> bytes:
    """Return the user's key for pseudonyms, made when it is first needed: who has it can tell whose they are."""
    import secrets

    from evidence_kit.analysis.minimise import KEY_BYTES

    path = home() / "pseudonym.key"
    try:
        home().mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(secrets.token_bytes(KEY_BYTES))
    except FileExistsError:
        pass
    except OSError as error:
        raise AccessError(f"cannot keep a key for pseudonyms: {(error.strerror or '').lower()}") from error
    try:
        key = path.read_bytes()
    except OSError as error:
        raise AccessError(f"cannot read `{path}`: {(error.strerror or '').lower()}") from error
    if len(key) != KEY_BYTES:  # such as a crash or a full disk leaves
        hint = "restore it from a copy; without one remove it, and pseudonyms differ from earlier ones"
        raise AccessError(f"`{path}` is no whole key for pseudonyms", hint=hint)
    return key


def pin() -> str:
    """Return EVIDENCE_KIT_PIN, or ask on the terminal: what opens a token is not what opens the files."""
    if said := os.environ.get("EVIDENCE_KIT_PIN"):
        return said
    if not sys.stdin.isatty():
        raise AccessError("a PIN is needed to open the token", hint="set EVIDENCE_KIT_PIN")
    return str(typer.prompt("PIN of the token", hide_input=True, err=True))


def setting(name: str, given: str | None) -> str | None:
    """Return a setting: the flag, else EVIDENCE_KIT_<NAME>, else `evidence-kit.toml` in this folder."""
    if given is not None:
        return given
    if said := os.environ.get(f"EVIDENCE_KIT_{name.upper()}"):
        return said
    value = _from_file(name)
    return None if value is None else str(value)


def listed(name: str, given: Sequence[str]) -> tuple[str, ...]:
    """Return a setting of several values, which the environment separates by spaces and the file has as a list."""
    if given:
        return tuple(given)
    if said := os.environ.get(f"EVIDENCE_KIT_{name.upper()}"):
        return tuple(said.split())
    value = _from_file(name)
    values = [value] if isinstance(value, str) else [] if value is None else value
    if not isinstance(values, list) or not all(isinstance(item, str) for item in values):
        raise UsageError(f"{_FILE}: `{name}` is not a list of texts")
    return tuple(values)


def _from_file(name: str) -> object:
    path = Path(_FILE)
    if not path.exists():
        return None
    try:
        table = tomllib.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise UsageError(f"{_FILE}: {error}") from error
    if unknown := set(table) - _KNOWN:
        raise UsageError(f"{_FILE}: unknown setting `{min(unknown)}`", hint=f"known are: {', '.join(sorted(_KNOWN))}")
    return table.get(name)


def trust_path(given: Path | None = None) -> Path:
    """Return where the trust policy is: the one given, the one set, or the user's own."""
    return given or Path(setting("trust", None) or home() / "trust.yaml")


def trust(given: str | None, *, signer: str | None = None, sha256: str | None = None) -> "Trust":
    """Return the caller's trust policy, which never comes from the case, once it is the signed and pinned one."""
    from evidence_kit.custody.trust import parse_trust, signed

    path = trust_path(Path(given) if given is not None else None)
    try:
        with path.open("rb") as stream:
            text = stream.read(MOST + 1)  # a policy is far shorter, and a longer one is refused
    except FileNotFoundError as error:
        raise UntrustedError(
            f"there is no trust policy at `{path}`",
            hint="give one with `--trust FILE`: it says whose signatures you accept",
        ) from error
    except OSError as error:
        raise UsageError(f"cannot read `{path}`: {(error.strerror or '').lower()}") from error
    # `is not None`: an empty flag, such as an unset variable of a CI job leaves, must not switch a check off.
    if (pinned := setting("trust_sha256", sha256)) is not None:
        signed.require_pinned(text, pinned, name=str(path))
    policy = parse_trust(text, name=str(path))
    if (said := setting("trust_signer", signer)) is not None:
        signed.require_signed(text, _bundle(path), name=str(path), key=_policy_key(said, policy))
    return policy


def _bundle(policy: Path) -> bytes | None:
    """Return the signature beside a policy, if there is one."""
    from evidence_kit.custody.trust.signed import MAX_BUNDLE, SUFFIX

    path = policy.with_name(policy.name + SUFFIX)
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_BUNDLE + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"cannot read `{path}`: {(error.strerror or '').lower()}") from error


def _policy_key(said: str, policy: "Trust") -> "PublicKey":
    """Return the key that has to have signed the policy: a PEM file, or a key id, which names exactly one key.

    A key id is a digest, so it does not matter who hands over the key: the policy itself may.
    """
    from evidence_kit.custody.keys import MAX_PEM, PublicKey

    if not _KEYID.fullmatch(said):
        hint = "a PEM public key, or a whole key id of 64 hex digits"
        try:
            return PublicKey.from_pem(read_file(said, MAX_PEM, hint=hint))
        except SignatureError as error:
            raise UsageError(f"`{said}`: {error.message}", hint=hint) from error
    ring = key_ring()
    for name in ring.names():
        key = PublicKey.from_pem(ring.public_pem(name))
        if key.keyid == said:
            return key
    listed = policy.find(said)
    if listed is None:
        raise UntrustedError(
            f"key {said[:12]}, which has to sign the policy, is not at hand", hint="give it as a PEM file"
        )
    return listed


def required_case(given: str | None) -> Path:
    """Return the case folder that a command works on."""
    said = setting("case", given)
    if said is None:
        raise UsageError("which case?", hint="give `--case FOLDER`, or open one with `evidence-kit init FOLDER`")
    return Path(said)
