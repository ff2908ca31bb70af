"""The book of actions: read strictly, told apart from sources, and read without loading an SDK."""

import json
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest
from support.preserving import CASE, RUN, STEP, actions, only

from evidence_kit.errors import PluginError, UsageError
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.unit import Target, Unit
from evidence_kit.preservation.book import MECHANISMS, arguments, build, choose, load_actions, plan_text
from evidence_kit.preservation.catalogue import parse_action
from evidence_kit.preservation.credentials import IDENTITY, SECRET
from evidence_kit.preservation.deed import PRESERVED

FILE = files("evidence_kit.preservation") / "actions" / "aws" / "ec2.snapshot_volumes.yaml"
TEXT = FILE.read_text()
MARKS = {"case": CASE, "run": RUN, "step": STEP}


def spoilt(old, new):
    assert old in TEXT
    return TEXT.replace(old, new).encode()


def test_each_action_is_found_under_the_name_of_its_file():
    root, found = files("evidence_kit.preservation") / "actions", set()
    for folder in root.iterdir():
        for item in folder.iterdir():
            found.add(f"{folder.name}.{item.name.removesuffix('.yaml')}")
    assert found == set(load_actions())


def test_every_mechanism_has_an_action_and_every_action_a_mechanism():
    assert {action.source.mechanism for action in actions().values()} == set(MECHANISMS)
    assert set(build(actions(), environ={})) == set(actions())


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("kind: Action", "kind: Source", "unknown kind `Source`"),
        ("name: aws.ec2.snapshot_volumes", "name: gcp.ec2.snapshot_volumes", "does not begin with its provider"),
        ('"ec2:CreateSnapshots", "ec2:CreateSnapshot"', '"ec2:DeleteSnapshot"', "`ec2:DeleteSnapshot`"),
        ("reversible:", "reversable:", "unknown field `reversable`"),
        ("cost: snapshot storage", "note: snapshot storage", "unknown field `note`"),
        ('resource: "{instance_id}"', 'resource: "{volume_id}"', "there is no param `volume_id`"),
        ('pattern: "i-[0-9a-f]{8,17}"', 'pattern: "i-["', "not a regular expression"),
        ("rps: 2", "rps: 0", "`limit.rps`"),
        ("every: 15", "every: soon", "`poll.every`"),
    ],
)  # fmt: skip
def test_a_fault_in_a_description_is_located(old, new, said):
    with pytest.raises(UsageError) as caught:
        parse_action(spoilt(old, new), name="x.yaml")
    assert caught.value.message.startswith("x.yaml:")
    assert said in caught.value.message


def test_of_two_params_there_may_not_be_many():
    more = "each: true}\n  - {name: other, help: h, pattern: x, each: true}"
    with pytest.raises(UsageError, match="of one param only"):
        parse_action(spoilt("each: true}", more), name="x.yaml")


def test_arguments_are_what_an_order_takes_with_each_of_many_once():
    params = arguments(actions()["aws.ec2.snapshot_volumes"], {"instance_id": ["i-1", "i-2", "i-1"]}, **MARKS)
    assert params == {**MARKS, "instance_id.1": "i-1", "instance_id.2": "i-2"}
    one = arguments(actions()["aws.logs.retention"], {"log_group": "g", "days": 30, "region": "eu-west-1"}, **MARKS)
    assert one == {**MARKS, "log_group": "g", "days": "30", "region": "eu-west-1"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "needs `bucket`"),
        ({"bucket": "b"}, "needs `prefix`"),
        ({"bucket": "b", "prefix": ""}, "needs `prefix`"),
        ({"bucket": "b", "prefix": []}, "needs `prefix`"),
        ({"bucket": ["b", "c"], "prefix": "p"}, "is one value"),
        ({"bucket": "b", "prefix": "p", "token": "x"}, "knows no `token`"),
    ],
)
def test_what_an_action_misses_or_does_not_know_is_refused(given, said):
    with pytest.raises(UsageError, match=said):
        arguments(actions()["aws.s3.legal_hold"], given, **MARKS)


def test_an_unknown_action_is_named_with_the_nearest_one():
    with pytest.raises(UsageError) as caught:
        choose("aws.s3.legalhold", actions())
    assert "aws.s3.legal_hold" in str(caught.value.hint)


def test_a_mechanism_that_is_not_ours_is_not_loaded():
    action = parse_action(spoilt("mechanism: aws.instance_volumes", "mechanism: aws.call"), name="x.yaml")
    with pytest.raises(PluginError, match=r"no mechanism is called `aws\.call`"):
        build({action.name: action}, environ={})


