"""Opens desks at Google, all with the same sessions."""

from collections.abc import Mapping

from evidence_kit.errors import AccessError
from evidence_kit.model.ports import Context
from evidence_kit.model.unit import Unit
from evidence_kit.preservation.credentials import acting, refusal
from evidence_kit.preservation.gcp.access import ActingGcp
from evidence_kit.preservation.mechanism import Opener
from evidence_kit.preservation.web import WebDesk


def opener(environ: Mapping[str, str]) -> Opener:  # noqa: ARG001 - google-auth reads it
    """Return what opens the desk of a unit."""
    access = ActingGcp()

    def open_desk(unit: Unit, ctx: Context, writes: tuple[str, ...]) -> WebDesk:
        if (target := acting(unit.target)) is None:
            raise AccessError(refusal(unit.target))
        return WebDesk(unit, target, access, ctx, writes=writes)

    return open_desk
