"""Every operation that an action can issue is on one list, and none on it deletes, disables, shortens or exposes."""

import ast
import re
from pathlib import Path

import pytest
from botocore.session import get_session
from support.preserving import only

import evidence_kit.collectors
import evidence_kit.preservation
from evidence_kit.collectors import registry
from evidence_kit.errors import UsageError
from evidence_kit.preservation.allowed import WRITING, require_read, require_write
from evidence_kit.preservation.book import MECHANISMS, load_actions
from evidence_kit.preservation.deed import Standing, State
from evidence_kit.sources.catalogue import load_catalogue

HERE = Path(evidence_kit.preservation.__file__).parent
MODULES = sorted(path for path in HERE.rglob("*.py") if path.name != "allowed.py")
ACTIONS = load_actions()
# What would harm, by any name that a provider gives it.
HARMS = re.compile(
    r"(?i)delete|remove|purge|disable|suspend|stop|terminate|release|clear|lift|revoke|detach|modify|reset|restore"
    r"|share|public|acl|attribute|grant|policybinding|setiam|lock(?!edin)|bypass|shorten"
)
AWS = sorted(name for name in WRITING if name.partition(":")[0] in {"ec2", "rds", "s3", "logs"})
READS = ("read", "read_all")


def issued(text):
    """Return what a module's source asks and writes by name, and the number of calls whose name is no literal."""
    reads, writes, hidden = set(), set(), 0
    for node in ast.walk(ast.parse(text)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        function, of = node.func.attr, node.func.value
        if function in {*READS, "write"} and isinstance(of, ast.Name) and of.id == "desk":
            named = node.args[0]
            if not isinstance(named, ast.Constant):
                hidden += 1
            elif function == "write":
                writes.add(named.value)
            else:
                reads.add(named.value)
    return reads, writes, hidden


def calls_wires(text):
    """Say whether a module sends anything past the desk."""
    return any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"call", "fetch", "stream", "request", "client", "urlopen"}
        for node in ast.walk(ast.parse(text))
    )


def module_of(action):
    return HERE.parent.parent / (MECHANISMS[action.source.mechanism].partition(":")[0].replace(".", "/") + ".py")


def test_what_the_actions_write_is_the_list_neither_more_nor_less():
    written = set().union(*(issued(path.read_text())[1] for path in MODULES))
    assert written == set(WRITING) == {one for action in ACTIONS.values() for one in action.writes}


@pytest.mark.parametrize("operation", sorted(WRITING))
def test_nothing_on_the_list_harms_by_its_name(operation):
    name = operation.partition(":")[2]
    assert HARMS.search(name.replace("Immutability", "").replace("ObjectLock", "")) is None
    assert WRITING[operation].method in {"POST", "PUT", "PATCH"}


@pytest.mark.parametrize(
    "operation",
    ["s3:DeleteObject", "s3:PutBucketAcl", "s3:PutPublicAccessBlock", "ec2:ModifySnapshotAttribute",
     "ec2:DeleteSnapshot", "logs:DeleteRetentionPolicy", "storage:buckets.lockRetentionPolicy", "ec2:StopInstances",
     "arm:ClearLegalHold", "arm:LockImmutabilityPolicy", "compute:snapshots.setIamPolicy", "kms:DisableKey"],
)  # fmt: skip
def test_what_harms_would_be_seen_and_is_refused(operation):
    assert HARMS.search(operation.partition(":")[2]) or operation == "s3:PutBucketAcl"
    with pytest.raises(UsageError, match="none of the operations"):
        require_write(operation, {}, granted=(operation,))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_module_names_what_it_issues_and_sends_it_through_the_desk(path):
    reads, _, hidden = issued(path.read_text())
    assert hidden == 0
    for operation in reads:
        require_read(operation)
    assert not calls_wires(path.read_text()) or path.name in {"desk.py", "web.py"}


@pytest.mark.parametrize("name", sorted(ACTIONS))
def test_an_action_declares_the_writes_of_its_mechanism(name):
    assert set(ACTIONS[name].writes) <= issued(module_of(ACTIONS[name]).read_text())[1]


@pytest.mark.parametrize("operation", AWS)
def test_what_is_listed_for_aws_exists_with_these_fields(operation):
    service, _, name = operation.partition(":")
    members = get_session().get_service_model(service).operation_model(name).input_shape.members
    assert WRITING[operation].fields <= set(members)


@pytest.mark.parametrize("name", sorted(name for name in ACTIONS if name.startswith("aws.")))
def test_an_action_of_aws_names_the_permissions_of_what_it_writes(name):
    assert set(ACTIONS[name].writes) <= set(ACTIONS[name].source.permissions)


def test_an_operation_that_no_test_could_see_would_be_counted():
    assert issued("desk.write(chosen, {}, done=f)") == (set(), set(), 1)
    assert issued('desk.write("s3:DeleteObject", {}, done=f)') == (set(), {"s3:DeleteObject"}, 0)
    assert calls_wires('wire.call(ctx, "DeleteTrail", {})')


