"""`gcp.call` does what every collector must."""

import pytest
from support.conformance_google import GoogleConformance

from evidence_kit.sandbox.google.estate import project_lists

pytestmark = pytest.mark.slow

ACCOUNTS = "/iam/v1/projects/shop-prod-1/serviceAccounts"


class TestGcpCalls(GoogleConformance):
    source, evidence, path = "gcp.iam.service_accounts", "/iam/", "/serviceAccounts"

    def furnish(self, google):
        google.estate.lists = project_lists()
        google.estate.lists[ACCOUNTS] = [*google.estate.lists[ACCOUNTS], {}]  # two pages cannot turn in circles
        names = [account["name"] for page in google.estate.lists[ACCOUNTS] for account in page.get("accounts", ())]
        return (f'"name": "{name}{more}"'.encode() for name in names for more in ("", "/keys/0a1b"))

    def clear(self, google):
        google.estate.lists[ACCOUNTS] = [{}]
