"""`collect --executor`: a cluster asks with credentials of its own, this machine records; what is none is said so."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from support.afar import PASSWORD, SOURCE, cluster, provider, until

from evidence_kit.acquire.afar.frames import frames
from evidence_kit.custody import ledger
from evidence_kit.errors import ChainError
from evidence_kit.model.time import rfc3339
from evidence_kit.model.unit import Outcome

DESCRIPTION = f"""\
apiVersion: evidence-kit/source.v1
kind: Source
name: {SOURCE}
provider: aws
summary: Pages and objects of a loopback server.
mechanism: afar.test
scope: account
windowed: true
permissions: ["test:Read"]
limit: {{rps: 1000, burst: 1000, per: [account]}}
records: {{path: records, id: id, time: at}}
docs: https://example.com/
"""
INVENTORY = """\
apiVersion: evidence-kit/inventory.v1
kind: Inventory
targets:
  - {name: shop, provider: aws, id: "111111111111"}
  - {name: data, provider: aws, id: "222222222222"}
"""


ONE, TWO = "1" * 12, "2" * 12
STREAMS, FILES = 3, 6  # units an account has, artifacts a unit


def asked(tmp_path, *more):
    described, listed = tmp_path / "source.yaml", tmp_path / "inventory.yaml"
    described.write_text(DESCRIPTION)
    listed.write_text(INVENTORY)
    return ("--connectors", str(described), "--inventory", str(listed), "--no-preflight", *more)


@pytest.mark.parametrize(
    "url", ["ray://127.0.0.1:1", "dask://127.0.0.1", "dask://127.0.0.1:99999", "dask://a b:1", ""]
)
def test_what_names_no_cluster_is_a_mistake_of_the_command_line(run, opened, tmp_path, url):
    told = run("collect", "aws.cloudtrail.lookup", "--case", opened, *asked(tmp_path, "--executor", url))
    assert told.code == 2
    assert "is no executor that is known" in told.err


@pytest.mark.slow
def test_a_cluster_collects_into_a_case_of_this_machine(run, opened, tmp_path, monkeypatch):
    pytest.importorskip("distributed", reason="no distributed: `pip install evidence-kit[dask]`")
    monkeypatch.delenv("AFAR_TOKEN", raising=False)
    with provider() as desk, cluster(tmp_path / "dask", "one", "two", AFAR_URL=desk.url) as dask:
        monkeypatch.syspath_prepend(str(dask.folder / "plugin"))
        told = run("collect", SOURCE, "--case", opened, *asked(tmp_path, "--executor", dask.url))
        assert told.code == 0, told.err
        assert "36 artifacts" in told.err
        assert {one.process for one in desk.asked} <= {str(one.pid) for one in dask.workers.values()}
    assert run("verify", opened, "--require-complete", "--each-signature").code == 0


# -- killed, and followed ------------------------------------------------------------------------------------------


@pytest.fixture
def desk():
    with provider(eventful=True) as server:
        yield server


@pytest.fixture
def dask(tmp_path, desk, monkeypatch):
    """Two workers with the password, which the coordinator has not."""
    pytest.importorskip("distributed", reason="no distributed: `pip install evidence-kit[dask]`")
    monkeypatch.delenv("AFAR_TOKEN", raising=False)
    with cluster(tmp_path / "dask", "one", "two", AFAR_URL=desk.url) as made:
        monkeypatch.syspath_prepend(str(made.folder / "plugin"))
        yield made


@pytest.fixture
def coordinator(opened, tmp_path, dask):
    """Start `collect` by the cluster, in a process of its own."""

    @contextmanager
    def start(*more):
        command = ("collect", SOURCE, "--case", str(opened), *asked(tmp_path, "--executor", dask.url, *more))
        with subprocess.Popen(
            [sys.executable, "-m", "evidence_kit", *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": dask.path, "PYTHONUNBUFFERED": "1"},
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    return start


def lines(case, kind):
    """Return the lines of a kind of every ledger, oldest bag first; one that is being written may be torn."""
    found = []
    for path in sorted(case.glob("bags/*/record/exchanges.jsonl")):
        whole = [json.loads(line) for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
        found += [line for line in whole if line["type"] == kind]
    return found


def findings(case, kind):
    return [one for line in lines(case, ledger.UNIT) for one in line["findings"] if one["kind"] == kind]


def events(case):
    """Return how often each event of each account is in the evidence."""
    found = Counter()
    for path in case.glob("bags/*/data/**/list/*"):
        account = path.relative_to(case).parts[4]
        found.update((account, *one["id"].split("-")) for one in json.loads(path.read_bytes())["records"])
    return found


def assert_every_second_once(case, start, end):
    """Hold the evidence against what the provider has: a second missing, double or beyond the window fails."""
    seconds = range(int(start.timestamp()), int(end.timestamp()))
    streams = [f"s{n:03d}" for n in range(STREAMS)]
    assert events(case) == Counter((a, s, str(at)) for a in (ONE, TWO) for s in streams for at in seconds)


def contents(case):
    return {path: (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"") for path in case.rglob("*")}


def planned(case, account):
    return {line["unit"] for line in lines(case, ledger.PLANNED) if f"|{account}|" in line["unit"]}


def ended(dask):
    """Return the units that a lease has brought to an end, as the workers' spools tell it."""
    spools = [spool for name in dask.workers for spool in dask.spools(name)]
    return {unit for spool in spools for journal in spool.glob("*/journal") for unit in _end(journal)}


