"""Nothing that the catalogue or the collectors can issue changes anything, and nothing hands out a secret."""

import ast
import re
from pathlib import Path

import pytest
from botocore.session import get_session

import evidence_kit.collectors
from evidence_kit.governance.actions import operations_of
from evidence_kit.sources.catalogue import load_catalogue

COLLECTORS = Path(evidence_kit.collectors.__file__).parent
AWS = sorted((COLLECTORS / "aws").glob("*.py"))
SOURCES = load_catalogue()
OF_AWS = sorted(name for name, spec in SOURCES.items() if spec.provider == "aws")
READS = re.compile(r"(?:Get|List|Describe|BatchGet|Lookup|Filter|Search|Select|Download|Head)[A-Z]\w*|Search")
# Operations of another name that change nothing in the account, and why.
HARMLESS = {
    "iam:GenerateCredentialReport": "AWS computes a report",
    "iam:GenerateServiceLastAccessedDetails": "AWS computes a report",
    "iam:SimulatePrincipalPolicy": "asks what a policy allows, and does nothing of it",
    "logs:StartQuery": "searches a log group; AWS charges for what is scanned",
    "logs:StopQuery": "ends a search of our own",
    "sagemaker:QueryLineage": "a search in the lineage graph",
}
# Reading in name, but what is read opens something, or counts as an act of its own.
FORBIDDEN = frozenset(
    {
        "apigateway:GetApiKey", "apigateway:GetApiKeys", "bedrock-agentcore:GetResourceApiKey",
        "bedrock-agentcore:GetResourceOauth2Token", "bedrock-agentcore:GetWorkloadAccessToken",
        "bedrock-agentcore:GetWorkloadAccessTokenForJWT", "bedrock-agentcore:GetWorkloadAccessTokenForUserId",
        "codeartifact:GetAuthorizationToken", "cognito-identity:GetCredentialsForIdentity",
        "cognito-identity:GetOpenIdToken", "cognito-idp:DescribeUserPoolClient", "connect:GetFederationToken",
        "ec2:GetPasswordData", "ecr-public:GetAuthorizationToken", "ecr:GetAuthorizationToken",
        "ecr:GetDownloadUrlForLayer", "glue:GetConnection", "glue:GetConnections", "lambda:GetFunction",
        "lambda:GetLayerVersion", "lambda:GetLayerVersionByArn", "lightsail:DownloadDefaultKeyPair",
        "lightsail:GetInstanceAccessDetails", "lightsail:GetRelationalDatabaseMasterUserPassword",
        "redshift-serverless:GetCredentials", "redshift:GetClusterCredentials",
        "redshift:GetClusterCredentialsWithIAM", "secretsmanager:BatchGetSecretValue",
        "secretsmanager:GetSecretValue", "ssm:GetParameter", "ssm:GetParameterHistory", "ssm:GetParameters",
        "ssm:GetParametersByPath", "sso:GetRoleCredentials", "sts:GetFederationToken", "sts:GetSessionToken",
        "sts:GetWebIdentityToken",
    }
)  # fmt: skip
# Where the operation is an argument: what runs there comes from the catalogue, or from a module that names it.
GENERIC = frozenset({"calltree.py", "paging.py"})
# POST that only asks: the end of a path at Google and Microsoft, and what the collectors send on their own.
ASKING = (":getIamPolicy", ":getAncestry", ":testIamPermissions", "Microsoft.ResourceGraph/resources")
POSTED = {
    "GetToken": "logs in",
    "projects.getAncestry": "lists the folders above a project",
    "CreateQuery": "Purview searches as a job, and keeps its result for the account that asked",
    "/entries:list": "Cloud Logging takes its filter in the body",
    "Query": "Log Analytics takes its query in the body",
    "testIamPermissions": "asks what the caller may do",
}


def refused(operation):
    """Return why an operation may not be issued, or an empty text."""
    if operation in FORBIDDEN:
        return "hands out a secret"
    if READS.fullmatch(operation.partition(":")[2]) or operation in HARMLESS:
        return ""
    return "is not known to be read-only"


def literals(text):
    """Return the operations that a module's source names where it calls, and the number of those it does not."""
    named, dynamic = set(), 0
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Attribute) and node.attr in {"fetch", "stream"} and _is_wire(node.value):
            named.add("GetObject")
        if not isinstance(node, ast.Call):
            continue
        function, at = node.func, None
        if isinstance(function, ast.Name) and function.id == "pages":
            at = 2
        elif isinstance(function, ast.Attribute) and function.attr == "call" and _is_wire(function.value):
            at = 1
        if at is None:
            continue
        operation = node.args[at] if len(node.args) > at else None
        if isinstance(operation, ast.Constant):
            named.add(operation.value)
        else:
            dynamic += 1
    return named, dynamic


