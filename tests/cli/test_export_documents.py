"""`export --to case-uco|stix|misp` of a real case: what is made, said, logged, kept and refused."""

import hashlib
import json
import shutil

import pytest
from support.clouds import unharmed

from evidence_kit.analysis.history import history
from evidence_kit.cli.app import main
from evidence_kit.cli.document_exports import NAMES
from evidence_kit.custody import log
from evidence_kit.report.exports.derivation import NOTICE
from evidence_kit.vaults.local import LocalVault

LEAKED = "AKIAEXAMPLECIDEPLOY1"
ASKED = {
    "case-uco": ("--most", "3"),
    "stix": ("--indicator", f"key={LEAKED}"),
    "misp": ("--indicator", "address=198.51.100.23", "--tlp", "green"),
}


@pytest.fixture(scope="module")
def master(clouds, cloud_end, tmp_path_factory):
    """A home and a case with one source in it; made once and copied for each test."""
    root = tmp_path_factory.mktemp("documents")
    with pytest.MonkeyPatch.context() as patch, unharmed(clouds.get(end=cloud_end, lookup_tps=None)) as cloud:
        settings = {"EVIDENCE_KIT_HOME": f"{root}/home", "EVIDENCE_KIT_PASSPHRASE": "correct horse"}
        for name, value in {**cloud.environ, **settings}.items():
            patch.setenv(name, value)
        (root / "inventory.yaml").write_text(cloud.inventory)
        span = cloud.window.to_json()
        window = ["--since", span["start"], "--until", span["end"], "--inventory", f"{root}/inventory.yaml"]
        assert main(["keys", "new", "--name", "alice@example.com"]) == 0
        assert main(["init", f"{root}/case", "--id", "IR-1", "--title", "a case", "--yes"]) == 0
        assert main(["collect", "aws.cloudtrail.lookup", "--case", f"{root}/case", *window]) in {0, 3}
    return root


