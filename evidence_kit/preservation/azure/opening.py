"""Opens desks at Microsoft: with the reader's environment where the inventory says so, else without its secret."""

from collections.abc import Mapping

from evidence_kit.collectors.azure.access import AzureAccess
from evidence_kit.errors import AccessError
from evidence_kit.model.ports import Context
from evidence_kit.model.unit import Unit
from evidence_kit.preservation.credentials import FIELD, SAME, SECRET, acting, refusal
from evidence_kit.preservation.mechanism import Opener
from evidence_kit.preservation.web import WebDesk


def opener(environ: Mapping[str, str]) -> Opener:
    """Return what opens the desk of a unit."""
    tenant = {name: value for name, value in environ.items() if name == "AZURE_TENANT_ID"}
    reading = AzureAccess(environ)
    own = AzureAccess({**tenant, "AZURE_CLIENT_SECRET": environ.get(SECRET, "")})

    def open_desk(unit: Unit, ctx: Context, writes: tuple[str, ...]) -> WebDesk:
        if (target := acting(unit.target)) is None:
            raise AccessError(refusal(unit.target))
        if unit.target.access.get(FIELD) == SAME:
            return WebDesk(unit, target, reading, ctx, writes=writes)
        if not environ.get(SECRET):
            # Without it, azure-identity would find the reader's secret in the environment and use that.
            raise AccessError(f"no secret for the credentials that may act at {target.label}", hint=f"set {SECRET}")
        return WebDesk(unit, target, own, ctx, writes=writes)

    return open_desk
