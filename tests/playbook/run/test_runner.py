"""What runs, in which order, how it ends, and what that means for what comes after."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from support.deck import HEAD, LOOKUP, OBJECTS, TAKE, Dealer, book, deck, event
from support.playing import Heard, outcomes, outputs

from evidence_kit.errors import Exit, OperatorStop, UsageError
from evidence_kit.model.status import UnitStatus
from evidence_kit.playbook.reading import parse_playbook
from evidence_kit.playbook.run import asking
from evidence_kit.playbook.run.opening import begin
from evidence_kit.playbook.run.questions import Reply
from evidence_kit.playbook.run.runner import run

SHOP, DATA = "111122223333", "444455556666"
EVENTS = {SHOP: [event(1), event(2, key="AKIA2", ip="203.0.113.9"), event(3)], DATA: [event(4, key="AKIA2")]}
ASK = """  - id: who
    type: query
    needs: [take]
    from: [take]
    params: {key: "${{ inputs.key }}"}
    sql: SELECT src_ip, target, resource FROM take WHERE credential = $key ORDER BY time
    outputs:
      ips: {column: src_ip, type: list<ip>, max: 5}
      first: {column: target, type: string}
"""


def test_what_is_collected_can_be_asked_and_the_case_verifies(tmp_path):
    table = deck(tmp_path, EVENTS)
    ended = table.play(book(TAKE + ASK), {"key": "AKIA2"})

    assert (ended.outcome, outcomes(ended)) == ("success", {"take": "success", "who": "success"})
    assert outputs(ended, "take") == {"records": 4, "artifacts": 3, "bytes": 1941, "units": 2, "missing": 0} | {
        "bytes": outputs(ended, "take")["bytes"]
    }
    assert outputs(ended, "who") == {"rows": 2, "ips": ["203.0.113.9", "198.51.100.7"], "first": SHOP}
    assert table.verify().exit() == 0
    steps = table.events("playbook.step")
    assert [one["playbook"]["step"] for one in steps] == ["take", "who"]
    assert len(table.events("playbook.ended")) == 1


def test_steps_ready_at_once_are_one_acquisition_whose_units_say_for_whom_they_were(tmp_path):
    both = TAKE + f"  - {{id: shop, type: collect, sources: [{LOOKUP}], targets: shop}}\n"
    table = deck(tmp_path, EVENTS)
    ended = table.play(book(both), {})

    assert [outputs(ended, name)["units"] for name in ("take", "shop")] == [2, 1]
    assert len(table.lab.bags) == 1
    assert sorted(table.dealt[LOOKUP].asked) == [
        (SHOP, {"playbook.step": "take,shop"}),
        (DATA, {"playbook.step": "take"}),
    ]


def test_an_account_that_refuses_leaves_a_gap_and_the_others_whole(tmp_path):
    table = deck(tmp_path, EVENTS)
    table.dealt[LOOKUP].ends[DATA] = [(UnitStatus.DENIED, "AccessDenied")]
    ended = table.play(book(TAKE + ASK), {})

    assert (ended.outcome, outcomes(ended)) == ("partial", {"take": "partial", "who": "success"})
    (gap,) = ended.results["take"].gaps
    assert (gap.kind, gap.reason, gap.unit.split("|")[1]) == ("denied", "AccessDenied", DATA)
    assert ended.exit == 3


def test_nothing_but_refusals_is_denied_and_what_needs_it_is_skipped(tmp_path):
    table = deck(tmp_path, EVENTS)
    for account in (SHOP, DATA):
        table.dealt[LOOKUP].ends[account] = [(UnitStatus.DENIED, "AccessDenied")]
    tail = "  - {id: end, type: query, needs: [{step: who, accept: [any]}], sql: SELECT count(*) AS n FROM gaps}\n"
    ended = table.play(book(TAKE + ASK + tail), {})

    assert outcomes(ended) == {"take": "denied", "who": "skipped", "end": "success"}
    assert ended.results["who"].reason == "`take` ended denied"


class Unwilling(Dealer):
    """A collector that cannot plan what it is asked for."""

    def units(self, scope, ctx):
        raise UsageError(f"{self.spec.name} needs a bucket")


def test_a_collection_that_cannot_be_planned_takes_no_other_with_it(tmp_path):
    table = deck(tmp_path, EVENTS)
    table.dealt[OBJECTS] = Unwilling(table.dealt[OBJECTS].spec)
    files = f"  - {{id: files, type: collect, sources: [{OBJECTS}], targets: all}}\n"
    ended = table.play(book(files + TAKE), {})

    assert outcomes(ended) == {"files": "failed", "take": "success"}
    assert ended.results["files"].reason == f"{OBJECTS} needs a bucket"
    assert outputs(ended, "take")["records"] == 4
    assert table.verify().exit() == 0


def test_what_is_open_is_tried_again_as_often_as_the_author_says(tmp_path):
    table = deck(tmp_path, EVENTS)
    table.dealt[LOOKUP].ends[DATA] = [(UnitStatus.PARTIAL_ERROR, "HTTP 500")] * 2
    retry = TAKE.replace("targets: all", "targets: all, retry: {attempts: 3, backoff: PT0S}")
    ended = table.play(book(retry), {})

    assert (outcomes(ended), len(table.lab.bags)) == ({"take": "success"}, 3)
    assert [account for account, _ in table.dealt[LOOKUP].asked].count(SHOP) == 1
    assert table.verify().exit() == 0


def test_conditions_and_skips_reach_no_further_than_who_needs_them(tmp_path):
    steps = (
        TAKE
        + """  - {id: never, type: query, needs: [take], when: steps.take.outputs.records > 99, sql: SELECT 1 AS n}
  - {id: after, type: query, needs: [never], sql: SELECT 1 AS n}
  - {id: anyway, type: query, needs: [{step: after, accept: [skipped]}], sql: SELECT 1 AS n}
