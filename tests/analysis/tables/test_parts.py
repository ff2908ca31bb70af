"""What is written as Parquet is what was given, however it falls into batches and groups."""

import subprocess
import sys

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_kit.analysis.records.promote import ROW
from evidence_kit.analysis.tables import parts
from evidence_kit.analysis.tables.schema import EVIDENCE

TEXTS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), max_size=6)


@given(texts=TEXTS, as_bytes=st.booleans())
def test_texts_of_records_are_the_texts_given_be_they_bytes_or_not(texts, as_bytes) -> None:
    found = parts._raws([text.encode() if as_bytes else text for text in texts])
    found.validate(full=True)
    assert found.to_pylist() == texts


def columns(begin: int, count: int) -> tuple[object, ...]:
    """Return rows that tell themselves apart; every third cell says nothing."""
    numbers = range(begin, begin + count)
    said = {
        name: [None if number % 3 == 0 and name not in {"raw", "line"} else f"{name}-{number}" for number in numbers]
        for name in ROW
    }
    return tuple({**said, "time_ns": list(numbers), "line": list(numbers)}.values())


@pytest.mark.parametrize("rows", [1, 3, 100])
def test_rows_are_the_same_in_groups_of_any_size(tmp_path, monkeypatch, rows) -> None:
    monkeypatch.setattr(parts, "_ROWS", rows)
    path = tmp_path / "x.parquet"
    with parts.writing(path, EVIDENCE) as sheet:
        for some in (columns(0, 2), columns(2, 1), columns(3, 4)):
            sheet.add(some)
    assert sheet.rows == 7
    assert pq.read_table(path).to_pydict() == dict(zip(ROW, columns(0, 7), strict=True))


def test_rows_that_raise_leave_nothing_in_place(tmp_path) -> None:
    def broken():
        yield columns(0, 2)
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"), parts.writing(tmp_path / "x.parquet", EVIDENCE) as sheet:
        sheet.add_rows(row for some in broken() for row in zip(*some, strict=True))
    assert not list(tmp_path.iterdir())


def test_a_process_of_ours_loads_pyarrow_without_numpy_and_pandas() -> None:
    said = (
        "import sys\n"
        "from evidence_kit.analysis.tables.sparing import spare_numpy\n"
        "spare_numpy()\n"
        "import pyarrow.parquet\n"
        "assert pyarrow.array(['a', None], pyarrow.string()).to_pylist() == ['a', None]\n"
        "assert not {'numpy', 'pandas'} & {name for name, module in sys.modules.items() if module}\n"
    )
    subprocess.run([sys.executable, "-c", said], check=True)
