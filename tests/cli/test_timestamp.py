"""`timestamp`, `renew`, and `--tsa` as a person uses them."""

import json
from dataclasses import replace

import pytest
from support.tsa import Tsa, needs_openssl

from evidence_kit.cli import settings
from evidence_kit.sandbox.faults import Fault

pytestmark = needs_openssl
LOOKUP = "aws.cloudtrail.lookup"
ONE = ("--region", "us-east-1", "--target", "shop")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Tsa(tmp_path_factory.mktemp("tsa") / "a").serving() as tsa:
        yield tsa


@pytest.fixture
def tsa(server, monkeypatch):
    """An authority that the user's policy trusts."""
    read = settings.trust

    def trust(*args, **more):
        return replace(read(*args, **more), time_authorities=(server.authority,))

    monkeypatch.setattr(settings, "trust", trust)
    yield server
    server.fault = ""


@pytest.fixture
def collect(run, opened, window, inventory):
    def call(*more):
        return run("collect", LOOKUP, "--case", opened, *window, *inventory, *ONE, *more)

    return call


def test_collect_with_an_authority_ends_with_a_stamped_case(run, opened, collect, tsa) -> None:
    told = collect("--tsa", tsa.url)

    assert told.code == 0, told.err
    assert f"by {tsa.url}" in told.err
    assert told.out.splitlines()[-1] == f"case: {opened}"
    verified = run("verify", opened, "--require-timestamp")
    assert verified.code == 0, verified.out
    assert "time-stamped 20" in verified.out
    assert "by 1 authority" in verified.out


@pytest.mark.slow
def test_an_authority_that_is_down_changes_nothing_about_the_collection(run, opened, collect, tsa) -> None:
    tsa.fault = "error"
    told = collect("--tsa", tsa.url, "--json")

    assert told.code == 0, told.err
    assert "unreachable, answers HTTP 500" in told.err
    assert f"`evidence-kit timestamp {opened}`" in told.err
    assert json.loads(told.out)["exit"] == 0
    verified = run("verify", opened, "--require-timestamp")
    assert verified.code == 15
    assert "hint: `evidence-kit timestamp CASE`" in verified.err
    assert run("verify", opened).code == 0

    failed = run("timestamp", opened, "--tsa", tsa.url)
    assert failed.code == 6
    assert "no time-stamp could be had: answers HTTP 500" in failed.err
    tsa.fault = ""
    assert run("timestamp", opened, "--tsa", tsa.url).code == 0
    assert run("verify", opened, "--require-timestamp").code == 0


@pytest.mark.slow
def test_an_address_that_is_none_is_refused_before_anything_is_collected(opened, collect) -> None:
    told = collect("--tsa", "ftp://tsa.example.com")

    assert told.code == 2
    assert not (opened / "bags").exists()


def test_timestamp_tells_a_program_what_happened(run, opened, tsa) -> None:
    said = json.loads(run("timestamp", opened, "--tsa", tsa.url, "--json").out)

    (only,) = said["timestamps"]
    assert (only["name"], only["result"], only["authority"]) == ("custody/checkpoints/1", "granted", tsa.url)
    again = run("timestamp", opened, "--tsa", tsa.url, "--json")
    assert (again.code, json.loads(again.out)["timestamps"]) == (0, [])


def test_some_failing_is_incomplete_only_below_the_quorum(run, opened, tsa, tmp_path, monkeypatch) -> None:
    with Tsa(tmp_path / "b", name="B").serving() as other:
        other.fault = "html"
        told = run("timestamp", opened, "--tsa", tsa.url, "--tsa", other.url)
        assert (told.code, "unreadable" in told.err) == (0, True)
        read = settings.trust
        monkeypatch.setattr(settings, "trust", lambda *args, **more: replace(read(*args, **more), quorum=2))
        run("custody", "note", opened, "again")
        assert run("timestamp", opened, "--tsa", tsa.url, "--tsa", other.url).code == 3
        other.fault = ""
        assert run("timestamp", opened, "--tsa", tsa.url, "--tsa", other.url).code == 0


def test_authorities_come_from_the_environment_or_the_file(run, opened, tsa, tmp_path, monkeypatch) -> None:
    assert run("timestamp", opened).code == 2
    (tmp_path / "evidence-kit.toml").write_text(f'tsa = ["{tsa.url}"]\n')
    assert run("timestamp", opened).code == 0
    run("custody", "note", opened, "again")
    monkeypatch.setenv("EVIDENCE_KIT_TSA", "ftp://a ftp://b")
    assert run("timestamp", opened).code == 2
    monkeypatch.setenv("EVIDENCE_KIT_TSA", f"{tsa.url} {tsa.url}")
    assert run("timestamp", opened).code == 0


@pytest.mark.parametrize("written", ["tsa = 5", "tsa = [1]", 'tsa = {a = "b"}'])
def test_a_setting_that_is_no_list_of_texts_is_refused(run, opened, tmp_path, written) -> None:
    (tmp_path / "evidence-kit.toml").write_text(f"{written}\n")

    told = run("timestamp", opened)
    assert (told.code, "`tsa` is not a list" in told.err) == (2, True)


def test_timestamp_works_without_any_policy(run, opened, server, tmp_path) -> None:
    (tmp_path / "home/trust.yaml").unlink()

    assert run("timestamp", opened, "--tsa", server.url).code == 0
    assert run("timestamp", opened, "--tsa", server.url, "--trust", "missing.yaml").code != 0


def test_what_is_no_case_is_not_stamped(run, tmp_path) -> None:
    assert run("timestamp", tmp_path, "--tsa", "http://127.0.0.1:1/").code == 4


@pytest.mark.slow
def test_resume_stamps_what_it_seals(run, opened, collect, tsa, cloud) -> None:
    cloud.door.faults.add(Fault(kind="denied", service="cloudtrail", operation="LookupEvents", times=1))
    assert collect().code == 3
    told = run("resume", opened, "--tsa", tsa.url)

    assert told.code == 0, told.err
    assert run("verify", opened, "--require-timestamp").code == 0


@pytest.mark.slow
def test_renew_makes_a_manifest_that_verifies_and_is_stamped(run, opened, collect, tsa) -> None:
    collect()
    told = run("renew", opened, "--tsa", tsa.url, "--reason", "every ten years")

    assert told.code == 0, told.err
    assert told.out.splitlines() == ["custody/renewals/1-manifest-sha512.txt"]
    verified = run("verify", opened, "--require-timestamp")
    assert verified.code == 0, verified.out
    assert "hashed again with SHA-512" in verified.out
    said = json.loads(run("renew", opened, "--json").out)
    assert said["manifest"] == "custody/renewals/2-manifest-sha512.txt"
    assert said["timestamps"] == []


@pytest.mark.slow
def test_renew_refuses_a_case_with_a_defect(run, opened, collect) -> None:
    collect()
    artifact = next(path for path in opened.glob(f"bags/*/data/{LOOKUP}/**/*") if path.is_file())
    artifact.chmod(0o644)
    artifact.write_bytes(b"{}")

    told = run("renew", opened)
    assert told.code == 10
    assert "so it is not renewed" in told.err
    assert not (opened / "custody/renewals").exists()
