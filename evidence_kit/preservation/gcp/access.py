"""Google's access with the scope that may write; what it may do is bounded by the roles of its own account."""

from evidence_kit.collectors.gcp.access import GcpAccess
from evidence_kit.collectors.gcp.bearer import Bearer
from evidence_kit.model.unit import Target

_WHOLE = "iam"  # an API that knows no scope of reading alone: for it, the whole scope is asked for


class ActingGcp(GcpAccess):
    """Sessions and tokens of the credentials that may act; shared with no collector."""

    def _bearer(self, target: Target, api: str) -> Bearer:  # noqa: ARG002 - every API is asked with one scope
        return super()._bearer(target, _WHOLE)
