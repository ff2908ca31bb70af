"""As whom the providers knew us: the callers that they named in their answers, gathered at the seal."""

from evidence_kit.custody import bag, ledger, strict
from evidence_kit.errors import EvidenceKitError, SignatureError
from evidence_kit.model.ports import Vault

MAX_CALLERS = 1000  # a principal a target; beyond that something else is wrong
_MARK = b'"caller":"'  # the ledger is compact JSON, in which a quote within a value is escaped


def callers(vault: Vault, root: str) -> tuple[str, ...]:
    """Return every caller that the ledger of a bag names, in order of first mention."""
    found: dict[str, None] = {}
    known: set[bytes] = set()  # callers as they stand in a line; nearly all lines name the same
    try:
        with vault.open(f"{root}/{bag.LEDGER}") as stream:
            for line, _ in ledger.raw_lines(stream):
                if _MARK not in line or len(found) >= MAX_CALLERS or (raw := _standing(line)) in known:
                    continue
                if said := _caller(line):
                    found[said] = None
                    known.update([raw] if raw else ())
    except EvidenceKitError:
        pass  # whoever seals reads the ledger next, and says what is wrong with it
    return tuple(found)


def _standing(line: bytes) -> bytes:
    """Return the caller as it stands; nothing where it is not certain where that begins or ends."""
    after = line.partition(_MARK)[2]
    raw, _, rest = after.partition(b'"')
    return b"" if b"\\" in raw or _MARK in rest else raw


def _caller(line: bytes) -> str:
    try:
        return strict.field(strict.decode(line), "caller", str)
    except SignatureError:
        return ""
