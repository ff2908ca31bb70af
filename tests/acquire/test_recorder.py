"""Batches: gathered for a while, never at the cost of whoever waits, never larger than said."""

import threading

import pytest
from support.casemaker import NOW, TARGET, WINDOW, exchange

from evidence_kit.acquire import recorder
from evidence_kit.acquire.observer import Silent
from evidence_kit.acquire.recorder import Artifact, Line, Recorder
from evidence_kit.custody import bag, ledger
from evidence_kit.custody.attest import Reading
from evidence_kit.custody.ledger import Chain
from evidence_kit.model.unit import Unit
from evidence_kit.signers.file import acquisition_signer
from evidence_kit.vaults.local import LocalVault

UNIT = Unit(source="test.pages", target=TARGET, region="r-1", window=WINDOW)
FOREVER = 10_000.0


class Watched(LocalVault):
    """Counts what each commit makes durable, and what was acknowledged when it did."""

    def __init__(self, root):
        super().__init__(root)
        self.batches, self.acknowledged = [], []

    def commit(self, batch):
        before = self.stat(f"bag/{bag.LEDGER}")
        self.acknowledged.append(before.size if before else 0)
        super().commit(batch)
        self.batches.append(len(batch))


@pytest.fixture
def vault(tmp_path, monkeypatch):
    monkeypatch.setattr(recorder, "LINGER", FOREVER)
    made = Watched(tmp_path)
    with made.working():
        yield made


def recording(vault, observer=None):
    made = Recorder(
        vault=vault, root="bag", signer=acquisition_signer(), chain=Chain(), context={}, observer=observer or Silent()
    )
    made.start()
    return made


def put(vault, made, number, body=b"body"):
    stored = vault.stage([body])
    reading = Reading(kind="object", name=str(number), page=0)
    page = exchange("Get", body)
    made.submit(Artifact(unit=UNIT, stored=stored, path=f"data/{number}", exchange=page, reading=reading))


def test_what_arrives_within_a_while_is_one_batch(vault):
    made = recording(vault)
    for number in range(20):
        put(vault, made, number)
    made.flush()
    made.stop()
    assert vault.batches == [20]


def test_nothing_is_acknowledged_before_its_batch_is_durable(vault):
    made = recording(vault)
    for number in range(3):
        put(vault, made, number)
    made.flush()
    assert vault.acknowledged == [0]
    with vault.open(f"bag/{bag.LEDGER}") as stream:
        assert len(list(ledger.read(stream))) == 3
    made.stop()


def test_the_end_waits_for_no_more_work(vault):
    made = recording(vault)
    put(vault, made, 1)
    made.stop()
    assert vault.batches == [1]


def test_a_batch_is_full_at_its_number_or_at_its_bytes(vault, monkeypatch):
    monkeypatch.setattr(recorder, "BATCH", 4)
    monkeypatch.setattr(recorder, "BATCH_BYTES", 100)
    made = recording(vault)
    for number in range(4):
        put(vault, made, number)
    put(vault, made, "large", b"x" * 100)
    put(vault, made, "last")
    made.stop()
    assert vault.batches == [4, 1, 1]


def test_whoever_fills_the_queue_waits_for_no_while(vault, monkeypatch):
    monkeypatch.setattr(recorder, "QUEUE", 4)
    monkeypatch.setattr(recorder, "BATCH", 4)
    made = recording(vault)
    for number in range(20):
        put(vault, made, number)
    made.stop()
    assert sum(vault.batches) == 20


def test_after_its_while_a_batch_is_recorded_though_nobody_asks(vault, monkeypatch):
    monkeypatch.setattr(recorder, "LINGER", 0.01)
    told = threading.Event()

    class Telling(Silent):
        def stored(self, *_):
            told.set()

    made = recording(vault, Telling())
    put(vault, made, 1)
    assert told.wait(30)
    made.submit(Line(ledger.CLOSED, {"at": NOW.isoformat()}))
    made.stop()
