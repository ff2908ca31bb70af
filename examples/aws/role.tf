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

resource "aws_iam_policy" "reader_1" {
  name        = "${var.role_name}-1"
  description = "What evidence-kit reads, part 1."
  policy      = <<-POLICY
    {
      "Version": "2012-10-17",
      "Statement": [
        {
          "Sid": "EvidenceKitAccountWide",
          "Effect": "Allow",
          "Action": [
            "access-analyzer:ListAnalyzers",
            "athena:ListDataCatalogs",
            "athena:ListWorkGroups",
            "backup:DescribeRegionSettings",
            "backup:ListBackupPlans",
            "backup:ListBackupVaults",
            "bedrock-agentcore:ListAgentRuntimeEndpoints",
            "bedrock-agentcore:ListAgentRuntimeVersions",
            "bedrock-agentcore:ListAgentRuntimes",
            "bedrock-agentcore:ListBrowserSessions",
            "bedrock-agentcore:ListBrowsers",
            "bedrock-agentcore:ListCodeInterpreters",
            "bedrock-agentcore:ListGateways",
            "bedrock-agentcore:ListMemories",
            "bedrock:GetModelInvocationLoggingConfiguration",
            "bedrock:ListAgents",
            "bedrock:ListCustomModelDeployments",
            "bedrock:ListCustomModels",
            "bedrock:ListEvaluationJobs",
            "bedrock:ListFlows",
            "bedrock:ListFoundationModels",
            "bedrock:ListImportedModels",
            "bedrock:ListInferenceProfiles",
            "bedrock:ListKnowledgeBases",
            "bedrock:ListModelCopyJobs",
            "bedrock:ListModelCustomizationJobs",
            "bedrock:ListModelImportJobs",
            "bedrock:ListModelInvocationJobs",
            "bedrock:ListProvisionedModelThroughputs",
            "cloudformation:ListStackSets",
            "cloudformation:ListStacks",
            "cloudfront:ListCloudFrontOriginAccessIdentities",
            "cloudfront:ListDistributions",
            "cloudfront:ListFunctions",
            "cloudfront:ListKeyGroups",
            "cloudfront:ListOriginAccessControls",
            "cloudfront:ListPublicKeys",
            "cloudfront:ListRealtimeLogConfigs",
            "cloudtrail:DescribeTrails",
            "cloudtrail:ListEventDataStores",
            "cloudtrail:ListPublicKeys",
            "cloudtrail:ListTrails",
            "cloudtrail:LookupEvents",
            "codebuild:ListProjects",
            "config:DescribeComplianceByConfigRule",
            "config:DescribeConfigRules",
            "config:DescribeConfigurationAggregators",
            "config:DescribeConformancePacks",
            "config:DescribeDeliveryChannelStatus",
            "config:DescribeDeliveryChannels",
            "config:DescribeRetentionConfigurations",
            "config:GetDiscoveredResourceCounts",
            "config:GetResourceConfigHistory",
            "config:ListDiscoveredResources",
            "detective:ListGraphs",
            "dynamodb:ListBackups",
            "dynamodb:ListExports",
            "dynamodb:ListTables",
            "ec2:DescribeAddresses",
            "ec2:DescribeClientVpnEndpoints",
            "ec2:DescribeCustomerGateways",
            "ec2:DescribeDhcpOptions",
            "ec2:DescribeEgressOnlyInternetGateways",
            "ec2:DescribeFlowLogs",
            "ec2:DescribeIamInstanceProfileAssociations",
            "ec2:DescribeImages",
            "ec2:DescribeInstanceConnectEndpoints",
            "ec2:DescribeInstances",
            "ec2:DescribeInternetGateways",
            "ec2:DescribeKeyPairs",
            "ec2:DescribeLaunchTemplateVersions",
            "ec2:DescribeLaunchTemplates",
            "ec2:DescribeManagedPrefixLists",
            "ec2:DescribeNatGateways",
            "ec2:DescribeNetworkAcls",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeRegions",
            "ec2:DescribeRouteTables",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeSnapshots",
            "ec2:DescribeSubnets",
            "ec2:DescribeTrafficMirrorSessions",
            "ec2:DescribeTrafficMirrorTargets",
            "ec2:DescribeTransitGatewayAttachments",
            "ec2:DescribeTransitGatewayRouteTables",
            "ec2:DescribeTransitGateways",
            "ec2:DescribeVolumes",
            "ec2:DescribeVpcEndpointServiceConfigurations",
            "ec2:DescribeVpcEndpoints",
            "ec2:DescribeVpcPeeringConnections",
            "ec2:DescribeVpcs",
            "ec2:DescribeVpnConnections",
            "ec2:DescribeVpnGateways",
            "ec2:GetEbsEncryptionByDefault",
            "ec2:GetImageBlockPublicAccessState",
            "ec2:GetInstanceMetadataDefaults",
            "ec2:GetSerialConsoleAccessStatus",
            "ec2:GetSnapshotBlockPublicAccessState",
            "ec2:ListSnapshotsInRecycleBin",
            "ecr:DescribePullThroughCacheRules",
            "ecr:DescribeRegistry",
            "ecr:GetRegistryPolicy",
            "ecr:GetRegistryScanningConfiguration",
            "ecs:DescribeTaskDefinition",
            "ecs:ListClusters",
            "ecs:ListServices",
            "eks:ListClusters",
            "elasticloadbalancing:DescribeListeners",
            "elasticloadbalancing:DescribeLoadBalancerAttributes",
            "elasticloadbalancing:DescribeLoadBalancers",
            "elasticloadbalancing:DescribeRules",
            "elasticloadbalancing:DescribeTargetGroups",
            "elasticloadbalancing:DescribeTargetHealth",
            "guardduty:GetFindings",
            "guardduty:ListDetectors",
            "guardduty:ListFilters",
            "guardduty:ListFindings",
            "guardduty:ListMembers",
            "guardduty:ListPublishingDestinations",
            "health:DescribeEvents",
            "iam:GenerateCredentialReport",
            "iam:GetAccountAuthorizationDetails",
            "iam:GetAccountPasswordPolicy",
            "iam:GetAccountSummary",
            "iam:GetCredentialReport",
            "iam:GetServiceLastAccessedDetails",
            "iam:ListAccountAliases",
            "iam:ListOpenIDConnectProviders",
            "iam:ListRoles",
            "iam:ListSAMLProviders",
            "iam:ListServerCertificates",
            "iam:ListUsers",
            "iam:ListVirtualMFADevices",
            "inspector2:BatchGetAccountStatus",
            "inspector2:ListCoverage",
            "inspector2:ListFilters",
            "inspector2:ListFindings",
            "kms:DescribeCustomKeyStores",
            "kms:ListAliases",
            "kms:ListKeys",
            "lambda:ListEventSourceMappings",
            "lambda:ListFunctions",
            "lambda:ListLayerVersions",
            "lambda:ListLayers",
            "logs:DescribeAccountPolicies",
            "logs:DescribeDeliveries",
            "logs:DescribeDeliveryDestinations",
            "logs:DescribeDeliverySources",
            "logs:DescribeDestinations",
            "logs:DescribeExportTasks",
            "logs:DescribeLogGroups",
            "logs:DescribeQueries",
            "logs:DescribeResourcePolicies",
            "macie2:GetFindings",
            "macie2:GetMacieSession",
            "macie2:ListClassificationJobs",
            "macie2:ListFindings",
            "macie2:ListFindingsFilters",
            "organizations:DescribeOrganization",
            "organizations:DescribeResourcePolicy",
            "organizations:ListAWSServiceAccessForOrganization",
            "organizations:ListAccounts",
            "organizations:ListCreateAccountStatus",
            "organizations:ListDelegatedAdministrators",
            "organizations:ListHandshakesForOrganization",
            "organizations:ListPolicies",
            "organizations:ListRoots",
            "rds:DescribeEvents",
            "route53:ListHealthChecks",
            "route53:ListHostedZones",
            "route53domains:ListDomains",
            "route53resolver:ListFirewallRuleGroupAssociations",
            "route53resolver:ListFirewallRuleGroups",
            "route53resolver:ListResolverEndpoints",
            "route53resolver:ListResolverQueryLogConfigAssociations",
            "route53resolver:ListResolverQueryLogConfigs",
            "route53resolver:ListResolverRuleAssociations",
            "route53resolver:ListResolverRules",
            "s3:GetAccountPublicAccessBlock",
            "s3:ListAllMyBuckets",
            "sagemaker:ListActions",
            "sagemaker:ListApps",
            "sagemaker:ListArtifacts",
            "sagemaker:ListAssociations",
            "sagemaker:ListContexts",
            "sagemaker:ListDomains",
            "sagemaker:ListEndpointConfigs",
            "sagemaker:ListEndpoints",
            "sagemaker:ListExperiments",
            "sagemaker:ListFeatureGroups",
            "sagemaker:ListInferenceComponents",
            "sagemaker:ListModelPackageGroups",
            "sagemaker:ListModels",
            "sagemaker:ListMonitoringExecutions"
          ],
          "Resource": "*"
        }
      ]
    }
  POLICY
}

