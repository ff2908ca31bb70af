"""Every error class, with its hint and its exit code: the one table of how this program can end."""

from enum import IntEnum
from typing import ClassVar, Self


class Exit(IntEnum):
    """Exit codes. 2-8 say what stopped a run; 10-16 are verdicts on evidence.

    README and docs are generated from this table.
    """

    meaning: str

    def __new__(cls, code: int, meaning: str) -> Self:
        """Pair the code with its meaning."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member

    OK = 0, "did what was asked"
    INTERNAL = 1, "a bug in evidence-kit"
    USAGE = 2, "command line, inventory, source or configuration invalid; nothing collected"
    INCOMPLETE = 3, "sealed and authentic, coverage known to be partial"
    EMPTY = 4, "nothing matched, nothing to verify"
    ACCESS = 5, "credentials missing, expired or denied; wrong passphrase"
    PROVIDER = 6, "provider or network failed after retries"
    PLUGIN = 7, "unknown, broken or clashing plug-in"
    VAULT = 8, "store unreadable, unwritable, full or locked"
    DIGEST = 10, "bytes differ from the manifest"
    MISSING = 11, "a listed file is gone"
    UNEXPECTED = 12, "a file that no manifest lists"
    SIGNATURE = 13, "a signature does not verify"
    CHAIN = 14, "custody log or exchange chain broken, reordered, truncated or rolled back"
    UNTRUSTED = 15, "intact, but signer, role or time is not trusted by the caller"
    PROVIDER_PROOF = 16, "a provider's own proof (CloudTrail digest) contradicts the evidence"
    INTERRUPTED = 130, "stopped by the operator before the seal"


class EvidenceKitError(Exception):
    """Anything this program says on purpose: what happened, what to do, how to exit."""

    exit: ClassVar[Exit] = Exit.INTERNAL

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(EvidenceKitError):
    """What the person wrote cannot be carried out."""

    exit = Exit.USAGE


class EmptyError(EvidenceKitError):
    """There is nothing to work on, which is never a success."""

    exit = Exit.EMPTY


class AccessError(EvidenceKitError):
    """Credentials are missing, expired, denied, or a passphrase is wrong."""

    exit = Exit.ACCESS


class ProviderError(EvidenceKitError):
    """The provider or the network failed after retries."""

    exit = Exit.PROVIDER


class PluginError(EvidenceKitError):
    """A collector, signer or vault is unknown, broken or claimed twice."""

    exit = Exit.PLUGIN


class VaultError(EvidenceKitError):
    """The place where the case lives cannot be read, written or locked."""

    exit = Exit.VAULT


class DigestError(EvidenceKitError):
    """Bytes differ from what was recorded."""

    exit = Exit.DIGEST


class MissingError(EvidenceKitError):
    """A recorded file is gone."""

    exit = Exit.MISSING


class UnexpectedError(EvidenceKitError):
    """A file is there that nothing lists, or is not a plain file."""

    exit = Exit.UNEXPECTED


class SignatureError(EvidenceKitError):
    """A signature does not verify, or what carries it cannot be decoded strictly."""

    exit = Exit.SIGNATURE


class ChainError(EvidenceKitError):
    """A log or ledger is broken, reordered, truncated or rolled back."""

    exit = Exit.CHAIN


class UntrustedError(EvidenceKitError):
    """Intact, but the caller's policy does not trust who signed, as what, or when."""

    exit = Exit.UNTRUSTED


class ProviderProofError(EvidenceKitError):
    """A provider's own proof contradicts the evidence."""

    exit = Exit.PROVIDER_PROOF


class OperatorStop(EvidenceKitError):  # noqa: N818 - a wish, not a mistake
    """The operator stopped the run before the seal."""

    exit = Exit.INTERRUPTED