def test_what_people_approve_names_place_deed_cost_and_who_can_undo_it():
    target = Target(provider="aws", id="111122223333", name="shop")
    units = (
        Unit(source="a", target=target, region="eu-west-1", settings={"would": "would snapshot 3 volumes"}),
        Unit(source="a", target=target, settled=(UnitStatus.DENIED, "no credentials")),
        Unit(source="a", target=target),
    )
    lines = plan_text(actions()["aws.s3.retention"], units)
    assert lines[:3] == (
        "shop (111122223333) eu-west-1: would snapshot 3 volumes",
        "shop (111122223333): cannot be done (denied): no credentials",
        "shop (111122223333): not looked at yet",
    )
    assert [line.partition(":")[0] for line in lines[3:]] == ["cost", "undone by", "caution"]
    assert "nobody until the date" in lines[4]


def test_what_people_approve_hides_nothing():
    said = "would hold s3://b/\u202egpj.exe\x1b[2J\n"
    unit = Unit(source="a", target=Target(provider="aws", id="1"), settings={"would": said})
    assert plan_text(actions()["aws.s3.legal_hold"], [unit])[0] == r"1: would hold s3://b/\u202egpj.exe\x1b[2J\n"


def test_the_page_of_the_documentation_names_every_action_and_every_field_of_credentials():
    page = (Path(__file__).parents[2] / "docs" / "preservation.md").read_text()
    assert {name for name in actions() if f"`{name}`" not in page} == set()
    assert {one for fields in IDENTITY.values() for one in fields if f"`{one}`" not in page} == set()
    assert f"`{SECRET}`" in page


def test_without_a_run_nothing_is_asked_for(aws, line):
    aws.run = ""
    (unit,) = aws.plan("aws.ebs.snapshot_volume", volume_id="vol-0123456789abcdef0").units
    assert unit.settled is not None
    assert "needs a `run`" in unit.settled[1]
    assert line.seen == []


@pytest.mark.slow
def test_what_no_tag_takes_is_left_out_of_what_is_written_but_not_of_the_token(aws, moto):
    volume = moto.client("ec2").create_volume(AvailabilityZone="us-east-1a", Size=1)["VolumeId"]
    tokens = set()
    for run in ("a\x1b[2J é", "a\x1b[2J ü", "x" * 300):
        aws.run = run
        assert only(aws.do("aws.ebs.snapshot_volume", volume_id=volume)) == ("complete", "")
        tokens |= {fact["token"] for fact in aws.findings(PRESERVED)}
    filters = [{"Name": "volume-id", "Values": [volume]}]
    made = moto.client("ec2").describe_snapshots(Filters=filters)["Snapshots"]
    written = {tag["Value"] for one in made for tag in one["Tags"] if tag["Key"] == "evidence-kit:run"}
    assert written == {"a--2J -", "x" * 120}
    assert len(tokens) == len(made) == 3


def test_a_region_is_given_or_the_only_one_of_the_target(aws, line):
    several = Target(
        provider="aws", id=aws.target.id, regions=("us-east-1", "eu-west-1"), access={"preserve": "same"}
    )
    aws.target = several
    with pytest.raises(UsageError, match="needs a region"):
        aws.plan("aws.logs.retention", log_group="/no", days="30")
    (unit,) = aws.plan("aws.logs.retention", log_group="/no", days="30", region="eu-west-1").units
    assert unit.region == "eu-west-1"


def test_a_region_that_is_none_is_refused(aws, line):
    with pytest.raises(UsageError, match="is no region"):
        aws.plan("aws.logs.retention", log_group="/no", days="30", region="x.example.com/")
    assert line.seen == []


def test_the_book_is_read_without_any_sdk():
    code = (
        "import json, sys; from evidence_kit.preservation.book import load_actions; load_actions();"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"boto3", "botocore", "azure", "google", "requests"} & set(json.loads(said.stdout))


@pytest.mark.slow
def test_the_same_work_of_another_run_or_step_or_on_another_resource_has_another_token(aws, moto):
    ec2 = moto.client("ec2")
    first, second = (ec2.create_volume(AvailabilityZone="us-east-1a", Size=1)["VolumeId"] for _ in range(2))

    def token(run, volume):
        aws.run = run
        (unit,) = aws.plan("aws.ebs.snapshot_volume", volume_id=volume).units
        return unit.settings["token"]

    assert token("r1", first) == token("r1", first)
    assert len({token("r1", first), token("r2", first), token("r1", second)}) == 3
