"""Notices carry numbers and what people said, and not a word of evidence; reports are kept with what they rest on."""

import pytest
from support.casemaker import NOW
from support.deck import TAKE, book, deck, event
from support.playing import outcomes, outputs

from evidence_kit.notices.delivered import Delivered, Outcome, Shown

EVENTS = {"111122223333": [event(1, key="AKIA-SECRET-LOOKING"), event(2)]}
FOUND = (
    TAKE
    + """  - id: found
    type: query
    needs: [take]
    from: [take]
    sql: SELECT credential FROM take ORDER BY 1
    outputs: {keys: {column: credential}, first: {column: credential, type: string}}
"""
)


class Post:
    """Takes notices, or refuses them."""

    def __init__(self, outcome=Outcome.DELIVERED):
        self.outcome, self.sent = outcome, []

    def __call__(self, channel, notice):
        self.sent.append((channel, notice))
        shown = Shown(to="x")
        return Delivered(channel=channel, kind="webhook", outcome=self.outcome, at=NOW, shown=shown, said="said")


def tell(message):
    return FOUND + f"  - {{id: tell, type: notify, needs: [found], channel: ir, message: {message!r}}}\n"


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("${{ size(steps.found.outputs.keys) }} keys in ${{ run.case_id }}", "2 keys in X"),
        ("asked for ${{ inputs.key }}, take ${{ steps.take.outcome }}", "asked for AKIA1, take success"),
        ("${{ steps.take.outputs.records }} records", "2 records"),
    ],
)
def test_numbers_and_what_we_said_ourselves_may_be_told(tmp_path, message, said):
    post = Post()
    ended = deck(tmp_path, EVENTS, more={"notify": post}).play(book(tell(message)), {})

    ((channel, notice),) = post.sent
    assert (channel, notice.text.text, outputs(ended, "tell")) == ("ir", said, {"delivered": True})
    assert notice.counts["steps success"] == 2


@pytest.mark.parametrize(
    "message",
    [
        "${{ steps.found.outputs.keys[0] }}",
        "${{ steps.found.outputs.first }}",
        '${{ steps.found.outputs.keys.join(",") }}',
        '${{ "x" + steps.found.outputs.first }}',
        '${{ steps.found.outputs.first == "x" ? "a" : steps.found.outputs.first }}',
    ],
)
def test_what_evidence_says_is_not_told(tmp_path, message):
    post = Post()
    ended = deck(tmp_path, EVENTS, more={"notify": post}).play(book(tell(message)), {})

    assert (post.sent, outcomes(ended)["tell"]) == ([], "failed")
    assert "may hold evidence" in ended.results["tell"].reason


def test_a_channel_that_refuses_is_a_gap_and_the_run_goes_on(tmp_path):
    steps = tell("hello") + "  - {id: after, type: query, needs: [found], sql: SELECT 1 AS n}\n"
    ended = deck(tmp_path, EVENTS, more={"notify": Post(Outcome.REFUSED)}).play(book(steps), {})

    assert (outcomes(ended)["tell"], outcomes(ended)["after"], ended.outcome) == ("failed", "success", "partial")
    assert [gap.kind for gap in ended.results["tell"].gaps] == ["not_delivered"]


def test_without_channels_nothing_is_said_and_that_is_said(tmp_path):
    ended = deck(tmp_path, EVENTS).play(book(tell("hello")), {})

    assert (outcomes(ended)["tell"], "no channels" in ended.results["tell"].reason) == ("skipped", True)


def test_a_report_is_kept_in_the_case_with_what_it_was_made_from(tmp_path):
    def render(asked):
        path = tmp_path / f"page.{asked['formats'][0]}"
        path.write_text("a page")
        return [path]

    steps = FOUND + "  - {id: page, type: report, needs: [found], formats: [html]}\n"
    table = deck(tmp_path / "t", EVENTS, more={"render": render})
    ended = table.play(book(steps), {})

    (path,) = outputs(ended, "page")["files"]
    assert (table.lab.root / path).read_text() == "a page"
    derived = [one for one in table.events("derived") if one["derived"]["by"] == "report"]
    assert derived[0]["derived"]["derivedFrom"]
    assert table.verify().exit() == 0


def test_a_notice_that_a_crash_caught_is_not_sent_a_second_time(tmp_path):
    class Dies(Post):
        def __call__(self, channel, notice):
            super().__call__(channel, notice)
            raise KeyboardInterrupt

    post = Dies()
    table = deck(tmp_path, EVENTS, more={"notify": post})
    with pytest.raises(KeyboardInterrupt):
        table.play(book(tell("hello")), {})
    ended = table.resume()

    assert (len(post.sent), outcomes(ended)["tell"], outputs(ended, "tell")) == (1, "partial", {"delivered": False})
    assert [gap.kind for gap in ended.results["tell"].gaps] == ["not_known"]
    assert table.verify().exit() == 0
