"""Models called with a leaked key, one replaced, files of many taken: played to its end, with what was not kept."""

import pytest
from playbooks.seeds.aws_estate import AWARE, INSIDE, NO, YES, clocks, gaps, inventory, running_cloud, table, window
from support.playing import outcomes, outputs

from evidence_kit.playbook.run.questions import Reply
from evidence_kit.sandbox.incident import (
    ATTACKER_IP,
    DATA,
    EUROPE,
    HOME,
    LEAKED_KEY,
    LOOT_BUCKET,
    MISUSES,
    PLANTED_KEY,
    SCORING,
    SHOP,
    STOLEN_OBJECTS,
)
from evidence_kit.sandbox.prompts import MODEL
from evidence_kit.sandbox.scoring import ENDPOINT, PERCENT, PLANTED

NAME = "aws-ai-abuse"
ASSISTANT = "10.20.4.18"  # the shop's own
AT_HOME = 6  # calls of the intruder where prompts are kept
FOUND = {"personal_data": Reply(choices=("eu", "serious_incident"), fields={"aware_at": AWARE})}
NOBODY = {"personal_data": Reply(choices=("none",), fields={"aware_at": AWARE})}
ENDS = {
    "frozen": "partial",
    "trail_state": "success",
    "activity": "success",
    "prompts": "success",
    "captures": "partial",
    "registry": "success",
    "spend": "partial",
    "log_integrity": "success",
    "calls": "success",
    "foreign": "success",
    "misuse": "success",
    "unlogged": "success",
    "logging_changes": "success",
    "replaced": "success",
    "taken": "success",
    "extraction": "success",
    "blind": "success",
    "personal_data": "success",
    "approve_keep": "success",
    "keep_models": "success",
    "hold_case": "success",
    "complete": "partial",
    "tell": "skipped",
    "report": "skipped",
}
COLLECTED = ("frozen", "trail_state", "activity", "prompts", "captures", "registry", "spend")
SAMPLED = {
    ("frozen", "sampled_at_source", "aws.sagemaker.capture_state", HOME),
    ("captures", "sampled_at_source", "aws.sagemaker.data_capture", ENDPOINT),
    ("spend", "complete_unsettled", "aws.cost.anomalies", "-"),  # costs are corrected for two days
}


@pytest.fixture(scope="module")
def cloud(clouds):
    """The sandbox with its incident."""
    clouds.close()
    with running_cloud() as running:
        yield running


@pytest.mark.slow
def test_misuse_theft_and_replacement_are_found_and_calls_without_prompts_are_counted(cloud, tmp_path):
    played = table(tmp_path, inventory(SHOP, DATA, regions=(HOME, EUROPE)), FOUND, approve_keep=YES)
    asked = {
        "window": window(9, 11),
        "known_networks": INSIDE,
        "model_buckets": [LOOT_BUCKET],
        "extraction_calls": 18,
    }
    ended = played.play(NAME, asked)

    assert (ended.outcome, outcomes(ended)) == ("partial", ENDS)
    assert outputs(ended, "calls")["ips"] == [ATTACKER_IP, ASSISTANT]
    misuse = outputs(ended, "misuse")
    assert (misuse["keys"], misuse["models"]) == ([LEAKED_KEY, PLANTED_KEY], [MODEL])
    assert (misuse["regions"], misuse["strange_regions"]) == ([EUROPE, HOME], [EUROPE])
    assert misuse["calls"] == MISUSES + AT_HOME
    unlogged = {"rows": 1, "calls": MISUSES, "regions": [EUROPE], "keys": [LEAKED_KEY]}
    assert outputs(ended, "unlogged") == unlogged
    changes = ["DeleteModelInvocationLoggingConfiguration", "StopLogging"]
    assert outputs(ended, "logging_changes")["actions"] == changes
    behind = {"endpoints": [ENDPOINT], "models": [PLANTED.model], "keys": [PLANTED_KEY]}
    assert outputs(ended, "replaced") == behind | {
        "rows": 1,
        "files": [f"s3://{SCORING.models}/{PLANTED.artifact}"],
    }
    loot = {f"{LOOT_BUCKET}/models/2026/week-{n:02d}.parquet" for n in range(STOLEN_OBJECTS)}
    assert ({*outputs(ended, "taken")["what"]}, outputs(ended, "taken")["ips"]) == (loot, [ATTACKER_IP])
    assert outputs(ended, "extraction")["choice"] == "likely"
    assert outputs(ended, "blind")["what"] == ["agents", "captures", "prompts"]
    assert gaps(*COLLECTED, ended=ended) == SAMPLED
    told = [gap.reason.partition(",")[0].partition(":")[0] for gap in ended.results["complete"].gaps]
    assert told == [
        "Of some calls no prompt was kept",
        "Invocation logging is off in a region",
        "An endpoint captures nothing",
        "Not everything could be had",
    ]
    assert clocks(played) == [("eu.gdpr.art33", AWARE), ("eu.aiact.art73", AWARE)]
    assert played.verify().exit() == 0


@pytest.mark.slow
def test_where_prompts_were_kept_and_only_the_shop_called_nobody_is_accused(cloud, tmp_path):
    cloud.door.sent.clear()
    played = table(tmp_path, inventory(), NOBODY, approve_keep=NO)
    ended = played.play(NAME, {"window": window(4, 8), "known_networks": INSIDE})

    skipped = dict.fromkeys(("misuse", "extraction", "personal_data", "keep_models", "hold_case"), "skipped")
    assert outcomes(ended) == ENDS | skipped | {"approve_keep": "denied"}
    assert (outputs(ended, "calls")["ips"], outputs(ended, "foreign")["choice"]) == ([ASSISTANT], "known")
    assert outputs(ended, "unlogged")["calls"] == 0
    assert [outputs(ended, "replaced")["endpoints"], outputs(ended, "taken")["what"]] == [[], []]
    assert outputs(ended, "blind")["reasons"] == [
        f"no agent, memory, gateway or knowledge base in {HOME} delivers logs or traces",
        f"{ENDPOINT} captures {PERCENT} % of its requests",
    ]
    asked = [one.operation for one in cloud.door.sent]
    frozen = [at for at, name in enumerate(asked) if name in {"ListGuardrails", "POST /browsers"}]
    assert len(frozen) == 2
    assert max(frozen) < asked.index("LookupEvents")  # no version and no memory is left for later
    assert clocks(played) == []
    assert played.verify().exit() == 0
