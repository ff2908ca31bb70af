"""What a parameter costs, or takes beside its source, is told before anything is asked."""

import json

LOGS = "aws.cloudwatch.logs"
COUNT = ("--set", "count=insights")


def test_a_plan_says_what_is_charged_for_and_what_that_takes(run, opened, window, inventory) -> None:
    asked = ("collect", LOGS, *window, *inventory, "--plan", "--set", "log_group_prefix=/")

    plain, counted = run(*asked), run(*asked, *COUNT)
    assert (plain.code, counted.code) == (0, 0)
    assert "logs:StartQuery" not in plain.out
    assert "logs:StartQuery" in counted.out
    assert "--set count=insights: AWS charges for every GB" in counted.out
    (extra,) = json.loads(run(*asked, *COUNT, "--json").out)["extras"]
    assert (extra["name"], extra["param"]) == (LOGS, "count")


def test_a_source_shows_what_a_parameter_costs(run) -> None:
    told = run("sources", "show", LOGS)
    assert "AWS charges for every GB" in told.out
    assert "also takes logs:StartQuery" in told.out
    count = json.loads(run("sources", "show", LOGS, "--json").out)["params"][1]
    assert "logs:StopQuery" in count["permissions"]
