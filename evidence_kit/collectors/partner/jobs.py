"""Answers that have to be ordered first: create, ask until it is done, and take what the last answer names."""

from collections.abc import Iterator, Mapping
from typing import Any

from evidence_kit.collectors.partner.decoding import Reading
from evidence_kit.collectors.partner.desk import Desk
from evidence_kit.collectors.partner.paging import search
from evidence_kit.model.exchange import Item, Stop
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window, parse_period

MOST_POLLS = 200
_EVERY = "PT5S"


def ordered(desk: Desk, window: Window | None) -> Iterator[tuple[Item, Reading | None, Mapping[str, object]]]:
    """Yield the order and its last answer, with what it says and the values that name it."""
    job: Mapping[str, Any] = desk.settings["job"]
    answer, reading = desk.call(desk.windowed(job["create"], window), format_="json", decode=())
    yield desk.page("create", answer, reading, None, None), None, {}
    desk.judge(reading)
    found = search(job["id"], reading.value)
    if found in (None, "") or isinstance(found, bool | dict | list):
        raise Stop(UnitStatus.PARTIAL_ERROR, f"the order was answered without an id at `{job['id']}`")
    values = {**desk.values, "id": found, "job": found}
    poll = job["poll"]
    ask = desk.ask("poll", poll, values)
    every, most = parse_period(str(poll.get("every", _EVERY))).total_seconds(), poll.get("most", MOST_POLLS)
    for _ in range(most):
        answer, reading = desk.call(ask, format_="json", decode=())
        try:
            failed = "failed" in poll and search(poll["failed"], reading.value)
            done = search(poll["until"], reading.value)
        except Stop:  # what arrived is evidence even if it cannot be asked
            yield desk.page("job", answer, reading, None, None), None, values
            raise
        if failed:
            yield desk.page("job", answer, reading, None, None), None, values
            raise Stop(UnitStatus.PARTIAL_ERROR, "the provider says that the order failed")
        if done:
            rows = None if "each" in job else desk.records(reading)
            yield desk.page("job", answer, reading, rows, None), reading, values
            desk.judge(reading)
            return
        desk.ctx.record(answer.exchange)
        desk.ctx.pause(every, "the provider is still preparing what was ordered")
    raise Stop(UnitStatus.PARTIAL_TRUNCATED, f"the order is not done after {most} questions")