"""
    )
    ended = deck(tmp_path, EVENTS).play(book(steps), {})

    assert outcomes(ended) == {"take": "success", "never": "skipped", "after": "skipped", "anyway": "success"}
    assert ended.results["never"].reason == "its condition is not met"


def test_a_failure_that_stops_leaves_only_steps_that_say_what_comes_after_one(tmp_path):
    steps = (
        TAKE
        + """  - {id: bad, type: query, needs: [take], sql: SELECT nothing FROM take}
  - {id: other, type: query, needs: [take], sql: SELECT 1 AS n}
  - {id: close, type: query, needs: [{step: bad, accept: [any]}], sql: "SELECT step, outcome FROM steps"}
"""
    )
    ended = deck(tmp_path, EVENTS).play(book(steps), {})

    assert outcomes(ended) == {"take": "success", "bad": "failed", "other": "skipped", "close": "success"}
    assert (ended.outcome, ended.results["other"].reason) == ("failed", "the run stopped at `bad`")
    assert "nothing" in ended.results["bad"].reason


def test_a_list_is_run_over_once_each_and_what_is_too_much_is_a_gap(tmp_path):
    steps = (
        TAKE
        + f"""  - id: each
    type: collect
    sources: [{OBJECTS}]
    targets: shop
    needs: [take]
    for_each: {{items: '${{{{ ["a", "b", "a", "c"] }}}}', as: bucket, max: 2}}
    with: {{bucket: "${{{{ bucket }}}}"}}
