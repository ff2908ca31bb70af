"""AWS: paginated calls, CloudTrail lookup, S3 objects, CloudTrail digests, CloudWatch Logs."""
