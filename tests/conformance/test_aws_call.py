"""`aws.call` does what every collector must."""

from dataclasses import replace

from support.conformance_aws import AwsConformance

GET = {
    "operation": "GetFindings",
    "each": {"path": "FindingIds[]", "as": "ids", "batch": 50},
    "params": {"DetectorId": "{detector}", "FindingIds": "{ids}"},
    "result": "Findings",
    "answers": {"path": "Findings[].Id"},
    "records": "Findings",
}
LIST = {
    "operation": "ListFindings",
    "each": {"path": "DetectorIds[]", "as": "detector"},
    "params": {"DetectorId": "{detector}", "MaxResults": 50},
    "result": "FindingIds",
    "then": [GET],
}
CALLS = [{"operation": "ListDetectors", "result": "DetectorIds", "then": [LIST]}]


class TestApiCall(AwsConformance):
    source, operation, empty = "aws.guardduty.findings", "ListFindings", b'{"findingIds": []}'

    def spec(self):
        """Ask for no more than it takes to have calls within calls, pages and batches."""
        return replace(super().spec(), settings={"service": "guardduty", "calls": CALLS})

    def truth(self, cloud):
        return (f'"id": "{finding}"'.encode() for finding in cloud.truth.findings[self.place])