@pytest.mark.parametrize(
    ("operation", "said", "method"),
    [
        ("s3:PutObjectLegalHold", {"Bucket": "b", "Key": "k", "LegalHold": {"Status": "OFF"}}, "POST"),
        ("s3:PutObjectRetention", {"Bucket": "b", "BypassGovernanceRetention": True}, "POST"),
        ("s3:PutBucketVersioning", {"VersioningConfiguration": {"Status": "Suspended"}}, "POST"),
        ("s3:PutBucketVersioning", {"VersioningConfiguration": {"Status": "Enabled", "MFADelete": "No"}}, "POST"),
        ("storage:objects.patch", {"temporaryHold": False}, "PATCH"),
        ("storage:objects.patch", {"acl": []}, "PATCH"),
        ("storage:buckets.patch", {"retentionPolicy": {"retentionPeriod": "1", "isLocked": True}}, "PATCH"),
        ("storage:buckets.patch", {"retentionPolicy": None}, "PATCH"),
        ("logging:buckets.patch", {"retentionDays": 9, "locked": True}, "PATCH"),
        ("arm:PutImmutabilityPolicy", {"properties": {"state": "Locked"}}, "PUT"),
        ("arm:UpdateTable", {"properties": {"totalRetentionInDays": 9, "plan": "Basic"}}, "PATCH"),
        ("arm:CreateSnapshot", {"properties": {"networkAccessPolicy": "AllowAll"}}, "PUT"),
        ("compute:snapshots.insert", {"name": "x"}, "DELETE"),
    ],
)  # fmt: skip
def test_an_allowed_operation_may_say_nothing_else(operation, said, method):
    with pytest.raises(UsageError):
        require_write(operation, said, granted=(operation,), method=method)


def test_an_action_may_not_issue_what_another_one_may():
    with pytest.raises(UsageError, match="none of the operations"):
        require_write("logs:PutRetentionPolicy", {}, granted=("ec2:CreateSnapshot",))


@pytest.mark.parametrize("operation", ["s3:PutObject", "ec2:CreateTags", "compute:disks.delete", "iam:GetawayUser "])
def test_what_does_not_only_read_is_not_read(operation):
    with pytest.raises(UsageError, match="read-only"):
        require_read(operation)


def test_no_catalogue_of_sources_and_no_registry_of_collectors_reaches_an_action():
    sources = load_catalogue()
    assert not set(sources) & set(ACTIONS)
    assert not {spec.mechanism for spec in sources.values()} & set(MECHANISMS)
    assert not [where for where in (*registry.BUILTIN.values(), *registry.ACCESS.values()) if "preservation" in where]


@pytest.mark.slow
def test_no_collector_names_an_operation_of_the_list_or_imports_an_action():
    names = {operation.partition(":")[2] for operation in WRITING}
    for path in Path(evidence_kit.collectors.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            assert not (isinstance(node, ast.Constant) and node.value in names), path
            assert not (isinstance(node, ast.ImportFrom) and "preservation" in (node.module or "")), path


class Rogue:
    """Does what it must not, by whichever way a desk offers."""

    def __init__(self, act):
        self._act = act

    def look(self, desk):
        return State(standing=Standing.MISSING, said="nothing", would="would do harm")

    def act(self, desk, state):
        self._act(desk)


def rogue(room, action, act):
    """Carry out a deed of that kind in the place of an action's own."""
    (made,) = room.collectors(action).values()
    made._deed = lambda _: Rogue(act)
    order = room.order(action, {"volume_id": "vol-0123456789abcdef0"} if action.startswith("aws") else {"days": "9"})
    with room.lab.vault.lock(), room.lab.vault.working():
        return only(room.lab.engine({action: made}).collect(order))


@pytest.mark.parametrize(
    "act",
    [
        lambda desk: desk.write("ec2:DeleteSnapshot", {"SnapshotId": "snap-1"}, done=lambda: False),
        lambda desk: desk.write("logs:PutRetentionPolicy", {"logGroupName": "g", "retentionInDays": 1}, done=bool),
        lambda desk: desk.write("ec2:CreateSnapshot", {"VolumeId": "vol-1", "OutpostArn": "x"}, done=bool),
        lambda desk: desk.read("ec2:DeleteSnapshot", {"SnapshotId": "snap-1"}),
        lambda desk: list(desk.read_all("ec2:TerminateInstances", {"InstanceIds": ["i-1"]})),
    ],
)
def test_a_deed_of_aws_that_goes_beyond_its_action_sends_nothing(aws, line, act):
    status, reason = rogue(aws, "aws.ebs.snapshot_volume", act)
    assert (status, reason.startswith("`")) == ("partial_error", True)
    assert line.seen == []


@pytest.mark.parametrize(
    "act",
    [
        lambda desk: desk.write("logging:buckets.delete", "/v2/x", {}, done=bool, method="DELETE"),
        lambda desk: desk.write("logging:buckets.patch", "/v2/x", {"locked": True}, done=bool, method="PATCH"),
        lambda desk: desk.write("logging:buckets.patch", "/v2/x", {"retentionDays": 1}, done=bool, method="DELETE"),
        lambda desk: desk.read("logging:buckets.undelete", "/v2/x"),
        lambda desk: list(desk.read_all("logging:buckets.delete", "/v2/x", {}, None)),
    ],
)
def test_a_deed_of_the_web_that_goes_beyond_its_action_sends_nothing(gcp, keeping, act):
    status, reason = rogue(gcp, "gcp.logging.retention", act)
    assert (status, reason.startswith("`")) == ("partial_error", True)
    assert keeping.asked == []
