"""The sources of the catalogue that the sandbox has something to tell for."""

SOURCES = (
    "aws.bedrock.invocations_s3",
    "aws.bedrock.logging",
    "aws.cloudtrail.digest",
    "aws.cloudtrail.lookup",
    "aws.cloudtrail.s3",
    "aws.cloudtrail.trails",
    "aws.cloudwatch.logs",
    "aws.ec2.config",
    "aws.guardduty.findings",
    "aws.iam.account",
    "aws.iam.credential_report",
    "aws.organizations.accounts",
    "aws.sagemaker.capture_state",
    "aws.sagemaker.data_capture",
    "aws.sagemaker.endpoints",
    "aws.sagemaker.model_artifacts",
)
