"""Each kind of paging comes whole, loops and lies are caught, and what arrived before is kept."""

import pytest
from support.partner import acme, events, kiosk, paged, played

from evidence_kit.model.status import UnitStatus

SIZE = {"query": "limit", "value": 50}
KINDS = {
    "none": {"type": "none"},
    "link header": {"type": "link_header", "rel": "next"},
    "cursor in the body": {"type": "cursor", "cursor": "meta.next", "send": {"query": "cursor"}},
    "cursor alone": {"type": "cursor", "cursor": "meta.next", "send": {"query": "cursor"}, "repeat": False},
    "cursor in a header": {"type": "cursor", "cursor": {"header": "X-Next"}, "send": {"header": "X-From"}},
    "cursor that is a record's": {
        "type": "cursor",
        "cursor": "data.events[-1].id",
        "send": {"query": "after"},
        "more": "meta.more",
    },
    "offset": {"type": "offset", "send": {"query": "offset"}, "size": SIZE},
    "offset with a total": {"type": "offset", "send": {"query": "offset"}, "size": SIZE, "total": "meta.total"},
    "page": {"type": "page", "send": {"query": "page"}, "size": SIZE, "start": 1, "more": "meta.more"},
    "page until an empty one": {"type": "page", "send": {"query": "page"}, "size": SIZE},
    "next address": {"type": "next_url", "cursor": "meta.next"},
}


def connector(paging, **parts):
    return acme(paging=paging, records={"path": "data.events", "id": "id", "time": "at"}, **parts)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [0, 1, 4, 5])
def test_every_kind_of_paging_brings_every_record_once(kind, count, lab, tmp_path):
    with kiosk(tmp_path, connector(KINDS[kind]), played(paged(count))) as partner:
        (outcome,) = partner.collect(lab).outcomes

        assert (outcome.status, outcome.reason, outcome.records) == (UnitStatus.COMPLETE, "", count)
        assert sorted(lab.digests().elements()) == partner.evidence


def test_a_cursor_in_the_body_of_a_query_goes_back_there(lab, tmp_path):
    paging = {"type": "cursor", "cursor": "page.after", "send": {"body": "page.after"}}
    request = {"method": "POST", "path": "/search", "reads": True, "body": {"kind": "audit", "page": {"size": 2}}}
    window = {"start": {"body": "filter.from"}, "end": {"body": "filter.to"}, "format": "epoch_ms"}
    reply = {**paged(5, path="/search"), "method": "POST"}

    with kiosk(tmp_path, acme(paging=paging, request=request, window=window), played(reply)) as partner:
        (outcome,) = partner.collect(lab).outcomes

        assert (outcome.status, outcome.records) == (UnitStatus.COMPLETE, 5)
        assert b'"size": 2, "after"' in partner.server.sent[-1].asked


def test_the_window_goes_along_with_each_cursor(lab, tmp_path):
    with kiosk(tmp_path, connector(KINDS["cursor in the body"]), played(paged(5))) as partner:
        partner.collect(lab)

        assert all("since=2026-11-20T00%3A00%3A00Z" in one.target for one in partner.server.sent)


def test_a_cursor_alone_goes_without_the_window(lab, tmp_path):
    with kiosk(tmp_path, connector(KINDS["cursor alone"]), played(paged(5))) as partner:
        partner.collect(lab)

        assert [one.target for one in partner.server.sent][1:] == ["/events?cursor=c0x2", "/events?cursor=c1x4"]


def test_a_path_is_as_good_as_an_address(lab, tmp_path):
    replies = (
        {"path": "/events", "json": {"events": events(1), "next": "/more?page=2"}},
        {"path": "/more", "json": {"events": events(1), "next": None}},
    )
    with kiosk(tmp_path, acme(paging={"type": "next_url", "cursor": "next"}), played(*replies)) as partner:
        (outcome,) = partner.collect(lab).outcomes

        assert (outcome.status, outcome.records) == (UnitStatus.COMPLETE, 2)


LOOP = {"path": "/events", "json": {"events": events(1), "next": "again", "more": True, "total": 9}}
AMISS = {
    "a cursor that repeats": (KINDS["cursor in the body"] | {"cursor": "next"}, LOOP, "runs in a loop"),
    "an offset that is not heeded": (KINDS["offset"], LOOP, "runs in a loop"),
    "a page that is not heeded": (KINDS["page until an empty one"], LOOP, "runs in a loop"),
    "a cursor that is not there": (
        {"type": "cursor", "cursor": "nothing", "send": {"query": "c"}, "more": "more"},
        LOOP,
        "says that more follows, and not how",
    ),
    "a page that is empty": (
        {**KINDS["page"], "more": "more"},
        {"path": "/events", "json": {"events": [], "more": True}},
        "says that more follows, and gives nothing",
    ),
    "fewer than are counted": ({"type": "none", "total": "total"}, LOOP, "1 records came of 9"),
    "an expression that cannot be asked": (
        {"type": "cursor", "cursor": "length(next.x)", "send": {"query": "c"}},
        LOOP,
        "cannot be asked of the answer",
    ),
}


@pytest.mark.parametrize("amiss", AMISS)
def test_what_does_not_end_as_it_should_is_said_and_kept(amiss, lab, tmp_path):
    paging, reply, said = AMISS[amiss]
    with kiosk(tmp_path, acme(paging=paging), played(reply)) as partner:
        (outcome,) = partner.collect(lab).outcomes

        assert outcome.status in {UnitStatus.PARTIAL_ERROR, UnitStatus.PARTIAL_TRUNCATED}
        assert said in outcome.reason
        assert sorted(lab.digests().elements()) == partner.evidence


def test_a_page_that_comes_again_under_a_header_that_leads_on_is_owned_up_to(lab, tmp_path):
    replies = [
        {"path": "/events", "json": {"events": events(1)}, "headers": {"Link": '</second>; rel="next"'}},
        {"path": "/second", "json": {"events": events(1)}, "headers": {"Link": '</third>; rel="next"'}},
        {"path": "/third", "json": {"events": events(2)}},
    ]
    paging = {"type": "link_header"}
    with kiosk(tmp_path, acme(paging=paging), played(*replies)) as partner:
        (outcome,) = partner.collect(lab).outcomes

        assert outcome.status is UnitStatus.PARTIAL_ERROR
        assert "same page of records twice" in outcome.reason
        assert sorted(lab.digests().elements()) == partner.evidence
        assert outcome.pages == 3


def test_pages_without_end_are_bounded(lab, tmp_path):
    paging = {"type": "cursor", "cursor": "next", "send": {"query": "cursor"}, "most": 7}
    with kiosk(tmp_path, acme(paging=paging), played(paged(100))) as partner:
        (outcome,) = partner.collect(lab).outcomes

        assert (outcome.status, outcome.pages) == (UnitStatus.PARTIAL_TRUNCATED, 7)
        assert "more than 7 pages" in outcome.reason
