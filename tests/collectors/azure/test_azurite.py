"""Logs in blobs against Microsoft's own emulator: a real credential's token over TLS, and blobs that it stores."""

import base64
import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import requests
import trustme
from support import azurite
from support import blobs as store
from support.azurite import ACCOUNT
from support.blobs import collect, digests, files, hours, log
from support.lab import END
from support.microsoft import tenant

from evidence_kit.collectors.azure.access import AzureAccess
from evidence_kit.errors import Exit
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window
from evidence_kit.sandbox.microsoft.entra import TENANT

pytestmark = pytest.mark.skipif(azurite.BINARY is None, reason=azurite.MISSING)
FLOW, CONTAINER = "azure.blob.nsg_flow", store.NSG
WINDOW = Window(END - timedelta(hours=4), END)
HOURS = hours(WINDOW)


class Storage:
    """One container of the emulator, written to as its owner would."""

    def __init__(self, root, ca, token):
        self.root, self._session = f"{root}/{ACCOUNT}", requests.Session()
        self._session.verify = str(ca)
        self._session.headers.update({"x-ms-version": "2021-12-02", "Authorization": f"Bearer {token}"})

    def send(self, method, path, body=b"", **headers):
        with self._session.request(method, f"{self.root}/{CONTAINER}{path}", data=body, headers=headers) as answer:
            assert answer.ok, answer.text

    def put(self, blob, **headers):
        self.send("PUT", f"/{blob.name}", blob.body, **{"x-ms-blob-type": "BlockBlob", **headers})

    def close(self):
        self._session.close()


@pytest.fixture(scope="module")
def emulator(tmp_path_factory):
    """The emulator behind a certificate of its own CA."""
    folder, ca = tmp_path_factory.mktemp("azurite"), trustme.CA()
    issued = ca.issue_cert("127.0.0.1")
    issued.cert_chain_pems[0].write_to_path(str(folder / "cert.pem"))
    issued.private_key_pem.write_to_path(str(folder / "key.pem"))
    with azurite.azurite(folder / "data", tls=(folder / "cert.pem", folder / "key.pem")) as url:
        yield url, ca


@pytest.fixture
def kiosk(tmp_path, monkeypatch, emulator):
    """The tenant; the accounts of its subscription are the emulator's, and its tokens are of today."""
    url, ca = emulator
    with tenant(tmp_path) as made:
        bundle = tmp_path / "ca.pem"
        bundle.write_bytes(bundle.read_bytes() + ca.cert_pem.bytes())
        for name, value in made.environ.items():
            monkeypatch.setenv(name, value)
        # The emulator goes by the machine's clock, whatever the tests call now.
        made.entra.clock = lambda: datetime.now(UTC) - timedelta(minutes=1)
        real = made.target
        made.target = lambda **said: real(**{"endpoint.storage": url, **said})
        yield made


@pytest.fixture
def storage(kiosk, emulator, tmp_path):
    """A fresh container of flow logs."""
    made = Storage(
        emulator[0], tmp_path / "ca.pem", kiosk.entra.token(tenant=TENANT, audience="https://storage.azure.com")
    )
    made.send("PUT", "?restype=container")
    yield made
    made.send("DELETE", "?restype=container")
    made.close()


def only(lab):
    (line,) = [line for line in lab.ledger() if line["type"] == "unit"]
    return UnitStatus(line["status"]), line["reason"]


def test_what_the_emulator_stores_is_on_disk_under_its_own_etags(kiosk, storage, lab):
    several = [log(hour) for hour in HOURS]
    for blob in several:
        storage.put(blob)
    collect(lab, kiosk, FLOW, WINDOW, account=ACCOUNT)
    assert only(lab) == (UnitStatus.COMPLETE, "")
    assert files(lab) == digests(*several)
    assert lab.findings() == []
    assert lab.verify().exit(require_complete=True) is Exit.OK
    claimed = {thing["claimed.md5"] for thing in things(lab)}
    assert claimed == {
        base64.b64encode(hashlib.md5(one.body, usedforsecurity=False).digest()).decode() for one in several
    }
    assert all(thing["claimed.etag"].strip('"') == thing["etag"].strip('"') for thing in things(lab))


def things(lab):
    lines = (lab.bags[-1] / "record" / "artifacts.intoto.jsonl").read_text().splitlines()
    said = [json.loads(base64.b64decode(json.loads(line)["payload"]))["predicate"].get("object") for line in lines]
    return [thing for thing in said if thing]


def test_an_append_blob_grows_between_listing_and_reading_and_is_taken_as_it_is(kiosk, storage, lab, monkeypatch):
    blob = log(HOURS[0])
    storage.put(replace(blob, body=b""), **{"x-ms-blob-type": "AppendBlob"})
    storage.send("PUT", f"/{blob.name}?comp=appendblock", blob.body)
    real, grown = AzureAccess.wire, []

    def wire(self, target, api, ctx, operation):
        made = real(self, target, api, ctx, operation)
        stream = made.stream

        def after(*asked, **said):
            if not grown:
                grown.append(True)
                storage.send("PUT", f"/{blob.name}?comp=appendblock", b"late\n")
            return stream(*asked, **said)

        made.stream = after
        return made

    monkeypatch.setattr(AzureAccess, "wire", wire)
    collect(lab, kiosk, FLOW, WINDOW, account=ACCOUNT)
    assert only(lab)[0] is UnitStatus.COMPLETE
    assert files(lab) == digests(log(HOURS[0], body=blob.body + b"late\n"))
    assert [finding["kind"] for finding in lab.findings()] == ["object_changed"]


def test_a_snapshot_is_taken_beside_what_replaced_it(kiosk, storage, lab):
    before, after = log(HOURS[0], body=b"before\n"), log(HOURS[0], body=b"after\n")
    storage.put(before)
    storage.send("PUT", f"/{before.name}?comp=snapshot")
    storage.put(after)
    collect(lab, kiosk, FLOW, WINDOW, account=ACCOUNT)
    assert only(lab)[0] is UnitStatus.COMPLETE
    assert files(lab) == digests(before, after)
    assert [finding["kind"] for finding in lab.findings()] == ["older_version"]
    storage.send("DELETE", f"/{before.name}", **{"x-ms-delete-snapshots": "include"})


def test_an_md5_that_somebody_set_wrong_is_no_success(kiosk, storage, lab):
    storage.put(log(HOURS[0]))
    wrong = {"x-ms-blob-content-md5": "1B2M2Y8AsgTpgAmY7PhCfg=="}
    storage.send("PUT", f"/{log(HOURS[0]).name}?comp=properties", **wrong)
    storage.put(log(HOURS[1]))
    collect(lab, kiosk, FLOW, WINDOW, account=ACCOUNT)
    assert only(lab)[0] is UnitStatus.PARTIAL_ERROR
    assert files(lab) == digests(log(HOURS[1]))


def test_a_container_that_is_not_there_is_not_configured(kiosk, lab):
    collect(lab, kiosk, FLOW, WINDOW, account=ACCOUNT, container="nothing-here")
    assert only(lab)[0] is UnitStatus.NOT_CONFIGURED


def test_a_token_that_is_too_old_is_refused_by_the_emulator_too(kiosk, storage, lab):
    kiosk.entra.clock = lambda: datetime.now(UTC) - timedelta(days=2)
    kiosk.entra.claims = lambda *_: {"tid": TENANT}  # Resource Manager lets it pass
    collect(lab, kiosk, FLOW, WINDOW, account=ACCOUNT)
    assert only(lab)[0] in {UnitStatus.DENIED, UnitStatus.PARTIAL_ERROR}
    assert not files(lab)
