"""Check AWS's proof over CloudTrail log files, offline and for ever.

What it proves: the log files that CloudTrail delivered while validation was on, and that the digests list, are
the bytes that AWS signed; and no digest between the first and the last given has been taken out of a chain.

What it does not prove:
- that an event which was never delivered did not happen. Logging can be off, validation can be off, a selector
  can exclude; such intervals come out as findings, and `StopLogging`, `UpdateTrail` and `DeleteTrail` events
  say more;
- that digests were not cut off at either end of a chain. The digest after a cut is what would tell, so a cut at
  an end looks like a trail that was stopped;
- that the keys are AWS's. CloudTrail's keys carry no certificate; they are as good as the exchange in which
  `ListPublicKeys` returned them and the seal that keeps it.
"""

from evidence_kit.custody.cloudtrail.chain import ChainResult, check_chain
from evidence_kit.custody.cloudtrail.digest import (
    Digest,
    LogClaim,
    Previous,
    check_signature,
    parse_digest,
)
from evidence_kit.custody.cloudtrail.inflate import inflated_sha256

__all__ = [
    "ChainResult",
    "Digest",
    "LogClaim",
    "Previous",
    "check_chain",
    "check_signature",
    "inflated_sha256",
    "parse_digest",
]
