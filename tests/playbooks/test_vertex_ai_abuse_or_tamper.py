"""A model exchanged on Vertex AI: which one answered when, who put it there, and what nobody recorded."""

from datetime import timedelta

import pytest
from playbooks.seeds import gcp_vertex as seed
from playbooks.seeds.cloud_desk import AWARE, NO, YES, Told, clocks, gaps_of
from playbooks.seeds.gcp_estate import OFFICE, START, WINDOW, estate, serving
from support.playing import outcomes, outputs

from evidence_kit.model.time import rfc3339
from evidence_kit.playbook.run.questions import Reply

ID = "vertex-ai-abuse-or-tamper"
FOUND_AT = "2026-11-21T11:00:00Z"
AFTER = START + timedelta(hours=4)
HALFWAY = START + seed.DEPLOYED + timedelta(minutes=2)
BEFORE = START + timedelta(hours=1)
UNPROVEN = (
    "log_integrity",
    "check_warn",
    "Google signs none of these logs, so that they are whole rests on its word",
)
NO_REPORT = ("report", "skipped", "nothing here writes reports")
SILENT = (
    "complete",
    "check_warn",
    "An endpoint logs no requests, so that nobody can say what was asked and answered",
)
NOT_ALL = ("complete", "check_warn", "Not everything could be had")
SAMPLED = {
    ("frozen", "sampled_at_source", "gcp.vertex.request_logging"),
    ("requests", "sampled_at_source", "gcp.vertex.request_rows"),
}
ENDS = {
    "frozen": "partial",
    "log_setup": "success",
    "lineage": "success",
    "activity": "success",
    "uses": "success",
    "requests": "partial",
    "log_integrity": "partial",
    "live": "success",
    "changes": "success",
    "unknown_origin": "success",
    "artifacts": "success",
    "taken": "success",
    "calls": "success",
    "blind": "success",
    "tampered": "success",
    "compare_files": "success",
    "personal_data": "success",
    "serious": "success",
    "approve_hold": "success",
    "hold_files": "partial",
    "hold_case": "success",
    "complete": "partial",
    "tell": "skipped",
    "report": "skipped",
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("gcp")) as found:
        yield found


def answers(personal, serious, *, same):
    """Return what people say."""
    return {
        "personal_data": Reply(choices=(personal,), fields={"aware_at": AWARE}),
        "serious": Reply(choices=(serious,), fields={"aware_at": FOUND_AT}),
        "compare_files": Reply(fields={"same": same}),
    }


def inputs(at):
    """Return what a run is told."""
    return {"at": rfc3339(at), "window": WINDOW, "deployers": [seed.DEPLOYER], "known_networks": [OFFICE]}


def test_an_exchanged_model_is_named_with_who_put_it_there_and_its_files_are_held(shop, tmp_path):
    shop.put(estate([*seed.usual(), *seed.exchange()], lists=seed.lists(logged=False, exchanged=True)))
    evil = seed.stored("hotfix/model.bin", "17")
    other = seed.stored("hotfix2/other.bin", "18")
    shop.keeping.objects |= {seed.BUCKET: [seed.stored(seed.FILE, "19")], seed.EVIL_BUCKET: [evil, other]}
    told = Told()
    table = shop.table(tmp_path, answers("eu", "serious", same=False), told, approve_hold=YES)

    ended = table.play(ID, {**inputs(AFTER), "channel": "bridge"})

    assert outcomes(ended) == {**ENDS, "tell": "success"}
    assert outputs(ended, "live")["models"] == ["endpoints/31 models/77@1 100%", "endpoints/32 models/12@3 100%"]
    assert outputs(ended, "tampered")["choice"] == "tampered"
    changed = outputs(ended, "changes")
    assert changed["actions"] == ["UpdateEndpoint", "UploadModel", "DeployModel", "ExportModel"]
    assert changed["actors"] == [seed.DEPLOYER, seed.THIEF]
    assert changed["ips"] == [seed.DESK, seed.AWAY]
    assert changed["exported"] == [seed.OUTSIDE]
    assert changed["logging_of"] == [seed.DEMAND]
    assert outputs(ended, "unknown_origin")["models"] == [f"{seed.EVIL}@1"]
    assert outputs(ended, "taken")["files"] == [f"{seed.BUCKET}//{seed.FILE}"]
    assert outputs(ended, "taken")["actors"] == [seed.THIEF]
    assert outputs(ended, "calls")["callers"] == ["checkout@example.com", seed.THIEF]
    assert outputs(ended, "calls")["total"] == 10
    assert outputs(ended, "blind") == {"rows": 1, "what": ["requests"], "endpoints": [seed.DEMAND]}
    assert outputs(ended, "hold_files")["resources"] == [
        "gs://shop-drop/hotfix/ 1 objects",
        "gs://shop-models/demand/9/2/ 1 objects",
    ]
    assert ("temporaryHold" in evil, "temporaryHold" in other) == (True, False)
    assert gaps_of(ended) == {
        *SAMPLED,
        UNPROVEN,
        NO_REPORT,
        NOT_ALL,
        SILENT,
        ("complete", "check_warn", "A person found a model's file that is not what it should be"),
        ("hold_files", "partial_error", "gcp.storage.hold"),  # the files of the third model are gone
    }
    assert clocks(table) == [("eu.gdpr.art33", AWARE), ("eu.aiact.art73", FOUND_AT)]
    assert "2 accounts changed models or endpoints, 1 exports, 1 files of models read" in told.shown[0]
    assert table.verify().exit() == 0