resource "aws_iam_role_policy_attachment" "reader_1" {
  role       = aws_iam_role.reader.name
  policy_arn = aws_iam_policy.reader_1.arn
}

resource "aws_iam_policy" "reader_2" {
  name        = "${var.role_name}-2"
  description = "What evidence-kit reads, part 2."
  policy      = <<-POLICY
    {
      "Version": "2012-10-17",
      "Statement": [
        {
          "Sid": "EvidenceKitAccountWide",
          "Effect": "Allow",
          "Action": [
            "sagemaker:ListMonitoringSchedules",
            "sagemaker:ListNotebookInstanceLifecycleConfigs",
            "sagemaker:ListNotebookInstances",
            "sagemaker:ListPipelines",
            "sagemaker:ListProcessingJobs",
            "sagemaker:ListSpaces",
            "sagemaker:ListStudioLifecycleConfigs",
            "sagemaker:ListTrainingJobs",
            "sagemaker:ListTransformJobs",
            "sagemaker:ListTrialComponents",
            "sagemaker:ListTrials",
            "sagemaker:ListUserProfiles",
            "secretsmanager:ListSecrets",
            "securityhub:ListAutomationRules",
            "sns:ListTopics",
            "sqs:ListQueues",
            "ssm:DescribeParameters",
            "ssm:DescribeSessions",
            "ssm:ListCommandInvocations",
            "ssm:ListCommands",
            "ssm:ListDocuments",
            "sso:ListApplications",
            "sso:ListInstances",
            "wafv2:ListIPSets",
            "wafv2:ListRuleGroups",
            "wafv2:ListWebACLs",
            "xray:GetIndexingRules",
            "xray:GetTraceSegmentDestination"
          ],
          "Resource": "*"
        },
        {
          "Sid": "EvidenceKitAnyResource",
          "Effect": "Allow",
          "Action": [
            "access-analyzer:ListArchiveRules",
            "access-analyzer:ListFindings",
            "account:GetAccountInformation",
            "account:GetAlternateContact",
            "account:GetContactInformation",
            "account:ListRegions",
            "apigateway:GET",
            "athena:BatchGetQueryExecution",
            "athena:GetWorkGroup",
            "athena:ListQueryExecutions",
            "backup:DescribeBackupVault",
            "backup:GetBackupPlan",
            "backup:GetBackupVaultAccessPolicy",
            "backup:GetBackupVaultNotifications",
            "backup:ListBackupSelections",
            "backup:ListRecoveryPointsByBackupVault",
            "bedrock-agentcore:GetAgentRuntime",
            "bedrock-agentcore:GetGateway",
            "bedrock-agentcore:GetGatewayTarget",
            "bedrock-agentcore:GetMemory",
            "bedrock-agentcore:ListActors",
            "bedrock-agentcore:ListApiKeyCredentialProviders",
            "bedrock-agentcore:ListCodeInterpreterSessions",
            "bedrock-agentcore:ListEvents",
            "bedrock-agentcore:ListGatewayTargets",
            "bedrock-agentcore:ListOauth2CredentialProviders",
            "bedrock-agentcore:ListSessions",
            "bedrock-agentcore:ListWorkloadIdentities",
            "bedrock:GetAgent",
            "bedrock:GetAgentActionGroup",
            "bedrock:GetAgentVersion",
            "bedrock:GetCustomModel",
            "bedrock:GetDataSource",
            "bedrock:GetEvaluationJob",
            "bedrock:GetFlow",
            "bedrock:GetFlowVersion",
            "bedrock:GetGuardrail",
            "bedrock:GetImportedModel",
            "bedrock:GetIngestionJob",
            "bedrock:GetKnowledgeBase",
            "bedrock:GetModelCustomizationJob",
            "bedrock:GetPrompt",
            "bedrock:ListAgentActionGroups",
            "bedrock:ListAgentAliases",
            "bedrock:ListAgentCollaborators",
            "bedrock:ListAgentKnowledgeBases",
            "bedrock:ListAgentVersions",
            "bedrock:ListDataSources",
            "bedrock:ListFlowAliases",
            "bedrock:ListFlowVersions",
            "bedrock:ListGuardrails",
            "bedrock:ListIngestionJobs",
            "bedrock:ListPrompts",
            "ce:GetAnomalies",
            "ce:GetAnomalyMonitors",
            "ce:GetAnomalySubscriptions",
            "ce:GetCostAndUsage",
            "cloudformation:DescribeStackEvents",
            "cloudformation:DescribeStacks",
            "cloudfront:GetDistributionConfig",
            "cloudtrail:GetEventDataStore",
            "cloudtrail:GetEventSelectors",
            "cloudtrail:GetInsightSelectors",
            "cloudtrail:GetTrail",
            "cloudtrail:GetTrailStatus",
            "cloudwatch:DescribeAlarmHistory",
            "cloudwatch:DescribeAlarms",
            "codebuild:BatchGetProjects",
            "config:DescribeConfigurationRecorderStatus",
            "config:DescribeConfigurationRecorders",
            "config:GetComplianceDetailsByConfigRule",
            "detective:ListDatasourcePackages",
            "detective:ListIndicators",
            "detective:ListInvestigations",
            "detective:ListMembers",
            "dynamodb:DescribeContinuousBackups",
            "dynamodb:DescribeKinesisStreamingDestination",
            "dynamodb:DescribeTable",
            "dynamodb:GetResourcePolicy",
            "ec2:DescribeImageAttribute",
            "ec2:DescribeInstanceAttribute",
            "ec2:DescribeSnapshotAttribute",
            "ec2:DescribeVpcEndpointServicePermissions",
            "ec2:GetConsoleOutput",
            "ec2:GetManagedPrefixListEntries",
            "ecr:DescribeImages",
            "ecr:DescribeRepositories",
            "ecr:GetLifecyclePolicy",
            "ecr:GetRepositoryPolicy",
            "ecs:DescribeClusters",
            "ecs:DescribeContainerInstances",
            "ecs:DescribeServices",
            "ecs:DescribeTasks",
            "ecs:ListContainerInstances",
            "ecs:ListTasks",
            "eks:DescribeAccessEntry",
            "eks:DescribeAddon",
            "eks:DescribeCluster",
            "eks:DescribeNodegroup",
            "eks:DescribePodIdentityAssociation",
            "eks:ListAccessEntries",
            "eks:ListAddons",
            "eks:ListAssociatedAccessPolicies",
            "eks:ListFargateProfiles",
            "eks:ListIdentityProviderConfigs",
            "eks:ListNodegroups",
            "eks:ListPodIdentityAssociations",
            "guardduty:GetDetector",
            "guardduty:GetFilter",
            "health:DescribeAffectedEntities",
            "health:DescribeEventDetails",
            "iam:GenerateServiceLastAccessedDetails",
            "iam:GetAccessKeyLastUsed",
            "iam:GetLoginProfile",
            "iam:GetOpenIDConnectProvider",
            "iam:GetSAMLProvider",
            "iam:ListAccessKeys",
            "iam:ListMFADevices",
            "iam:ListSSHPublicKeys",
            "iam:ListServiceSpecificCredentials",
            "iam:ListSigningCertificates",
            "identitystore:ListGroupMemberships",
            "identitystore:ListGroups",
            "identitystore:ListUsers",
            "kms:DescribeKey",
            "kms:GetKeyPolicy",
            "kms:GetKeyRotationStatus",
            "kms:ListGrants",
            "lambda:GetLayerVersionPolicy",
            "lambda:GetPolicy",
            "lambda:ListAliases",
            "lambda:ListFunctionUrlConfigs",
            "lambda:ListVersionsByFunction",
            "logs:DescribeMetricFilters",
            "logs:DescribeSubscriptionFilters",
            "logs:FilterLogEvents",
            "logs:GetDataProtectionPolicy",
            "organizations:DescribePolicy",
            "organizations:ListAccountsForParent",
            "organizations:ListDelegatedServicesForAccount",
            "organizations:ListOrganizationalUnitsForParent",
            "organizations:ListTargetsForPolicy",
            "rds:DescribeDBClusterSnapshotAttributes",
            "rds:DescribeDBClusterSnapshots",
            "rds:DescribeDBClusters",
            "rds:DescribeDBInstances",
            "rds:DescribeDBLogFiles",
            "rds:DescribeDBProxies",
            "rds:DescribeDBSnapshotAttributes",
            "rds:DescribeDBSnapshots",
            "rds:DescribeEventSubscriptions",
            "rds:DescribeExportTasks",
            "rds:DownloadDBLogFilePortion",
            "route53:GetDNSSEC",
            "route53:GetHostedZone",
            "route53:ListQueryLoggingConfigs",
            "route53:ListResourceRecordSets",
            "route53resolver:ListFirewallRules",
            "route53resolver:ListResolverEndpointIpAddresses",
            "s3:GetBucketAcl",
            "s3:GetBucketCORS",
            "s3:GetBucketLocation",
            "s3:GetBucketLogging",
            "s3:GetBucketNotification",
            "s3:GetBucketObjectLockConfiguration",
            "s3:GetBucketOwnershipControls",
            "s3:GetBucketPolicy",
            "s3:GetBucketPolicyStatus",
            "s3:GetBucketPublicAccessBlock",
            "s3:GetBucketVersioning",
            "s3:GetBucketWebsite",
            "s3:GetEncryptionConfiguration",
            "s3:GetLifecycleConfiguration",
            "s3:GetReplicationConfiguration",
            "sagemaker:DescribeAction",
            "sagemaker:DescribeArtifact",
            "sagemaker:DescribeContext"
          ],
          "Resource": "*"
        }
      ]
    }
  POLICY
}