"""
    )
    table = deck(tmp_path, EVENTS)
    ended = table.play(book(steps), {})

    asked = [settings["bucket"] for _, settings in table.dealt[OBJECTS].asked]
    assert (sorted(asked), outcomes(ended)["each"]) == (["a", "b"], "partial")
    assert [gap.kind for gap in ended.results["each"].gaps] == ["left_out"]
    assert (outputs(ended, "each")["units"], table.verify().exit()) == (2, 0)


def test_a_window_longer_than_the_policy_allows_is_denied_and_nothing_is_asked(tmp_path):
    text = book(TAKE).replace(b"purpose: testing", b"purpose: testing, minimise: {max_window: P1D}")
    table = deck(tmp_path, EVENTS)
    ended = table.play(text, {})

    assert (outcomes(ended), table.dealt[LOOKUP].asked) == ({"take": "denied"}, [])
    assert "more than the 1 day" in ended.results["take"].reason


def test_outputs_are_typed_and_capped_and_what_does_not_fit_is_a_gap(tmp_path):
    odd = {SHOP: [event(1, ip="cloudtrail.amazonaws.com"), *(event(n, ip=f"198.51.100.{n}") for n in range(2, 12))]}
    ended = deck(tmp_path, odd).play(book(TAKE + ASK), {})

    assert outputs(ended, "who")["ips"] == [f"198.51.100.{n}" for n in range(2, 7)]
    assert [gap.kind for gap in ended.results["who"].gaps] == ["values_left_out", "values_rejected"]
    assert outcomes(ended)["who"] == "partial"


@pytest.mark.parametrize(
    "said", ["${{ inputs.key }}", "' OR 1=1 --", "$key", "\x1b[31mred", "'); DROP VIEW take; --", "{{ 7*7 }}"]
)
def test_values_of_evidence_are_values_and_nothing_else(tmp_path, said):
    events = {SHOP: [event(1, key=said), event(2)]}
    steps = (
        TAKE
        + """  - id: found
    type: query
    needs: [take]
    from: [take]
    sql: SELECT credential FROM take ORDER BY time
    outputs: {keys: {column: credential}}
  - id: again
    type: query
    needs: [found]
    from: [take]
    params: {keys: "${{ steps.found.outputs.keys }}", one: "${{ steps.found.outputs.keys[0] }}"}
    sql: SELECT count(*) AS n FROM take WHERE credential = $one AND credential IN (SELECT unnest($keys))
    outputs: {n: {column: n, type: int}}
"""
    )
    table = deck(tmp_path, events)
    ended = table.play(book(steps), {})

    assert outputs(ended, "found")["keys"] == [said, "AKIA1"]
    assert (outputs(ended, "again")["n"], table.verify().exit()) == (1, 0)


def test_ten_million_rows_stop_at_what_is_kept(tmp_path):
    steps = (
        TAKE
        + """  - id: many
    type: query
    needs: [take]
    max_rows: 10
    sql: SELECT range AS n FROM range(300000)
    outputs: {n: {column: n, type: list<int>, max: 3}}
"""
    )
    ended = deck(tmp_path, EVENTS).play(book(steps), {})

    assert outputs(ended, "many") == {"rows": 300_000, "n": [0, 1, 2]}
    assert [gap.kind for gap in ended.results["many"].gaps] == ["rows_left_out", "values_left_out"]


def test_a_question_without_an_end_is_stopped_and_said_so(tmp_path):
    endless = "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT count(*) AS n FROM t"
    steps = (
        TAKE + f"  - {{id: never, type: query, needs: [take], timeout: PT1S, on_error: continue, sql: {endless!r}}}\n"
    )
    ended = deck(tmp_path, EVENTS).play(book(steps), {})

    assert (outcomes(ended)["never"], "stopped" in ended.results["never"].reason) == ("failed", True)


def test_checks_that_only_warn_make_a_step_partial_and_others_make_it_fail(tmp_path):
    steps = (
        TAKE
        + """  - id: checks
    type: verify
    needs: [take]
    on_error: continue
    checks:
      - {verify: case, message: it does not verify}
      - {assert: steps.take.outputs.records == 4, message: not four}
      - {complete: [take], message: not all of it}
      - {sql: SELECT 1 FROM gaps, message: there are gaps}
      - {assert: steps.take.outputs.records > 99, message: few, level: LEVEL}
