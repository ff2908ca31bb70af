"""Mechanism names to the code that implements them, loaded when used; a name claimed twice is an error."""

from collections.abc import Mapping, MutableMapping
from importlib import import_module, metadata
from typing import Protocol, cast

from evidence_kit.errors import PluginError
from evidence_kit.model.document import did_you_mean
from evidence_kit.model.grants import Grantor
from evidence_kit.model.ports import Collector
from evidence_kit.model.source import SourceSpec

GROUP = "evidence_kit.collectors"
# Name -> "module:attribute". A table, not imports: `--help` must not load an SDK.
BUILTIN: Mapping[str, str] = {
    "aws.call": "evidence_kit.collectors.aws.call:ApiCall",
    "aws.cloudtrail_digest": "evidence_kit.collectors.aws.cloudtrail_digest:CloudTrailDigest",
    "aws.cloudtrail_lookup": "evidence_kit.collectors.aws.cloudtrail_lookup:CloudTrailLookup",
    "aws.cloudwatch_logs": "evidence_kit.collectors.aws.cloudwatch_logs:CloudWatchLogs",
    "aws.s3_logs": "evidence_kit.collectors.aws.s3_logs:S3Logs",
    "aws.s3_objects": "evidence_kit.collectors.aws.s3_objects:S3Objects",
    "azure.activity_feed": "evidence_kit.collectors.azure.activity_feed:ActivityFeed",
    "azure.audit_query": "evidence_kit.collectors.azure.audit_query:AuditQuery",
    "azure.blob_logs": "evidence_kit.collectors.azure.blob_logs:BlobLogs",
    "azure.call": "evidence_kit.collectors.azure.calls:AzureCalls",
    "azure.entra_logs": "evidence_kit.collectors.azure.entra_logs:EntraLogs",
    "azure.hunting": "evidence_kit.collectors.azure.hunting:Hunting",
    "azure.log_analytics": "evidence_kit.collectors.azure.log_analytics:LogAnalytics",
    "gcp.call": "evidence_kit.collectors.gcp.call:GcpCalls",
    "gcp.gcs_objects": "evidence_kit.collectors.gcp.gcs_objects:GcsObjects",
    "gcp.logging": "evidence_kit.collectors.gcp.logging:CloudLogging",
    "intake.files": "evidence_kit.collectors.intake.files:IntakeFiles",
    "partner.rest": "evidence_kit.collectors.partner.rest:PartnerRest",
}
# What the mechanisms of a provider share in one run: sessions, credentials, clients.
ACCESS: Mapping[str, str] = {
    "aws": "evidence_kit.collectors.aws.access:AwsAccess",
    "azure": "evidence_kit.collectors.azure.access:AzureAccess",
    "gcp": "evidence_kit.collectors.gcp.access:GcpAccess",
    "intake": "evidence_kit.vaults.delivered:Deliveries",
    "partner": "evidence_kit.collectors.partner.access:PartnerAccess",
}
# What asks a provider whether permissions are granted.
GRANTS: Mapping[str, str] = {
    "aws": "evidence_kit.collectors.aws.grants:ask",
    "azure": "evidence_kit.collectors.azure.grants:ask",
    "gcp": "evidence_kit.collectors.gcp.grants:ask",
}


class Factory(Protocol):
    """Makes a collector for one source; `access` is what its provider's mechanisms share."""

    def __call__(self, spec: SourceSpec, access: object) -> Collector:
        """Return the collector."""
        ...


def build(specs: Mapping[str, SourceSpec], shared: MutableMapping[str, object] | None = None) -> dict[str, Collector]:
    """Return a collector for every source of one run; `shared` takes the accesses by provider, for others to use."""
    shared = {} if shared is None else shared
    collectors: dict[str, Collector] = {}
    for name, spec in specs.items():
        if spec.provider not in shared:
            shared[spec.provider] = access(spec.provider, spec.mechanism)
        collectors[name] = factory(spec.mechanism)(spec, shared[spec.provider])
    return collectors


def access(provider: str, mechanism: str = "") -> object:
    """Return a new shared access of `provider`, else of the family of `mechanism`, or None where there is none."""
    where = ACCESS.get(provider) or ACCESS.get(mechanism.partition(".")[0])
    return _load(where, provider)() if where else None  # type: ignore[operator]


def grantor(provider: str) -> Grantor | None:
    """Return what asks `provider` about permissions, or None where nobody can be asked."""
    where = GRANTS.get(provider)
    return cast("Grantor", _load(where, provider)) if where else None


def factory(mechanism: str) -> Factory:
    """Return the factory of `mechanism`: a built-in, or exactly one installed plug-in."""
    found = [point for point in metadata.entry_points(group=GROUP) if point.name == mechanism]
    builtin = BUILTIN.get(mechanism)
    if len(found) + bool(builtin) > 1:
        raise PluginError(
            f"mechanism `{mechanism}` is claimed more than once",
            hint=f"uninstall one of: {', '.join(point.value for point in found)}",
        )
    if builtin:
        return cast("Factory", _load(builtin, mechanism))
    if not found:
        raise PluginError(f"no mechanism is called `{mechanism}`", hint=did_you_mean(mechanism, BUILTIN))
    return cast("Factory", _load(found[0].value, mechanism))


def _load(where: str, name: str) -> object:
    module, _, attribute = where.partition(":")
    try:
        return getattr(import_module(module), attribute)
    except Exception as error:  # importing a plug-in runs its code, which may fail in any way
        raise PluginError(f"`{name}` cannot be loaded from {where}: {error}") from error
