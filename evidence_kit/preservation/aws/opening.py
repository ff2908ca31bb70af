"""Opens desks at AWS, all with the same sessions."""

from collections.abc import Mapping

from evidence_kit.errors import AccessError
from evidence_kit.model.ports import Context
from evidence_kit.model.unit import Unit
from evidence_kit.preservation.aws.desk import ActingAws, AwsDesk
from evidence_kit.preservation.credentials import acting, refusal
from evidence_kit.preservation.mechanism import Opener


def opener(environ: Mapping[str, str]) -> Opener:  # noqa: ARG001 - the SDK reads it
    """Return what opens the desk of a unit."""
    access = ActingAws()

    def open_desk(unit: Unit, ctx: Context, writes: tuple[str, ...]) -> AwsDesk:
        if (target := acting(unit.target)) is None:
            raise AccessError(refusal(unit.target))
        return AwsDesk(unit, target, access, ctx, writes=writes)

    return open_desk
