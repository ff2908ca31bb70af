"""How a unit of work can end: exactly one of these, and only two of them mean "everything"."""

from enum import StrEnum


class UnitStatus(StrEnum):
    """The end of a unit. A unit without one was not done."""

    COMPLETE = "complete"
    COMPLETE_UNSETTLED = "complete_unsettled"
    PARTIAL_TRUNCATED = "partial_truncated"
    PARTIAL_THROTTLED = "partial_throttled"
    PARTIAL_ERROR = "partial_error"
    DENIED = "denied"
    DENIED_BY_POLICY = "denied_by_policy"
    NOT_ENABLED = "not_enabled"
    NOT_CONFIGURED = "not_configured"
    NOT_LICENSED = "not_licensed"
    EXPIRED_RETENTION = "expired_retention"
    REGION_DISABLED = "region_disabled"
    OUT_OF_SCOPE = "out_of_scope"
    SAMPLED_AT_SOURCE = "sampled_at_source"
    EXCLUDED_AT_SOURCE = "excluded_at_source"
    INTEGRITY_FAILED = "integrity_failed"
    SKIPPED_BY_OPERATOR = "skipped_by_operator"

    @property
    def is_whole(self) -> bool:
        """Whether the provider has nothing more to give for this unit, now or later."""
        return self in _WHOLE

    @property
    def is_open(self) -> bool:
        """Whether trying again can bring more."""
        return self in _OPEN

    @property
    def meaning(self) -> str:
        """What a person should understand."""
        return _MEANING[self]


_MEANING = {
    UnitStatus.COMPLETE: "the provider said that this is all",
    UnitStatus.COMPLETE_UNSETTLED: "all there is now; the provider may still deliver more",
    UnitStatus.PARTIAL_TRUNCATED: "ended before the provider's last page",
    UnitStatus.PARTIAL_THROTTLED: "given up after repeated throttling",
    UnitStatus.PARTIAL_ERROR: "given up after an error",
    UnitStatus.DENIED: "the credentials may not read this",
    UnitStatus.DENIED_BY_POLICY: "an organisation-level policy forbids reading this",
    UnitStatus.NOT_ENABLED: "the service or feature is off here",
    UnitStatus.NOT_CONFIGURED: "nothing is set up that would have recorded this",
    UnitStatus.NOT_LICENSED: "the subscription does not include this",
    UnitStatus.EXPIRED_RETENTION: "older than the provider keeps it",
    UnitStatus.REGION_DISABLED: "the region is not enabled for this account",
    UnitStatus.OUT_OF_SCOPE: "outside the authority given",
    UnitStatus.SAMPLED_AT_SOURCE: "the provider records only a sample",
    UnitStatus.EXCLUDED_AT_SOURCE: "the provider was told not to record part of this",
    UnitStatus.INTEGRITY_FAILED: "the provider's own proof contradicts what it delivered",
    UnitStatus.SKIPPED_BY_OPERATOR: "the operator stopped before this was tried",
}
# Nothing was lost here: a feature that is off, or a region that is, has nothing to give.
_WHOLE = frozenset(
    {UnitStatus.COMPLETE, UnitStatus.NOT_ENABLED, UnitStatus.NOT_CONFIGURED, UnitStatus.REGION_DISABLED}
)
_OPEN = frozenset(
    {
        UnitStatus.COMPLETE_UNSETTLED,
        UnitStatus.PARTIAL_TRUNCATED,
        UnitStatus.PARTIAL_THROTTLED,
        UnitStatus.PARTIAL_ERROR,
        UnitStatus.DENIED,
        UnitStatus.DENIED_BY_POLICY,
        UnitStatus.SKIPPED_BY_OPERATOR,
    }
)
