"""Which AWS regions exist, according to the SDK's own data, and which an account has switched on."""

import re
from collections.abc import Iterable

import boto3

from evidence_kit.errors import UsageError
from evidence_kit.model.document import did_you_mean

_SHAPE = re.compile(r"[a-z]{2,8}(-[a-z]+)+-\d{1,2}")


def known_regions() -> tuple[str, ...]:
    """Return the names of all regions of all partitions."""
    session = boto3.Session(region_name="us-east-1", aws_access_key_id="-", aws_secret_access_key="-")  # noqa: S106
    names: set[str] = set()
    for partition in session.get_available_partitions():
        names.update(session.get_available_regions("ec2", partition_name=partition))
    return tuple(sorted(names))


def require_known(regions: Iterable[str]) -> None:
    """Raise UsageError for a name that is no region, with the nearest one that is."""
    known = known_regions()
    for region in regions:
        if region not in known or not _SHAPE.fullmatch(region):
            raise UsageError(f"unknown region `{region}`", hint=did_you_mean(region, known))
