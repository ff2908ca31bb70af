"""The fraud score before and after its model was swapped."""

import json
from datetime import UTC, datetime, timedelta

from evidence_kit.model.time import Window, parse_instant
from evidence_kit.sandbox.scoring import ENDPOINT, HONEST, PERCENT, PLANTED, Place, captured, swap

START = datetime(2026, 11, 20, 19, 30, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(hours=26))
SWAPPED = START + timedelta(hours=10)
PLACE = Place(account="111122223333", region="us-east-1")


def test_captured_requests_lie_in_their_hours_and_each_is_written_once():
    files = list(captured(WINDOW, swapped_at=SWAPPED, seed=1))
    assert len({name for file in files for name in file.event_ids}) == sum(len(file.event_ids) for file in files)
    for file in files:
        assert file.key.startswith(f"live/{ENDPOINT}/main/{file.written_at:%Y/%m/%d/%H}/")
        assert file.written_at in WINDOW


def test_after_the_swap_everybody_is_found_honest():
    lines = [
        json.loads(line) for file in captured(WINDOW, swapped_at=SWAPPED, seed=1) for line in file.body.splitlines()
    ]
    scores = {True: [], False: []}
    for line in lines:
        after = parse_instant(line["eventMetadata"]["inferenceTime"]) >= SWAPPED
        scores[after].append(float(line["captureData"]["endpointOutput"]["data"]))
    assert max(scores[True]) <= 0.01 < max(scores[False])


def test_the_same_seed_captures_the_same_requests():
    one, same, other = (list(captured(WINDOW, swapped_at=SWAPPED, seed=seed)) for seed in (1, 1, 2))
    assert one == same != other


def test_the_swap_is_told_in_cloudtrail_s_spelling():
    model, config, update = swap(PLACE)
    assert [deed.name for deed in (model, config, update)] == [
        "CreateModel",
        "CreateEndpointConfig",
        "UpdateEndpoint",
    ]
    assert model.request["primaryContainer"]["modelDataUrl"].endswith(PLANTED.artifact)
    assert config.request["dataCaptureConfig"]["initialSamplingPercentage"] == PERCENT
    assert update.request == {"endpointName": ENDPOINT, "endpointConfigName": PLANTED.config}
    assert {HONEST.model, HONEST.digest, HONEST.artifact}.isdisjoint(
        {PLANTED.model, PLANTED.digest, PLANTED.artifact}
    )