resource "aws_iam_role_policy_attachment" "reader_2" {
  role       = aws_iam_role.reader.name
  policy_arn = aws_iam_policy.reader_2.arn
}

resource "aws_iam_policy" "reader_3" {
  name        = "${var.role_name}-3"
  description = "What evidence-kit reads, part 3."
  policy      = <<-POLICY
    {
      "Version": "2012-10-17",
      "Statement": [
        {
          "Sid": "EvidenceKitAnyResource",
          "Effect": "Allow",
          "Action": [
            "sagemaker:DescribeDomain",
            "sagemaker:DescribeEndpoint",
            "sagemaker:DescribeEndpointConfig",
            "sagemaker:DescribeFeatureGroup",
            "sagemaker:DescribeInferenceComponent",
            "sagemaker:DescribeModel",
            "sagemaker:DescribeModelPackage",
            "sagemaker:DescribeModelPackageGroup",
            "sagemaker:DescribeMonitoringSchedule",
            "sagemaker:DescribeNotebookInstance",
            "sagemaker:DescribeNotebookInstanceLifecycleConfig",
            "sagemaker:DescribePipeline",
            "sagemaker:DescribePipelineDefinitionForExecution",
            "sagemaker:DescribePipelineExecution",
            "sagemaker:DescribeProcessingJob",
            "sagemaker:DescribeSpace",
            "sagemaker:DescribeStudioLifecycleConfig",
            "sagemaker:DescribeTrainingJob",
            "sagemaker:DescribeTransformJob",
            "sagemaker:DescribeTrialComponent",
            "sagemaker:DescribeUserProfile",
            "sagemaker:GetModelPackageGroupPolicy",
            "sagemaker:ListModelPackages",
            "sagemaker:ListPipelineExecutionSteps",
            "sagemaker:ListPipelineExecutions",
            "sagemaker:ListPipelineParametersForExecution",
            "sagemaker:ListPipelineVersions",
            "secretsmanager:DescribeSecret",
            "secretsmanager:GetResourcePolicy",
            "secretsmanager:ListSecretVersionIds",
            "securityhub:DescribeHub",
            "securityhub:GetEnabledStandards",
            "securityhub:GetFindings",
            "securityhub:ListEnabledProductsForImport",
            "sns:GetTopicAttributes",
            "sns:ListSubscriptionsByTopic",
            "sqs:GetQueueAttributes",
            "ssm:GetDocument",
            "sso:DescribePermissionSet",
            "sso:GetInlinePolicyForPermissionSet",
            "sso:GetPermissionsBoundaryForPermissionSet",
            "sso:ListAccountAssignments",
            "sso:ListAccountsForProvisionedPermissionSet",
            "sso:ListApplicationAssignments",
            "sso:ListCustomerManagedPolicyReferencesInPermissionSet",
            "sso:ListManagedPoliciesInPermissionSet",
            "sso:ListPermissionSets",
            "sso:ListTrustedTokenIssuers",
            "wafv2:GetIPSet",
            "wafv2:GetLoggingConfiguration",
            "wafv2:GetRuleGroup",
            "wafv2:GetSampledRequests",
            "wafv2:GetWebACL",
            "wafv2:ListResourcesForWebACL"
          ],
          "Resource": "*"
        },
        {
          "Sid": "EvidenceKitLogBuckets",
          "Effect": "Allow",
          "Action": [
            "s3:ListBucket",
            "s3:ListBucketVersions"
          ],
          "Resource": "*"
        },
        {
          "Sid": "EvidenceKitLogFiles",
          "Effect": "Allow",
          "Action": [
            "s3:GetObject",
            "s3:GetObjectVersion"
          ],
          "Resource": "*"
        },
        {
          "Sid": "EvidenceKitDecryptInS3",
          "Effect": "Allow",
          "Action": [
            "kms:Decrypt"
          ],
          "Resource": "*",
          "Condition": {
            "StringLike": {
              "kms:ViaService": [
                "s3.*.amazonaws.com",
                "s3.*.amazonaws.com.cn"
              ]
            }
          }
        }
      ]
    }
  POLICY
}

resource "aws_iam_role_policy_attachment" "reader_3" {
  role       = aws_iam_role.reader.name
  policy_arn = aws_iam_policy.reader_3.arn
}

output "role_arn" {
  description = "For `role` in the inventory."
  value       = aws_iam_role.reader.arn
}
