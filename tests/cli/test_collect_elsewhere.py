"""`collect` from Google Cloud and from Microsoft, as a person runs it: an inventory, a window, a case."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from support import google, microsoft

from evidence_kit.model.time import rfc3339


def inventory(path, target):
    """Write the inventory that names `target`; its access holds names and addresses only."""
    endpoints = {
        name.removeprefix("endpoint."): value for name, value in target.access.items() if name.startswith("endpoint.")
    }
    plain = {name: value for name, value in target.access.items() if not name.startswith("endpoint.")}
    entry = {"name": target.name, "provider": target.provider, "id": target.id, **plain, "endpoints": endpoints}
    document = {"apiVersion": "evidence-kit/inventory.v1", "kind": "Inventory", "targets": [entry]}
    path.write_text(json.dumps(document))
    return str(path)


def span(start, end):
    return ("--since", rfc3339(start), "--until", rfc3339(end))


def test_an_audit_log_of_google_cloud(run, opened, tmp_path, monkeypatch):
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=1)
    start = end - timedelta(hours=2)
    (tmp_path / "sandbox").mkdir()
    with google.serving(tmp_path / "sandbox", monkeypatch) as shop:
        shop.fill(google.ACTIVITY, 120, start=start, end=end)
        listed = inventory(tmp_path / "inventory.yaml", shop.target())
        source = "gcp.logging.admin_activity"
        told = run("collect", source, "--case", opened, "--inventory", listed, *span(start, end))
        assert told.code == 0, told.err
    assert run("verify", opened, "--require-complete", "--each-signature").code == 0
    assert source in run("coverage", opened).out


def test_sign_ins_of_a_tenant(run, opened, tmp_path, monkeypatch):
    (tmp_path / "sandbox").mkdir()
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=1)
    with microsoft.tenant(tmp_path / "sandbox", moment=end - timedelta(minutes=30)) as kiosk:
        for name, value in kiosk.environ.items():
            monkeypatch.setenv(name, value)
        listed = inventory(tmp_path / "inventory.yaml", kiosk.target())
        source = "entra.directory_audits"
        told = run("collect", source, "--case", opened, "--inventory", listed, *span(end - timedelta(hours=1), end))
        assert told.code == 0, told.err
    assert run("verify", opened, "--require-complete", "--each-signature").code == 0
    assert kiosk.entra.secret not in told.out + told.err


@pytest.mark.parametrize("source", ["gcp.logging.admin_activity", "entra.directory_audits"])
def test_without_an_inventory_it_says_what_is_missing(run, opened, source):
    told = run("collect", source, "--case", opened, "--since", "1d")
    assert told.code == 2
    assert "need an inventory" in told.err