@pytest.mark.slow
def test_what_the_deployer_does_at_its_desk_is_expected_and_nobody_is_asked(shop, tmp_path):
    shop.put(estate(list(seed.usual()), lists=seed.lists(logged=True, exchanged=False)))
    table = shop.table(tmp_path, {}, Told(), approve_hold=NO)

    ended = table.play(ID, inputs(AFTER))

    assert outcomes(ended) == {
        **ENDS,
        "frozen": "success",
        "requests": "success",
        "compare_files": "skipped",
        "personal_data": "skipped",
        "serious": "skipped",
        "approve_hold": "denied",
        "hold_files": "skipped",
        "hold_case": "skipped",
        "complete": "success",
    }
    assert outputs(ended, "live")["models"] == ["endpoints/31 models/9@2 100%", "endpoints/32 models/12@3 100%"]
    assert outputs(ended, "tampered")["choice"] == "expected"
    assert outputs(ended, "unknown_origin")["models"] == []
    assert (outputs(ended, "taken")["files"], outputs(ended, "blind")["what"]) == ([], [])
    assert gaps_of(ended) == {UNPROVEN, NO_REPORT, ("approve_hold", "refused", "boss refused")}
    assert clocks(table) == []
    assert shop.keeping.changes == []
    assert table.verify().exit() == 0


@pytest.mark.slow
def test_where_calls_and_reads_are_not_logged_that_is_said_and_none_of_the_clocks_starts_without_a_person(
    shop, tmp_path
):
    changes = [call for call in (*seed.usual(), *seed.exchange()) if not call.reads]
    shop.put(estate(changes, audited=False, lists=seed.lists(logged=False, exchanged=True)))
    table = shop.table(tmp_path, answers("none", "not_serious", same=True), Told(), approve_hold=NO)

    ended = table.play(ID, inputs(HALFWAY))

    assert outputs(ended, "live")["models"] == [
        "endpoints/31 models/77 10%",
        "endpoints/31 models/9@2 90%",
        "endpoints/32 models/12@3 100%",
    ]
    assert outputs(ended, "blind")["what"] == ["calls", "reads_of_files", "requests"]
    assert (outputs(ended, "calls")["total"], outputs(ended, "taken")["files"]) == (0, [])
    assert gaps_of(ended) == {
        *SAMPLED,
        UNPROVEN,
        NO_REPORT,
        NOT_ALL,
        SILENT,
        ("approve_hold", "refused", "boss refused"),
        ("complete", "check_warn", "The project does not log who asks models, unless a folder above it does"),
        (
            "complete",
            "check_warn",
            "The project does not log who reads files, so that a copied model leaves no trace",
        ),
    }
    assert clocks(table) == []
    assert table.verify().exit() == 0


@pytest.mark.slow
def test_before_the_first_change_on_record_the_models_that_were_there_have_no_known_share(shop, tmp_path):
    shop.put(estate(list(seed.exchange()), lists=seed.lists(logged=False, exchanged=True)))
    table = shop.table(tmp_path, answers("unknown", "unknown", same=True), Told(), approve_hold=NO)

    ended = table.play(ID, inputs(BEFORE))

    assert outputs(ended, "live")["models"] == ["endpoints/31 models/9@2 ?%", "endpoints/32 models/12@3 100%"]
