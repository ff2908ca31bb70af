"""What an acquisition says about the machine and the program that made it."""

import hashlib
import platform
import socket
import sys
from collections.abc import Sequence
from importlib import metadata

from evidence_kit import __version__

TOOL = f"evidence-kit {__version__}"
_LIBRARIES = ("boto3", "botocore", "cryptography", "jmespath", "PyYAML", "rfc3161-client", "urllib3")
# Options whose value may be a secret never reach the record; ours take none, a plug-in's might.
_SECRET_WORDS = ("pass", "secret", "token", "key=", "api-key", "apikey", "credential")


def environment() -> dict[str, object]:
    """Return interpreter, platform, host and library versions."""
    return {
        "tool": TOOL,
        "distribution": distribution_digest("evidence-kit"),
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "host": socket.gethostname(),
        "libraries": {name: _version(name) for name in _LIBRARIES},
    }


def distribution_digest(name: str) -> dict[str, str]:
    """Return version and the SHA-256 of the installed RECORD, which lists the hash of every file."""
    try:
        found = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return {"name": name, "version": __version__, "record": ""}
    record = found.read_text("RECORD") or ""
    digest = hashlib.sha256(record.encode()).hexdigest() if record else ""
    return {"name": name, "version": found.version, "record": digest}


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def redacted(arguments: Sequence[str]) -> list[str]:
    """Return a command line without values that look like secrets, nor those that follow such an option."""
    shown: list[str] = []
    follows = False
    for argument in arguments:
        looks_secret = any(word in argument.lower() for word in _SECRET_WORDS)
        is_option = argument.startswith("-") and "=" not in argument
        shown.append("[redacted]" if follows or (looks_secret and not is_option) else argument)
        follows = looks_secret and is_option
    return shown
