"""Where the user's keys are, which passphrase opens them, what stands in `evidence-kit.toml`, and the clock."""

import os
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from evidence_kit.errors import AccessError, UntrustedError, UsageError

if TYPE_CHECKING:
    from evidence_kit.custody.trust import Trust
    from evidence_kit.signers.keyring import KeyRing

_FILE = "evidence-kit.toml"
_KNOWN = frozenset({"case", "inventory", "key", "trust"})


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

    return KeyRing(home(), passphrase)


def passphrase() -> str:
    """Return EVIDENCE_KIT_PASSPHRASE, or ask on the terminal."""
    if said := os.environ.get("EVIDENCE_KIT_PASSPHRASE"):
        return said
    if not sys.stdin.isatty():
        raise AccessError("a passphrase is needed to open the signing key", hint="set EVIDENCE_KIT_PASSPHRASE")
    return str(typer.prompt("passphrase", hide_input=True, err=True))


def setting(name: str, given: str | None) -> str | None:
    """Return a setting: the flag, else EVIDENCE_KIT_<NAME>, else `evidence-kit.toml` in this folder."""
    if given is not None:
        return given
    if said := os.environ.get(f"EVIDENCE_KIT_{name.upper()}"):
        return said
    path = Path(_FILE)
    if not path.exists():
        return None
    try:
        table = tomllib.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise UsageError(f"{_FILE}: {error}") from error
    if unknown := set(table) - _KNOWN:
        raise UsageError(f"{_FILE}: unknown setting `{min(unknown)}`", hint=f"known are: {', '.join(sorted(_KNOWN))}")
    value = table.get(name)
    return None if value is None else str(value)


def trust(given: str | None) -> "Trust":
    """Return the caller's trust policy; it never comes from the case."""
    from evidence_kit.custody.trust import parse_trust

    path = Path(setting("trust", given) or home() / "trust.yaml")
    try:
        text = path.read_bytes()
    except FileNotFoundError as error:
        raise UntrustedError(
            f"there is no trust policy at `{path}`",
            hint="give one with `--trust FILE`: it says whose signatures you accept",
        ) from error
    except OSError as error:
        raise UsageError(f"cannot read `{path}`: {(error.strerror or '').lower()}") from error
    return parse_trust(text, name=str(path))


def required_case(given: str | None) -> Path:
    """Return the case folder that a command works on."""
    said = setting("case", given)
    if said is None:
        raise UsageError("which case?", hint="give `--case FOLDER`, or open one with `evidence-kit init FOLDER`")
    return Path(said)