@pytest.fixture
def exported(run, master, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("home", "case"):
        shutil.copytree(master / name, tmp_path / name)
    return tmp_path / "case"


def events(run, case):
    return json.loads(run("custody", "log", case, "--json").out)


@pytest.mark.parametrize("to", NAMES)
def test_each_says_what_it_derives_from_and_the_log_bears_its_digest(run, exported, tmp_path, to) -> None:
    out = tmp_path / "out"
    told = run("export", exported, "--to", to, "-o", out, "--purpose", "for the CERT", *ASKED[to])
    assert told.code == 0, told.err
    text = (out / "derived-from.json").read_bytes()
    said, event = json.loads(text), events(run, exported)[-1]

    assert (said["notice"], said["to"], said["case"]) == (NOTICE, to, "IR-1")
    assert [one["seal"]["sha256"] for one in said["acquisitions"]] == [
        hashlib.sha256((exported / one["seal"]["path"]).read_bytes()).hexdigest() for one in said["acquisitions"]
    ]
    (file,) = said["files"]
    assert hashlib.sha256((out / file["path"]).read_bytes()).hexdigest() == file["sha256"]
    assert sorted(path.name for path in out.iterdir()) == sorted([file["path"], "derived-from.json"])
    assert event["name"] == "exported"
    assert hashlib.sha256(text).hexdigest() in json.dumps(event)
    assert (out / file["path"]).read_bytes().isascii()
    assert run("verify", exported).code in {0, 3}


def test_a_copy_that_the_case_keeps_is_on_record_with_its_inputs(run, exported, tmp_path) -> None:
    told = run("export", exported, "--to", "stix", "-o", "out", *ASKED["stix"], "--seal", "leaked key")
    assert told.code == 0, told.err
    kept = exported / "derived" / "exports" / "leaked=20key.json"
    (derived,) = [event for event in history(LocalVault(exported)) if event.type == log.DERIVED]

    assert kept.read_bytes() == (tmp_path / "out" / "bundle.json").read_bytes()
    assert derived.subjects == (("derived/exports/leaked=20key.json", hashlib.sha256(kept.read_bytes()).hexdigest()),)
    assert [one["path"].rpartition("/")[2] for one in derived.fields["derived"]["derivedFrom"]] == [
        "manifest-sha256.txt"
    ]
    assert run("verify", exported).code in {0, 3}
    again = run("export", exported, "--to", "stix", "-o", "more", *ASKED["stix"], "--seal", "leaked key")
    assert again.code == 2
    assert not (tmp_path / "more").exists()


def test_a_saved_question_gives_the_indicators_and_is_named(run, exported, tmp_path) -> None:
    told = run("export", exported, "--to", "stix", "-o", "out", "--saved", "same_address", "--param", f"who={LEAKED}")
    assert told.code == 0, told.err
    said = json.loads((tmp_path / "out" / "derived-from.json").read_text())
    everything = "".join(path.read_text() for path in (tmp_path / "out").iterdir())

    assert said["asked"]["question"]["saved"] == "same_address"
    assert said["holds"]["indicators"] > 2
    assert "198.51.100.23" in everything
    # The id of the key was asked for, stands in the evidence, and leaves by its fingerprint only.
    assert LEAKED not in everything
    assert f"sha256:{hashlib.sha256(LEAKED.encode()).hexdigest()}" in everything


def test_json_says_the_same_as_the_statement(run, exported, tmp_path) -> None:
    told = run("export", exported, "--to", "misp", "-o", "out", *ASKED["misp"], "--json")
    said, statement = json.loads(told.out), json.loads((tmp_path / "out" / "derived-from.json").read_text())

    assert {name: said[name] for name in statement} == statement
    assert said["asked"]["tlp"] == "green"


@pytest.mark.parametrize(
    ("to", "options", "says"),
    [
        ("stix", ("--most", "3"), "--most"),
        ("stix", ("--artifact", "*"), "--artifact"),
        ("misp", ("--recipient", "age1xyz"), "--recipient"),
        ("case-uco", ("--indicator", "address=1.2.3.4"), "--indicator"),
        ("case-uco", ("--tlp", "red"), "--tlp"),
        ("case-uco", ("--most", "0"), "--most"),
        ("bag", ("--indicator", "address=1.2.3.4"), "--indicator"),
        ("disclosure", ("--saved", "same_address"), "--saved"),
        ("csv", ("--tlp", "red"), "--tlp"),
        ("stix", ("--tlp", "purple", "--indicator", "address=1.2.3.4"), "purple"),
        ("stix", ("--saved", "data_read_", "--param", "x=y"), "saved question"),
        ("stix", ("--saved", "model_versions_x"), "saved question"),
        ("stix", ("--param", "who=x", "--indicator", "address=1.2.3.4"), "--saved"),
        ("stix", (), "which indicators"),
    ],
)
def test_what_an_export_does_not_know_is_refused_and_not_passed_over(
    run, exported, tmp_path, to, options, says
) -> None:
    before = len(events(run, exported))
    told = run("export", exported, "--to", to, "-o", "out", *options)

    assert told.code == 2, told.err
    assert says in told.err
    assert not (tmp_path / "out").exists()
    assert len(events(run, exported)) == before


def test_a_secret_is_refused_and_stands_in_no_error(run, exported) -> None:
    secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    told = run("export", exported, "--to", "stix", "-o", "out", "--indicator", f"key={secret}")

    assert told.code == 2
    assert secret not in told.out + told.err


def test_what_is_not_in_the_evidence_makes_no_document(run, exported, tmp_path) -> None:
    told = run("export", exported, "--to", "stix", "-o", "out", "--indicator", "address=192.0.2.254")

    assert told.code == 4
    assert not (tmp_path / "out").exists()


def test_a_policy_keeps_a_value_in(run, exported, tmp_path) -> None:
    (tmp_path / "policy.yaml").write_text(
        "apiVersion: evidence-kit/policy.v1\nkind: Policy\nname: group\nminimise: {drop: [Username]}\n"
    )
    options = (
        "--indicator",
        "account=arn:aws:iam::111122223333:user/ci-deploy",
        "--policy",
        tmp_path / "policy.yaml",
    )
    told = run("export", exported, "--to", "stix", "-o", "out", *options)
    fine = run("export", exported, "--to", "stix", "-o", "out", *ASKED["stix"], "--policy", tmp_path / "policy.yaml")

    assert (told.code, fine.code) == (2, 0), told.err + fine.err
    assert "policy keeps this account" in told.err


@pytest.mark.parametrize("to", NAMES)
def test_evidence_that_was_changed_is_exported_by_nobody(run, exported, tmp_path, to) -> None:
    victim = next(path for path in sorted((exported / "bags").rglob("data/**/*.json")) if "lookup" in str(path))
    manifest = next((exported / "bags").rglob("manifest-sha256.txt"))
    for path in (victim, manifest):
        path.chmod(0o600)
    victim.write_bytes(victim.read_bytes().replace(b"{", b"[", 1))
    manifest.write_text(manifest.read_text().replace("0", "1", 1))
    told = run("export", exported, "--to", to, "-o", "out", *ASKED[to])

    assert told.code in {10, 11}, told.err
    assert not (tmp_path / "out").exists()
