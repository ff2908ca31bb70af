"""Saved questions let the texts of records pass by: what they hold does not grow with the size of the evidence."""

from functools import partial

import pytest
from support.sealed_records import TRAIL, case_of, event, trail

from evidence_kit.analysis.pivots import pivot
from evidence_kit.analysis.tables.asking import Limits, Question, ask
from evidence_kit.analysis.tables.derive import derive, open_case

RECORDS, LONG = 200_000, 1_500  # 0.4 GB of texts
MEMORY = 320  # MB


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """The tables of a case of long records."""
    root = tmp_path_factory.mktemp("long")
    long = partial(event, requestParameters={"policy": "x" * LONG})
    bodies = {f"{at:03}.json.gz": trail([long(at * 400 + n) for n in range(400)]) for at in range(RECORDS // 400)}
    case = case_of(root / "case", {TRAIL: bodies})
    return derive(open_case(case.vault, root=case.root), root / "work", {})


@pytest.mark.slow
@pytest.mark.parametrize(("name", "rows"), [("activity", 800), ("logging_changes", 0), ("same_address", 7)])
def test_a_saved_question_needs_less_memory_than_the_texts_take(tables, name, rows) -> None:
    asked = pivot(name)
    who = {"who": "203.0.113.7"} if asked.parameters else {}
    assert tables.rows == RECORDS
    with ask([tables], Question(asked.sql, asked.bind(who)), Limits(memory=MEMORY, threads=2)) as (_, batches):
        assert sum(batch.num_rows for batch in batches) == rows
