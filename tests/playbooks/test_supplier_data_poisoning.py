"""Poisoned deliveries of a supplier: which versions, what they became, from when until when it answered."""

import pytest
from playbooks.seeds.hybrid_estate import FEED, PACKAGE, POISONED_SPAN, failed, versions
from playbooks.seeds.partners_estate import NO, YES, clocks, gaps, hours, inventory, running_estates, table, warnings
from support.playing import outcomes, outputs

from evidence_kit.playbook.run.questions import Reply
from evidence_kit.sandbox.hybrid import cast

ID = "supplier-data-poisoning"
TARGETS = ("shop", "supplier-acme")
INPUTS = {**FEED, "api_key": cast.API_KEY}
TOLD, SERIOUS = "2026-11-21T01:20:00Z", "2026-11-21T10:00:00Z"
POISONED = Reply(choices=("poisoned",), fields={"supplier_aware_at": TOLD, "serious_at": SERIOUS})
SAMPLED = "Only a sample of requests and answers was kept, so that most of what was decided cannot be seen"
BLIND = "A trail did not record for a time, so that deliveries within it are not known"
NEW = "For some poisoned files there is no version from before"
MISSING = "Not everything could be had"
TAKEN = ("serving", "registry", "deliveries", "trail_state", "supplier_audit", "activity", "decisions")


@pytest.fixture(scope="module")
def estates(clouds):
    """All four estates, of which this playbook sees two."""
    clouds.close()  # moto is one a process
    with running_estates() as found:
        yield found


@pytest.mark.slow
def test_poisoned_files_are_followed_to_the_model_that_answered_and_both_clocks_start(estates, tmp_path):
    at = table(tmp_path, estates, inventory(estates, *TARGETS), {"poisoning": POISONED}, approve_keep=YES)
    ended = at.play(ID, {**INPUTS, "window": hours(0, 26)})

    held = versions(estates)
    (new,), (evil, honest) = held[cast.NEW_FILE], held[cast.OVERWRITTEN]
    assert outputs(ended, "key_uses")["ips"] == [cast.SUPPLIER, cast.ATTACKER]
    assert outputs(ended, "writers")["sessions"] == [cast.GOOD_SESSION, cast.BAD_SESSION]
    assert outputs(ended, "poisoned")["versions"] == [f"{cast.NEW_FILE} {new}", f"{cast.OVERWRITTEN} {evil}"]
    assert outputs(ended, "poisoned")["sessions"] == outputs(ended, "confirmed")["sessions"] == [cast.BAD_SESSION]
    assert outputs(ended, "confirmed")["keys"] == [cast.API_KEY]
    assert outputs(ended, "clean")["versions"] == [f"{cast.OVERWRITTEN} {honest}"]
    found = outputs(ended, "lineage")
    assert (found["jobs"], found["packages"]) == ([cast.TRAINING_JOB], [PACKAGE])
    assert (found["models"], found["configs"], found["endpoints"]) == (
        [cast.MODEL],
        [cast.MODEL_CONFIG],
        ["fraud-score"],
    )
    assert outputs(ended, "served")["spans"] == [POISONED_SPAN]
    assert outputs(ended, "answers")["kept"] > 10
    assert outputs(ended, "serving_now")["endpoints"] == []
    assert outputs(ended, "blind")["what"] == ["capture_sampled", "trail_off"]

    assert ended.outcome == "partial"
    assert outcomes(ended) == {
        **dict.fromkeys(TAKEN, "success"), "serving": "partial", "decisions": "partial",
        "log_integrity": "success", "key_uses": "success", "writers": "success", "origin": "success",
        "poisoned": "success", "confirmed": "success", "clean": "success", "lineage": "success",
        "served": "success", "answers": "success", "serving_now": "success", "blind": "success",
        "poisoning": "success", "approve_keep": "success", "hold_files": "skipped", "hold_case": "success",
        "complete": "partial", "tell": "skipped", "report": "skipped",
    }  # fmt: skip
    assert gaps(ended, *TAKEN) == {
        ("serving", "sampled_at_source", "aws.sagemaker.capture_state", "111122223333"),
        ("decisions", "sampled_at_source", "aws.sagemaker.data_capture", "111122223333"),
    }
    assert warnings(ended) == [SAMPLED, BLIND, NEW, MISSING]
    assert clocks(at) == [("contract.supplier-acme", TOLD), ("eu.aiact.art73", SERIOUS)]
    assert [one["hold"]["id"] for one in at.events("hold.placed")] == [ID]
    assert failed(at) == []


@pytest.mark.slow
def test_a_delivery_that_is_the_suppliers_own_leads_nowhere_and_asks_nobody(estates, tmp_path):
    at = table(tmp_path, estates, inventory(estates, *TARGETS), {"poisoning": POISONED}, approve_keep=YES)
    ended = at.play(ID, {**INPUTS, "window": hours(23.5, 26)})

    assert outputs(ended, "origin")["choice"] == "supplier"
    skipped = {name for name, one in outcomes(ended).items() if one == "skipped"}
    assert {"poisoned", "lineage", "served", "poisoning", "approve_keep", "hold_case"} <= skipped
    assert (clocks(at), at.events("hold.placed"), failed(at)) == ([], [], [])


@pytest.mark.slow
def test_without_the_suppliers_log_the_versions_are_found_and_nothing_confirms_them(estates, tmp_path):
    at = table(
        tmp_path, estates, inventory(estates, "shop"), {"poisoning": Reply(choices=("unknown",))}, approve_keep=NO
    )
    ended = at.play(ID, {**INPUTS, "window": hours(1.5, 4.5)})

    assert len(outputs(ended, "poisoned")["versions"]) == 2
    ends = outcomes(ended)
    assert (ends["supplier_audit"], ends["confirmed"], ends["approve_keep"]) == ("skipped", "skipped", "denied")
    assert outputs(ended, "served")["spans"] == ["fraud-score fraud-score-8 2026-11-20T14:13:00Z/"]
    assert (clocks(at), at.events("hold.placed"), failed(at)) == ([], [], [])