def _end(journal):
    try:
        with journal.open("rb") as stream:
            return [one.unit for one in frames(stream) if isinstance(one, Outcome)]
    except ChainError:  # it is being written
        return []


@pytest.mark.slow
@pytest.mark.parametrize("by", ["cluster", "threads"])
def test_a_killed_coordinator_is_resumed_and_late_workers_change_nothing(
    run, opened, tmp_path, monkeypatch, desk, dask, coordinator, by
):
    end = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    start = end - timedelta(minutes=1)
    desk.gated = f"/{TWO}/"
    desk.gate.clear()
    with coordinator("--since", rfc3339(start), "--until", rfc3339(end)) as process:
        until(lambda: len(lines(opened, ledger.UNIT)) == STREAMS and len(desk.by_account()[TWO]) == STREAMS)
        process.kill()
    late, leased = desk.admit(), planned(opened, TWO)

    if by == "threads":
        monkeypatch.setenv("AFAR_TOKEN", PASSWORD)
        monkeypatch.setenv("AFAR_URL", desk.url)
    executor = ("--executor", dask.url) if by == "cluster" else ()
    told = run("resume", opened, "--connectors", tmp_path / "source.yaml", *executor)
    assert told.code == 0, told.err
    assert "which was never sealed" in told.err
    assert {path.count("/object/") for path in desk.times()} == {0, 1}
    sealed = contents(opened)
    late.set()
    until(lambda: leased <= ended(dask))

    assert contents(opened) == sealed
    assert set(desk.times().values()) == {1, 2}
    assert {path for path, times in desk.times().items() if times == 2} == {
        one.path for one in desk.by_account()[TWO]
    }  # by the late workers and by the resumed run; what was stored was asked for once
    assert len(lines(opened, ledger.PLANNED)) == len(lines(opened, ledger.UNIT)) == 2 * STREAMS
    paths = Counter(line["artifact"]["path"] for line in lines(opened, ledger.EXCHANGE))
    assert (len(paths), set(paths.values())) == (2 * STREAMS * FILES, {1})
    assert_every_second_once(opened, start, end)
    assert len(list(opened.glob("bags/*"))) == 1
    assert run("verify", opened, "--require-complete", "--each-signature").code == 0
    assert "nothing is open" in run("resume", opened).err


@pytest.mark.slow
def test_followed_windows_are_sealed_one_by_one_and_a_killed_worker_costs_none(run, opened, desk, dask, coordinator):
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)
    with coordinator("--follow", "--every", "10s", "--since", rfc3339(start), "--json") as process:
        assert passed(process)["unitsMissing"] == 0
        desk.gate.clear()
        asked = len(desk.asked)
        until(lambda: len(desk.asked) == asked + 2 * STREAMS)
        victim = dask.workers["two"]
        assert str(victim.pid) in {one.process for one in desk.asked[asked:]}
        dask.signal("two", signal.SIGKILL)
        victim.wait()
        desk.gate.set()
        assert passed(process)["unitsMissing"] == 0
        last = passed(process)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)

    assert (process.returncode, json.loads(out)["kind"]) == (0, "end"), err
    assert last["name"] == "3"
    assert_every_second_once(opened, start, datetime.fromisoformat(last["settled"][SOURCE]))
    assert len(lines(opened, ledger.UNIT)) == 3 * 2 * STREAMS
    assert {line["status"] for line in lines(opened, ledger.UNIT)} == {"complete"}
    assert len(findings(opened, "lease_void")) == STREAMS
    assert len(list(opened.glob("bags/*/seal/seal.sigstore.json"))) == len(list(opened.glob("bags/*"))) == 3
    assert [path.name for path in opened.rglob("log.jsonl")] == ["log.jsonl"]
    assert run("verify", opened, "--require-complete", "--each-signature").code == 0


@pytest.mark.slow
def test_a_follower_killed_in_mid_pass_is_finished_by_the_same_command(run, opened, desk, dask, coordinator):
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)
    follow = ("--follow", "--every", "10s", "--since", rfc3339(start), "--json")
    desk.gated = f"/{TWO}/"
    desk.gate.clear()
    with coordinator(*follow) as process:
        until(lambda: len(lines(opened, ledger.UNIT)) == STREAMS and len(desk.by_account()[TWO]) == STREAMS)
        process.kill()
    late, leased = desk.admit(), planned(opened, TWO)
    with coordinator(*follow) as process:
        first, second = passed(process), passed(process)
        late.set()
        until(lambda: leased <= ended(dask))
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)

    assert process.returncode == 0
    assert (first["window"], first["units"]) == (None, 2 * STREAMS)
    assert second["units"] == 2 * STREAMS
    assert_every_second_once(opened, start, datetime.fromisoformat(second["settled"][SOURCE]))
    assert len(lines(opened, ledger.UNIT)) == 2 * 2 * STREAMS
    assert run("verify", opened, "--require-complete", "--each-signature").code == 0


def passed(process):
    """Return what a follower says of its next pass."""
    said = json.loads(process.stdout.readline())
    assert said["kind"] == "pass"
    return said
