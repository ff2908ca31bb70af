"""`collect --executor`: a cluster asks with credentials of its own, this machine records; what is none is said so."""

import pytest
from support.afar import SOURCE, cluster, provider

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
