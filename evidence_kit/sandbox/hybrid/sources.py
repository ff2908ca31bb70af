"""The sources that hold the story, estate by estate, with what gives it its setting."""

from collections.abc import Mapping

from evidence_kit.sandbox.hybrid import google, microsoft, partners
from evidence_kit.sandbox.sources import SOURCES as INTRUSION

AWS = (*INTRUSION, "aws.sagemaker.model_packages", "aws.sagemaker.training_jobs")
BY_PROVIDER: Mapping[str, tuple[str, ...]] = {
    "aws": AWS,
    "azure": microsoft.SOURCES,
    "gcp": google.SOURCES,
    "partners": tuple(partners.PARAMS),
}
SOURCES = tuple(name for names in BY_PROVIDER.values() for name in names)
