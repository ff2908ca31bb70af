"""What the playbooks about the pipeline are told of the hybrid incident: inputs, and who answers what."""

from support.playing import Table

from evidence_kit.sandbox.hybrid import cast
from evidence_kit.sandbox.hybrid.estates import Hybrid

FEED = {
    "bucket": cast.FEATURES,
    "prefix": "fraud/",
    "supplier": "supplier-acme",
    "supplier_networks": [f"{cast.SUPPLIER}/32"],
}
POISONED_SPAN = "fraud-score fraud-score-8 2026-11-20T14:13:00Z/2026-11-20T20:24:11Z"
PACKAGE = f"{cast.SAGEMAKER}:model-package/{cast.MODEL_GROUP}/8"


def versions(estates: Hybrid) -> dict[str, list[str]]:
    """Return what the bucket of features holds, as S3 itself says: the versions of each key, newest first."""
    found: dict[str, list[str]] = {}
    for one in estates.cloud.client("s3").list_object_versions(Bucket=cast.FEATURES)["Versions"]:
        found.setdefault(one["Key"], []).append(one["VersionId"])
    return found


def failed(table: Table) -> list[str]:
    """Return what the verification of the case finds wrong."""
    report = table.verify()
    return [defect.message for defect in report.defects] or ([] if report.exit() == 0 else ["not authentic"])
