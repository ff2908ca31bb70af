"""What a bag's lists say was stored: a line an artifact, path first, so that sorting joins them."""

from collections.abc import Mapping

from evidence_kit.custody import names, strict


def line_of(path: str, sha256: str) -> bytes:
    """Return the line of one artifact."""
    return f"{path}  {sha256}\n".encode()


def artifact_line(fields: Mapping[str, object]) -> bytes:
    """Return the line of the artifact that an exchange of the ledger stored; nothing if it stored none."""
    if fields.get("artifact") is None:
        return b""
    artifact = strict.field(fields, "artifact", dict)
    return line_of(names.require_safe(strict.field(artifact, "path", str)), strict.field(artifact, "sha256", str))
