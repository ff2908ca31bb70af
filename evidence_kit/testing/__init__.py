"""Conformance suites that the authors of plug-ins inherit; the only part of the package that needs pytest."""

import pytest

# Before the suites are imported: their assertions are to show both sides.
pytest.register_assert_rewrite(
    "evidence_kit.testing.collector", "evidence_kit.testing.signer", "evidence_kit.testing.vault"
)

from evidence_kit.testing.collector import CollectorConformance  # noqa: E402 - see above
from evidence_kit.testing.loopback import Asked, Loopback, Reply  # noqa: E402
from evidence_kit.testing.provider import Answer, Fault, Kind, Provider  # noqa: E402
from evidence_kit.testing.signer import SignerConformance  # noqa: E402
from evidence_kit.testing.vault import DepositConformance, VaultConformance  # noqa: E402

__all__ = [
    "Answer",
    "Asked",
    "CollectorConformance",
    "DepositConformance",
    "Fault",
    "Kind",
    "Loopback",
    "Provider",
    "Reply",
    "SignerConformance",
    "VaultConformance",
]
