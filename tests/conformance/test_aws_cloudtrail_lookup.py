"""`aws.cloudtrail_lookup` does what every collector must."""

from support.conformance_aws import AwsConformance

from evidence_kit.sandbox.incident import SHOP


class TestCloudTrailLookup(AwsConformance):
    source, operation, empty = "aws.cloudtrail.lookup", "LookupEvents", b'{"Events": []}'
    place = (SHOP, "ap-southeast-2")

    def truth(self, cloud):
        return (f'"EventId": "{event}"'.encode() for event in cloud.truth.lookup[self.place])
