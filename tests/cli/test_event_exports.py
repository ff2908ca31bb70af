"""`export --to timesketch|csv|ocsf|ecs|parquet` of a real case: what is made, said, logged and refused."""

import hashlib
import json
import shutil

import pytest
from pyarrow.dataset import dataset
from support.casemaker import make_case
from support.clouds import unharmed

from evidence_kit.cli.app import main
from evidence_kit.cli.export import EVENTS
from evidence_kit.report.events.exporting import FORMATS, NOTICE


@pytest.fixture(scope="module")
def master(clouds, cloud_end, tmp_path_factory):
    """A home, a case with one source in it, and its tables; made once and copied for each test."""
    root = tmp_path_factory.mktemp("exports")
    with pytest.MonkeyPatch.context() as patch, unharmed(clouds.get(end=cloud_end, lookup_tps=None)) as cloud:
        settings = {"EVIDENCE_KIT_HOME": f"{root}/home", "EVIDENCE_KIT_PASSPHRASE": "correct horse"}
        for name, value in {**cloud.environ, **settings}.items():
            patch.setenv(name, value)
        (root / "inventory.yaml").write_text(cloud.inventory)
        span = cloud.window.to_json()
        window = ["--since", span["start"], "--until", span["end"], "--inventory", f"{root}/inventory.yaml"]
        case = f"{root}/case"
        assert main(["keys", "new", "--name", "alice@example.com"]) == 0
        assert main(["init", case, "--id", "IR-1", "--title", "a case", "--yes"]) == 0
        assert main(["collect", "aws.guardduty.findings", "--case", case, *window]) in {0, 3}
    return root