def _is_wire(node):
    name = node.id if isinstance(node, ast.Name) else getattr(getattr(node, "func", None), "attr", "")
    return "wire" in name


def declared(text):
    """Return the module's `OPERATIONS`."""
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and node.targets[0].id == "OPERATIONS":
            return set(ast.literal_eval(node.value))
    return set()


def calls_of(settings):
    """Yield every call of a source's settings, at all depths."""
    for call in settings.get("calls", ()):
        yield call
        yield from calls_of({"calls": call.get("then", ())})


@pytest.mark.parametrize("name", OF_AWS)
def test_a_source_of_aws_only_reads(name):
    issued = operations_of(SOURCES[name])
    assert issued
    assert {one: refused(one) for one in issued if refused(one)} == {}


@pytest.mark.slow
@pytest.mark.parametrize("name", OF_AWS)
def test_every_operation_exists_at_aws(name):
    models = get_session()
    for operation in operations_of(SOURCES[name]):
        service, _, name_ = operation.partition(":")
        assert name_ in models.get_service_model(service).operation_names, operation


@pytest.mark.parametrize(
    "operation",
    [
        "s3:DeleteObject", "ec2:RunInstances", "iam:CreateUser", "logs:PutRetentionPolicy", "kms:Decrypt",
        "guardduty:ArchiveFindings", "secretsmanager:GetSecretValue", "ssm:GetParametersByPath", "lambda:GetFunction",
        "ecr:GetAuthorizationToken", "lambda:Invoke", "s3:Getaway", "athena:StartQueryExecution",
    ],
)  # fmt: skip
def test_what_writes_or_hands_out_a_secret_is_refused(operation):
    assert refused(operation)


@pytest.mark.parametrize("operation", sorted({*FORBIDDEN, *HARMLESS}))
def test_what_is_named_here_is_an_operation_of_aws(operation):
    service, _, name = operation.partition(":")
    assert name in get_session().get_service_model(service).operation_names


@pytest.mark.parametrize("path", AWS, ids=lambda path: path.name)
def test_a_module_declares_every_operation_that_it_names(path):
    named, dynamic = literals(path.read_text())
    assert {one.partition(":")[2] for one in declared(path.read_text())} == named
    assert not dynamic or path.name in GENERIC, "an operation that no test can see"
    assert all(not refused(one) for one in declared(path.read_text()) if one != "s3:GetObject")


def test_an_undeclared_operation_would_be_seen():
    assert literals('pages(wire, ctx, "DeleteTrail", {})') == ({"DeleteTrail"}, 0)
    assert literals('self.wire(a, "s3", r, ctx).call(ctx, "PutObject", {})') == ({"PutObject"}, 0)
    assert literals("wire.call(ctx, chosen, {})") == (set(), 1)
    assert literals("partial(wire.stream, ctx, {})") == ({"GetObject"}, 0)


@pytest.mark.parametrize("path", AWS, ids=lambda path: path.name)
def test_only_access_opens_clients(path):
    """A client of its own would be neither on record nor in these tests; `access` asks it who we are."""
    made = [
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "client"
    ]
    assert not made or path.name == "access.py"


@pytest.mark.parametrize("name", sorted(name for name, spec in SOURCES.items() if spec.provider in {"gcp", "azure"}))
def test_a_source_of_google_or_microsoft_only_reads(name):
    for call in calls_of(SOURCES[name].settings):
        method = call.get("method", "GET")
        assert method == "GET" or (method == "POST" and call["path"].endswith(ASKING)), call["operation"]


def posts(path):
    """Yield the operations that a module sends other than by GET."""
    for node in ast.walk(ast.parse(path.read_text())):
        given = {word.arg: word.value for word in getattr(node, "keywords", ())}
        method = given.get("method")
        if isinstance(method, ast.Constant) and method.value != "GET":
            assert method.value == "POST"
            said = given.get("operation", given.get("path"))
            text = said.values[0] if isinstance(said, ast.JoinedStr) else said
            yield text.value.strip() if isinstance(text, ast.Constant) else ast.unparse(text)


def test_the_collectors_of_google_and_microsoft_post_questions_only():
    found = {
        one for provider in ("gcp", "azure") for path in (COLLECTORS / provider).glob("*.py") for one in posts(path)
    }
    assert found == set(POSTED)
