"""AWS on loopback for any service and operation: botocore's models give the shape, a fixture the content."""
