"""The locks alone: even a statement that nobody looked at reads, writes, loads and sets nothing but the tables."""

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evidence_kit.analysis.tables.locking import lock
from evidence_kit.analysis.tables.sandboxed import _unlike


@pytest.fixture
def place(tmp_path):
    """A table that may be read, and beside it what may not."""
    pq.write_table(pa.table({"n": [1]}), tmp_path / "evidence.parquet")
    pq.write_table(pa.table({"n": [2]}), tmp_path / "other.parquet")
    (tmp_path / "secret.csv").write_text("secret\nhunter2\n")
    return tmp_path


@pytest.fixture
def connection(place):
    with duckdb.connect(":memory:") as made:
        lock(made, {"evidence": [f"{place}/evidence.parquet"]}, memory=256)
        yield made


def test_the_table_is_read(connection) -> None:
    assert connection.execute("SELECT n FROM evidence").fetchall() == [(1,)]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT content FROM read_text('{place}/secret.csv')",
        "SELECT * FROM read_blob('{place}/secret.csv')",
        "SELECT * FROM read_csv('{place}/secret.csv')",
        "SELECT * FROM read_parquet('{place}/other.parquet')",
        "SELECT * FROM read_parquet('{place}/evidence.parquet/../other.parquet')",
        "SELECT * FROM read_parquet('{place}/*.parquet')",
        "SELECT * FROM '{place}/secret.csv'",
        'SELECT * FROM "{place}/secret.csv", (WITH "{place}/secret.csv" AS (SELECT 1) SELECT 1)',
        "CREATE VIEW v AS FROM '{place}/secret.csv'",
        "CREATE TABLE t AS FROM '{place}/other.parquet'",
        "SELECT * FROM glob('{place}/*')",
        "SELECT * FROM 'http://127.0.0.1:9/x.parquet'",
        "COPY (SELECT 1) TO '{place}/out.csv'",
        "COPY (SELECT 1) TO '{place}/evidence.parquet' (FORMAT parquet)",
        "EXPORT DATABASE '{place}/out'",
        "ATTACH '{place}/out.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "LOAD '{place}/x.duckdb_extension'",
        "CREATE PERSISTENT SECRET s (TYPE http)",
        "CALL enable_logging(storage = 'file', storage_path = '{place}/logs')",
        "PRAGMA log_query_path = '{place}/log'",
        "SET profiling_output = '{place}/profile'",
        "SET enable_external_access = true",
        "SET allowed_paths = ['{place}/secret.csv']",
        "SET allowed_directories = ['{place}']",
        "SET python_enable_replacements = true",
        "SET temp_directory = '{place}'",
        "SET memory_limit = '99GB'",
        "RESET memory_limit",
        "SET lock_configuration = false",
        "SELECT getenv('PATH')",
        "SELECT * FROM leaking",
    ],
)
def test_nothing_else_is_reached(connection, place, sql) -> None:
    leaking = pa.table({"secret": ["hunter2"]})  # a variable that DuckDB could find by its name
    before = {path: path.read_bytes() for path in place.iterdir()}
    with pytest.raises(duckdb.Error):
        connection.execute(sql.format(place=place)).fetchall()
    assert {path: path.read_bytes() for path in place.iterdir()} == before
    assert leaking.num_rows


def test_a_folder_to_spill_into_opens_nothing_beside_it(place) -> None:
    (place / "spill").mkdir()
    with duckdb.connect(":memory:") as made:
        lock(made, {"evidence": [f"{place}/evidence.parquet"]}, memory=256, spill=f"{place}/spill")
        with pytest.raises(duckdb.PermissionException):
            made.execute(f"SELECT * FROM '{place}/spill/../secret.csv'")
        assert made.execute("SELECT current_setting('temp_directory')").fetchall() == [(f"{place}/spill",)]


def test_a_quotation_mark_in_a_path_is_only_that(tmp_path) -> None:
    path = tmp_path / "it's'); SELECT 1 --.parquet"
    pq.write_table(pa.table({"n": [3]}), path)
    with duckdb.connect(":memory:") as made:
        lock(made, {"evidence": [str(path)]}, memory=256)
        assert made.execute("FROM evidence").fetchall() == [(3,)]


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["a", "b"], ["a", "b"]),
        (["a", "a", "a"], ["a", "a_1", "a_2"]),
        (["a", "a", "a_1"], ["a", "a_2", "a_1"]),
        ([], []),
    ],
)
def test_columns_that_are_called_alike_are_told_apart(names, told) -> None:
    assert list(_unlike(names)) == told
