"""A leaked key, played to its end: what it made, where it was used from, which clocks start, and what is missing."""

import pytest
from playbooks.seeds.aws_estate import AWARE, INSIDE, NO, YES, clocks, inventory, running_cloud, table, window
from support.playing import outcomes, outputs

from evidence_kit.playbook.run.questions import Reply
from evidence_kit.sandbox.incident import (
    ATTACKER_IP,
    DATA,
    LEAKED_KEY,
    LOOT_BUCKET,
    PLANTED_KEY,
    SHOP,
    STOLEN_OBJECTS,
)

NAME = "aws-credential-compromise"
EXPORT = "ASIAEXAMPLEPRICEEXP7"  # the session that the planted key opened in the other account
IN_EUROPE = {"personal_data": Reply(choices=("eu",), fields={"aware_at": AWARE})}
NOBODY = {"personal_data": Reply(choices=("none",), fields={"aware_at": AWARE})}
ALL_WELL = {
    "trail_state": "success",
    "identities": "success",
    "activity": "success",
    "findings": "success",
    "log_integrity": "success",
    "pivot": "success",
    "foreign": "success",
    "data_read": "success",
    "logging_changes": "success",
    "personal_data": "success",
    "approve_hold": "success",
    "hold_case": "success",
    "complete": "success",
}


@pytest.fixture(scope="module")
def cloud(clouds):
    """The sandbox with its incident."""
    clouds.close()
    with running_cloud() as running:
        yield running


def asked(key=LEAKED_KEY):
    """Return the inputs: the two hours in which the key was used, up to the trail's end."""
    return {"access_key_id": key, "window": window(9, 11), "known_networks": INSIDE}


def both():
    """Return the inventory of both accounts, in the two regions that matter."""
    return inventory(SHOP, DATA, regions=("us-east-1", "eu-west-1"))


def test_the_key_is_followed_into_the_other_account_and_the_clock_of_article_33_starts(cloud, tmp_path):
    played = table(tmp_path, both(), IN_EUROPE, approve_hold=YES)
    ended = played.play(NAME, asked())

    assert outcomes(ended) == ALL_WELL
    assert outputs(ended, "pivot") == {"rows": 3, "keys": [LEAKED_KEY, PLANTED_KEY, EXPORT], "ips": [ATTACKER_IP]}
    assert outputs(ended, "foreign")["choice"] == "foreign"
    loot = {f"arn:aws:s3:::{LOOT_BUCKET}/models/2026/week-{n:02d}.parquet" for n in range(STOLEN_OBJECTS)}
    assert {*outputs(ended, "data_read")["resources"]} == loot | {"pricing/feature-store"}
    changes = outputs(ended, "logging_changes")["actions"]
    assert changes == ["DeleteModelInvocationLoggingConfiguration", "StopLogging"]
    assert [gap for one in ended.results.values() for gap in one.gaps] == []
    assert clocks(played) == [("eu.gdpr.art33", AWARE)]
    assert [one["hold"]["id"] for one in played.events("hold.placed")] == ["credential-compromise"]
    assert played.verify().exit() == 0


@pytest.mark.slow
def test_a_key_that_nobody_used_is_found_nowhere_and_nobody_is_asked_about_data(cloud, tmp_path):
    played = table(tmp_path, inventory(), IN_EUROPE, approve_hold=YES)
    ended = played.play(NAME, asked("AKIAEXAMPLENOBODYS12"))

    assert outcomes(ended) == ALL_WELL | {"personal_data": "skipped"}
    assert outputs(ended, "pivot") == {"rows": 1, "keys": ["AKIAEXAMPLENOBODYS12"], "ips": []}
    assert outputs(ended, "foreign")["choice"] == "nobody"
    assert outputs(ended, "data_read")["resources"] == []
    assert clocks(played) == []
    assert played.verify().exit() == 0


@pytest.mark.slow
def test_no_clock_starts_where_a_person_says_that_nobody_is_concerned_and_a_refusal_holds_nothing(cloud, tmp_path):
    played = table(tmp_path, both(), NOBODY, approve_hold=NO)
    ended = played.play(NAME, asked())

    assert ended.outcome == "failed"
    assert outcomes(ended) == ALL_WELL | {"approve_hold": "denied", "hold_case": "skipped"}
    assert ended.results["approve_hold"].reason == "boss refused: not now"
    assert outputs(ended, "personal_data")["choices"] == ["none"]
    assert (clocks(played), played.events("hold.placed")) == ([], [])
    assert played.verify().exit() == 0