"""
    )
    warned = deck(tmp_path / "a", EVENTS).play(book(steps.replace("LEVEL", "warn")), {})
    failed = deck(tmp_path / "b", EVENTS).play(book(steps.replace("LEVEL", "error")), {})

    assert (outcomes(warned)["checks"], outcomes(failed)["checks"]) == ("partial", "failed")
    assert outputs(failed, "checks")["passed"] == 4
    assert outputs(failed, "checks")["failed"] == ["few: `steps.take.outputs.records > 99` is not true"]


def test_a_provider_without_a_proof_proves_nothing(tmp_path):
    steps = (
        TAKE
        + """  - {id: proven, type: verify, needs: [take], checks: [{proofs: true, message: not proven}]}
"""
    )
    ended = deck(tmp_path, EVENTS).play(book(steps), {})

    assert outcomes(ended)["proven"] == "failed"


def test_another_playbook_is_run_within_and_hands_back_what_it_declares(tmp_path):
    inner = book(TAKE + ASK).replace(b"test-book", b"inner").decode() + "outputs: {ips: steps.who.outputs.ips}\n"
    (tmp_path / "books").mkdir()
    (tmp_path / "books" / "inner.yaml").write_text(inner)
    steps = """  - {id: within, type: playbook, playbook: inner@1, with: {key: AKIA2}}
"""
    table = deck(tmp_path, EVENTS, folders=(tmp_path / "books",))
    ended = table.play(book(steps), {})

    assert (ended.outcome, outputs(ended, "within")["outcome"]) == ("success", "success")
    assert len(table.events("playbook.started")) == 2
    assert table.verify().exit() == 0


def test_a_playbook_cannot_call_one_that_may_do_more(tmp_path):
    (tmp_path / "inner.yaml").write_bytes(book(TAKE).replace(b"test-book", b"inner"))
    outer = book("  - {id: within, type: playbook, playbook: inner@1}\n").replace(b", preserve, hold, notify", b"")
    ended = deck(tmp_path, EVENTS, folders=(tmp_path,)).play(outer, {})

    assert outcomes(ended) == {"within": "failed"}
    assert "may hold, notify, preserve" in ended.results["within"].reason


def test_a_question_waits_and_everything_else_goes_on(tmp_path):
    steps = (
        """  - {id: choose, type: decide, question: Which, options: [{value: a}, {value: b}], timeout: PT1H,
     default_on_timeout: b}
"""
        + TAKE
    )
    table = deck(tmp_path, EVENTS)
    ended = table.play(book(steps), {})
    assert (ended.outcome, outcomes(ended), len(ended.waiting), ended.exit) == ("waiting", {"take": "success"}, 1, 3)

    table.answers = {"choose": Reply(choices=("a",), reason="because")}
    ended = table.resume()
    assert (ended.outcome, outputs(ended, "choose")["choice"]) == ("success", "a")
    assert outputs(ended, "choose")["decided_by"] == "ex@example.com"


def test_when_nobody_answers_in_time_the_cautious_option_stands(tmp_path):
    steps = """  - {id: choose, type: decide, question: Which, options: [{value: a}, {value: b}], timeout: PT1H,
     default_on_timeout: b, on_error: continue}
"""
    table = deck(tmp_path, EVENTS)
    assert table.play(book(steps), {}).outcome == "waiting"

    table.now.forward(timedelta(hours=2))
    ended = table.resume()
    assert (outcomes(ended), outputs(ended, "choose")["choice"]) == ({"choose": "timed_out"}, "b")
    assert ended.outcome == "partial"


def test_clocks_start_by_the_time_that_a_person_recorded_and_by_no_other(tmp_path):
    clock = """clocks:
  gdpr: {use: eu.gdpr.art33, when: steps.choose.outputs.choice == "eu", start: steps.choose.outputs.aware_at}
steps:
"""
    steps = """  - {id: choose, type: decide, question: Whose, options: [{value: eu}, {value: none}],
     fields: {aware_at: {type: timestamp, required: true}}}
