"""How an event ended, of all the words that providers have for it: success, failure, or unknown."""

import re

from evidence_kit.analysis.timeline.groups import FAILED

_FAILED = re.compile(FAILED, re.IGNORECASE)
_SUCCEEDED = re.compile(
    r"^(success|succeeded|ok|allow|allowed|accept|accepted|true|granted|start|2\d\d)$", re.IGNORECASE
)


def outcome_of(text: str) -> str:
    """Return `success`, `failure` or `unknown`; what nobody has said is never taken for success."""
    if _FAILED.search(text):
        return "failure"
    return "success" if _SUCCEEDED.search(text) else "unknown"
