"""A role for another account to take, with the policies it needs, as CloudFormation or Terraform creates it."""

import json
from collections.abc import Mapping, Sequence
from textwrap import indent

import yaml

_CLOUDFORMATION = """\
# Made by `evidence-kit sources permissions --format cloudformation`; do not edit, make it again.
AWSTemplateFormatVersion: "2010-09-09"
Description: A role that may read what evidence-kit collects, and nothing else.

Parameters:
  CollectorArn:
    Description: The role or user that collects, in another account.
    Type: String
    AllowedPattern: "arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/.+"
  ExternalId:
    Description: What the collector must say to take the role; a random value of your own, the same in its inventory.
    Type: String
    MinLength: 16
    MaxLength: 1224
    AllowedPattern: "[A-Za-z0-9+=,.@:/-]+"
  RoleName:
    Type: String
    Default: evidence-kit-reader
  SessionSeconds:
    Description: How long a session may last; a run that lasts longer renews it by itself.
    Type: Number
    Default: 3600
    MinValue: 3600
    MaxValue: 43200

Resources:
  Reader:
    Type: AWS::IAM::Role
    Properties:
      RoleName: !Ref RoleName
      Description: Reads evidence; changes nothing.
      MaxSessionDuration: !Ref SessionSeconds
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal:
              AWS: !Ref CollectorArn
            Action: sts:AssumeRole
            Condition:
              StringEquals:
                sts:ExternalId: !Ref ExternalId
      ManagedPolicyArns:
<references>
<policies>
Outputs:
  RoleArn:
    Description: For `role` in the inventory.
    Value: !GetAtt Reader.Arn
"""
_POLICY = """\
  Policy<number>:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      Description: What evidence-kit reads, part <number>.
      PolicyDocument:
<document>
"""
_TERRAFORM = """\
# Made by `evidence-kit sources permissions --format terraform`; do not edit, make it again.
terraform {
  required_version = ">= 1.3"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

variable "collector_arn" {
  description = "The role or user that collects, in another account."
  type        = string
}

variable "external_id" {
  description = "What the collector must say to take the role; a random value of your own, the same in its inventory."
  type        = string
  validation {
    condition     = length(var.external_id) >= 16
    error_message = "An external id has 16 characters at least."
  }
}

variable "role_name" {
  type    = string
  default = "evidence-kit-reader"
}

variable "session_seconds" {
  description = "How long a session may last; a run that lasts longer renews it by itself."
  type        = number
  default     = 3600
}

resource "aws_iam_role" "reader" {
  name                 = var.role_name
  description          = "Reads evidence; changes nothing."
  max_session_duration = var.session_seconds
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = var.collector_arn }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "sts:ExternalId" = var.external_id } }
    }]
  })
}

<policies>
output "role_arn" {
  description = "For `role` in the inventory."
  value       = aws_iam_role.reader.arn
}
"""
_ATTACHED = """\
resource "aws_iam_policy" "reader_<number>" {
  name        = "${var.role_name}-<number>"
  description = "What evidence-kit reads, part <number>."
  policy      = <<-POLICY
<document>
  POLICY
}

resource "aws_iam_role_policy_attachment" "reader_<number>" {
  role       = aws_iam_role.reader.name
  policy_arn = aws_iam_policy.reader_<number>.arn
}
"""


def cloudformation(policies: Sequence[Mapping[str, object]]) -> str:
    """Return a template in YAML, without a line break at its end."""
    numbers = range(1, len(policies) + 1)
    written = [
        _fill(_POLICY, number=str(number), document=indent(_yaml(policy), " " * 8))
        for number, policy in zip(numbers, policies, strict=True)
    ]
    references = "\n".join(f"        - !Ref Policy{number}" for number in numbers)
    return _fill(_CLOUDFORMATION, references=references, policies="".join(written)).rstrip()


def terraform(policies: Sequence[Mapping[str, object]]) -> str:
    """Return a configuration, without a line break at its end."""
    written = [
        _fill(_ATTACHED, number=str(number), document=indent(json.dumps(policy, indent=2), "    "))
        for number, policy in enumerate(policies, 1)
    ]
    return _fill(_TERRAFORM, policies="\n".join(written)).rstrip()


def _yaml(policy: Mapping[str, object]) -> str:
    """Return a policy as YAML without anchors: it shares parts with other policies."""
    plain = json.loads(json.dumps(policy))
    return yaml.safe_dump(plain, sort_keys=False).rstrip()


def _fill(template: str, **values: str) -> str:
    """Put values into `<name>`; templates of both languages use braces themselves."""
    for name, value in values.items():
        template = template.replace(f"<{name}>", value)
    return template
