"""A receipt in words, for whoever delivered."""

import unicodedata
from collections.abc import Mapping

_NAMED = 200  # files; the signed document lists all


def written(said: Mapping[str, object]) -> bytes:
    """Return the text that goes with a signed receipt."""
    files = _list(said, "files")
    receiver, partner = _inner(said, "receiver"), _inner(said, "partner")
    total = sum(size for one in files if isinstance(size := one.get("bytes"), int))
    reason = f": {said['reason']}" if said.get("reason") else ""
    lines = [
        f"# Receipt for {said.get('request') or 'a delivery'}",
        "",
        f"Received by: {receiver.get('name')} (signing key {receiver.get('keyid')})",
        f"From: {partner.get('name') or partner.get('id')}, by {said.get('deliveredBy')}",
        f"Delivered: {said.get('deliveredAt')} over {said.get('channel')}",
        f"Receipt written: {said.get('issuedAt')}",
        f"Sealed as: {said.get('acquisition')}, SHA-256 of the seal {said.get('seal')}",
        f"State: {str(said.get('status')).replace('_', ' ')}{reason}",
        "",
        f"{len(files):,} files, {total:,} bytes. Your own proof: {_proofs(files)}.",
        *[_signature(one) for one in _list(said, "signatures")],
        *[f"Listed by you and not delivered, or not taken: `{name}`." for name in _texts(said, "missing")[:_NAMED]],
        "",
        *[f"- `{one.get('name')}`, {one.get('bytes')} bytes, SHA-256 {one.get('sha256')}" for one in files[:_NAMED]],
        *([f"- and {len(files) - _NAMED:,} more, in the signed receipt"] if len(files) > _NAMED else []),
        "",
        "The signed receipt beside this text can be checked with `openssl` and `jq`: docs/partners.md.",
        "",
    ]
    return "\n".join(map(_plain, lines)).encode()


def _plain(line: str) -> str:
    """Return a line that stays one: whoever names files must not write lines into a receipt."""
    return "".join(
        char.encode("unicode_escape", "surrogatepass").decode()
        if unicodedata.category(char).startswith("C")
        else char
        for char in line
    )


def _signature(one: Mapping[str, object]) -> str:
    return f"Signature `{one.get('name')}` over `{one.get('signed')}`: {one.get('result')}, {one.get('by')}."


def _proofs(files: list[Mapping[str, object]]) -> str:
    counts = {name: sum(one.get("proof") == name for one in files) for name in ("matches", "differs", "none")}
    said = {"matches": "match", "differs": "differ", "none": "have none"}
    return ", ".join(f"{counts[name]:,} {word}" for name, word in said.items() if counts[name])


def _list(said: Mapping[str, object], name: str) -> list[Mapping[str, object]]:
    value = said.get(name)
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _texts(said: Mapping[str, object], name: str) -> list[str]:
    value = said.get(name)
    return [str(one) for one in value] if isinstance(value, list) else []


def _inner(said: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = said.get(name)
    return value if isinstance(value, dict) else {}