@pytest.fixture
def exported(run, master, monkeypatch, tmp_path):
    """An open case with one source in it, ready for exports."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("home", "case"):
        shutil.copytree(master / name, tmp_path / name)
    return tmp_path / "case"


def test_the_command_offers_what_there_is() -> None:
    assert set(EVENTS) == set(FORMATS)


@pytest.mark.slow
def test_each_export_says_what_it_derives_from_and_the_log_bears_its_digest(run, exported, tmp_path) -> None:
    rows = set()
    for at, to in enumerate(EVENTS):
        out = tmp_path / f"out-{to}"
        told = run("export", exported, "--to", to, "-o", out, "--purpose", "for the SOC")
        assert told.code == 0, told.err
        text = (out / "derived-from.json").read_bytes()
        said = json.loads(text)
        event = json.loads(run("custody", "log", exported, "--json").out)[-1]

        assert (said["notice"], said["to"], said["case"]) == (NOTICE, to, "IR-1")
        assert said["madeBy"].startswith("evidence-kit ")
        assert [one["seal"]["sha256"] for one in said["acquisitions"]] == [
            hashlib.sha256((exported / one["seal"]["path"]).read_bytes()).hexdigest() for one in said["acquisitions"]
        ]
        for one in said["files"]:
            assert hashlib.sha256((out / one["path"]).read_bytes()).hexdigest() == one["sha256"]
        assert event["name"] == "exported"
        assert hashlib.sha256(text).hexdigest() in json.dumps(event)
        assert said["custodyLog"]["size"] == 3 + at
        rows.add(said["rows"])

    assert len(rows) == 1  # every format holds the same records
    assert run("verify", exported).code in {0, 3}


def test_an_export_is_never_written_over_another_nor_into_the_case(run, exported, tmp_path) -> None:
    assert run("export", exported, "--to", "csv", "-o", "out").code == 0
    before = (tmp_path / "out" / "events.csv").read_bytes()
    events = len(json.loads(run("custody", "log", exported, "--json").out))

    for out in ("out", exported / "derived" / "out"):
        told = run("export", exported, "--to", "csv", "-o", out)
        assert told.code == 2, told.err
    assert (tmp_path / "out" / "events.csv").read_bytes() == before
    assert len(json.loads(run("custody", "log", exported, "--json").out)) == events
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".out")]


@pytest.mark.parametrize(
    "option",
    [
        ("--recipient", "age1xyz"),
        ("--artifact", "*"),
        ("--acquisition", "x"),
        ("--redact", "rules.yaml"),
        ("--recipient-name", "court"),
        ("--authority", "order 7"),
    ],
)
def test_an_option_of_another_export_is_refused_and_not_passed_over(run, exported, tmp_path, option) -> None:
    told = run("export", exported, "--to", "ocsf", "-o", "out", *option)

    assert told.code == 2
    assert option[0] in told.err
    assert not (tmp_path / "out").exists()


def test_a_case_without_records_makes_no_export(run, opened, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    told = run("export", opened, "--to", "csv", "-o", "out")

    assert told.code == 4
    assert not (tmp_path / "out").exists()


def test_evidence_that_was_changed_is_exported_by_nobody(run, exported, tmp_path) -> None:
    victim = next(path for path in sorted((exported / "bags").rglob("data/**/*.json")))
    victim.chmod(0o600)
    victim.write_bytes(victim.read_bytes().replace(b"{", b"[", 1))
    told = run("export", exported, "--to", "csv", "-o", "out")

    assert told.code == 10, told.err
    assert not (tmp_path / "out").exists()


def test_a_case_of_another_key_is_refused(run, opened, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    case = make_case(tmp_path / "other", pages=1)

    assert run("export", case.root, "--to", "csv", "-o", "out").code != 0
    assert not (tmp_path / "out").exists()


POLICY = """apiVersion: evidence-kit/policy.v1
kind: Policy
name: group
minimise: {drop: [Description], pseudonymise: [AccountId, accountId]}
"""


@pytest.mark.parametrize("to", ["csv", "ecs", "timesketch", "ocsf"])
def test_what_a_policy_minimises_is_in_no_working_copy_and_the_statement_says_so(run, exported, tmp_path, to) -> None:
    (tmp_path / "policy.yaml").write_text(POLICY)
    plain, minimal = tmp_path / "plain", tmp_path / "minimal"
    assert run("export", exported, "--to", to, "-o", plain).code == 0
    told = run("export", exported, "--to", to, "-o", minimal, "--policy", tmp_path / "policy.yaml")
    assert told.code == 0, told.err
    said = json.loads((minimal / "derived-from.json").read_text())["minimised"]
    assert said["policy"] == "group"
    assert said["pseudonymise"] == ["AccountId", "accountId"]
    texts = {
        folder: "".join(path.read_text() for path in sorted(folder.iterdir()) if path.name != "derived-from.json")
        for folder in (plain, minimal)
    }
    assert "111122223333" in texts[plain]
    assert "pseudonym:" in texts[minimal]
    assert texts[minimal].count("\n") == texts[plain].count("\n")
    assert (tmp_path / "home" / "pseudonym.key").stat().st_mode & 0o777 == 0o600


def test_parquet_is_minimised_row_by_row_as_csv_is(run, exported, tmp_path) -> None:
    (tmp_path / "policy.yaml").write_text(POLICY)
    plain, minimal = tmp_path / "plain", tmp_path / "minimal"
    assert run("export", exported, "--to", "parquet", "-o", plain).code == 0
    told = run("export", exported, "--to", "parquet", "-o", minimal, "--policy", tmp_path / "policy.yaml")
    assert told.code == 0, told.err
    before, after = (dataset(folder / "events", partitioning="hive").to_table() for folder in (plain, minimal))
    assert "111122223333" in str(before["raw"].to_pylist())
    assert "pseudonym:" in str(after["raw"].to_pylist())
    assert after.num_rows == before.num_rows
    assert after.schema == before.schema
    assert sorted(map(str, after["date"].to_pylist())) == sorted(map(str, before["date"].to_pylist()))
    assert json.loads((minimal / "derived-from.json").read_text())["minimised"]["policy"] == "group"