"""
    text = book(steps).replace(b"steps:\n", clock.encode(), 1)
    told = {"aware_at": "2026-11-20T08:00:00Z"}
    for choice, started in (("eu", ["2026-11-20T08:00:00Z"]), ("none", [])):
        table = deck(tmp_path / choice, EVENTS, answers={"choose": Reply(choices=(choice,), fields=told)})
        assert table.play(text, {}).outcome == "success"
        assert [one["clock"]["startsAt"] for one in table.events("clock.started")] == started
        assert table.verify().exit() == Exit.EMPTY  # authentic, and nothing was collected


class Pulling(Heard):
    """Pulls the plug when a step begins."""

    def __init__(self, name, stop):
        super().__init__()
        self.name, self.stop = name, stop

    def step(self, step, said):
        """Set the stop once the step begins."""
        if (step.id, said) == (self.name, "begins"):
            self.stop.set()


def test_a_run_that_is_stopped_has_ended_no_step_and_goes_on_when_it_is_resumed(tmp_path):
    table = deck(tmp_path, EVENTS)
    tools = table.tools()
    tools = replace(tools, teller=Pulling("take", tools.engine.stop))
    with table.lab.vault.lock(), table.lab.vault.working():
        play = begin(parse_playbook(book(TAKE + ASK), name="playbook.yaml"), tools, {"key": "AKIA2"})
        with suppress(OperatorStop):
            assert run(play).outcome == "waiting"
    assert not play.results

    ended = table.resume()
    assert (ended.outcome, outcomes(ended)) == ("success", {"take": "success", "who": "success"})
    assert outputs(ended, "take")["records"] == 4
    assert table.verify().exit() == 0


def test_a_condition_that_cannot_be_told_is_a_gap_and_no_success(tmp_path):
    steps = TAKE + "  - {id: next, type: query, needs: [take], when: 'steps.take.reason > 3', sql: SELECT 1 AS n}\n"
    ended = deck(tmp_path, EVENTS).play(book(steps), {})

    assert (ended.outcome, outcomes(ended)["next"]) == ("partial", "skipped")
    assert [gap.kind for gap in ended.results["next"].gaps] == ["not_known"]


@pytest.mark.parametrize("said", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_a_time_at_the_end_of_all_days_fails_the_step_and_not_the_run(tmp_path, said):
    steps = (
        TAKE
        + f"""  - id: when
    type: query
    needs: [take]
    sql: SELECT '{said}' AS at
    outputs: {{at: {{column: at, type: timestamp}}}}
  - id: around
    type: collect
    needs: [when]
    on_error: continue
    sources: [{LOOKUP}]
    targets: shop
    window: {{around: "${{{{ steps.when.outputs.at }}}}", before: P1D, after: P1D}}
"""
    )
    ended = deck(tmp_path, EVENTS).play(book(steps), {})
    assert outcomes(ended)["around"] == "failed"
    assert "beyond the years 1 to 9999" in ended.results["around"].reason


def test_matches_of_a_rule_beyond_what_is_kept_are_a_gap(tmp_path, monkeypatch):
    monkeypatch.setattr(asking, "MAX_ROWS", 2)
    made = [event(n, action="StopLogging", eventSource="cloudtrail.amazonaws.com") for n in range(5)]
    steps = (
        TAKE + "  - {id: rules, type: query, needs: [take], max_rows: 100, sigma: [aws_trail_stopped_or_deleted]}\n"
    )
    ended = deck(tmp_path, {SHOP: made}).play(book(steps), {})

    (gap,) = ended.results["rules"].gaps
    assert (gap.kind, gap.reason.rpartition(": ")[2]) == ("rows_left_out", "3 of 5 matches are not kept")


def test_how_many_units_go_at_once_is_for_the_playbook_to_say(tmp_path):
    table = deck(tmp_path, EVENTS)
    tools = table.tools()
    head = HEAD.replace("steps:\n", "defaults: {workers: 3}\nsteps:\n")
    with table.lab.vault.lock(), table.lab.vault.working():
        run(begin(parse_playbook(book(TAKE, head=head), name="playbook.yaml"), tools, {}))
    assert tools.engine.workers == 3
