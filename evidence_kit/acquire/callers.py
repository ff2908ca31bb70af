"""As whom the providers knew us: the callers that they named in their answers, gathered at the seal."""

from evidence_kit.custody import bag, ledger, strict
from evidence_kit.errors import EvidenceKitError, SignatureError
from evidence_kit.model.ports import Vault

MAX_CALLERS = 1000  # a principal a target; beyond that something else is wrong
_MARK = b'"caller":"'  # the ledger is compact JSON, in which a quote within a value is escaped


def callers(vault: Vault, root: str) -> tuple[str, ...]:
    """Return every caller that the ledger of a bag names, in order of first mention."""
    found: dict[str, None] = {}
    try:
        with vault.open(f"{root}/{bag.LEDGER}") as stream:
            for line, _ in ledger.raw_lines(stream):
                if _MARK in line and len(found) < MAX_CALLERS and (said := _caller(line)):
                    found[said] = None
    except EvidenceKitError:
        pass  # whoever seals reads the ledger next, and says what is wrong with it
    return tuple(found)


def _caller(line: bytes) -> str:
    try:
        return strict.field(strict.decode(line), "caller", str)
    except SignatureError:
        return ""
