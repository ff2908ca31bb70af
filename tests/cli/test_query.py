"""`query`: one SELECT over a case, that reaches nothing else, costs no more than allowed, and harms no reader."""

import csv
import io
import json
import subprocess
import sys
import tarfile
from dataclasses import replace

import boto3
import pyarrow.parquet as pq
import pytest
from moto.server import ThreadedMotoServer
from support.sealed_records import ACTOR, TRAIL, case_of, event, trail

from evidence_kit.analysis.pivots.loading import load_pivots
from evidence_kit.custody import log
from evidence_kit.errors import Exit
from evidence_kit.sandbox.serving import free_port

HOSTILE = '=HYPERLINK("http://evil.example","x")\x1b]0;owned\x07\u202e'


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """A case of three events, and where its tables are kept; derived once."""
    base = tmp_path_factory.mktemp("query")
    events = [event(1), event(2, eventName=HOSTILE), event(3, errorCode="AccessDenied")]
    return case_of(base / "case", {TRAIL: {"a.json.gz": trail(events)}}), base / "work"


@pytest.fixture
def ask(run, asked):
    """Ask the case a question."""
    case, work = asked

    def call(sql, *options):
        return run("query", case.root, sql, "--work", work, *options)

    return call


def as_json(told):
    assert told.code == Exit.OK, told.err
    return json.loads(told.out)


def test_a_row_of_evidence_leads_back_to_its_artifact_and_line(ask, asked) -> None:
    case, _ = asked
    found = as_json(ask("SELECT * FROM evidence ORDER BY line", "--format", "json"))
    assert [row["line"] for row in found] == [1, 2, 3]
    assert (case.root / found[0]["artifact"]).is_file()
    assert {row["actor"] for row in found} == {ACTOR}
    assert as_json(ask("SELECT count(*) AS n FROM aws_cloudtrail_s3", "--format", "json")) == [{"n": 3}]


def test_the_name_of_a_saved_question_in_the_place_of_sql_is_told_from_sql(ask) -> None:
    told = ask("activity")
    assert (told.code, told.out) == (Exit.USAGE, "")
    assert "`--saved activity`" in told.err


@pytest.mark.slow
def test_every_table_can_be_asked(ask) -> None:
    for table in ("evidence", "manifest", "units", "gaps", "custody", "defects", "aws_cloudtrail_s3"):
        assert ask(f"SELECT * FROM {table}").code == Exit.OK, table


@pytest.mark.parametrize("sql", ["SELECT $ip", "SELECT * FROM evidence WHERE src_ip = $ip"])
def test_parameters_are_bound_and_never_read_as_sql(ask, sql) -> None:
    told = ask(sql, "--param", "ip=' OR 1=1; DROP VIEW evidence --", "--format", "json")
    assert as_json(told) in ([], [{"$ip": "' OR 1=1; DROP VIEW evidence --"}])


def test_a_parameter_finds_what_it_names(ask) -> None:
    told = ask(
        "SELECT line FROM evidence WHERE src_ip = $ip AND line < $n",
        "--param",
        "ip=203.0.113.1",
        "--param",
        "n=2",
        "--format",
        "json",
    )
    assert as_json(told) == [{"line": 1}]


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT 1; SELECT 2", "one statement at a time"),
        ("", "one statement at a time"),
        ("COPY evidence TO 'x.csv'", "only SELECT may be run, this is COPY"),
        ("ATTACH 'x.db'", "this is ATTACH"),
        ("EXPORT DATABASE 'x'", "this is EXPORT"),
        ("INSTALL httpfs", "this is LOAD"),
        ("LOAD httpfs", "this is LOAD"),
        ("PRAGMA database_list", "only SELECT may be run"),
        ("SET threads = 1", "this is SET"),
        ("SET enable_external_access = true", "this is SET"),
        ("RESET lock_configuration", "only SELECT may be run"),
        ("CREATE TABLE x AS SELECT 1", "this is CREATE"),
        ("DROP VIEW evidence", "this is DROP"),
        ("INSERT INTO evidence VALUES (1)", "this is INSERT"),
        ("CALL pragma_version()", "this is CALL"),
        ("EXPLAIN ANALYZE SELECT 1", "this is EXPLAIN"),
        ("PREPARE x AS SELECT 1", "this is PREPARE"),
        ("VACUUM", "this is VACUUM"),
        ("DESCRIBE evidence", "may be run"),
        ("SELECT * FROM read_csv('/etc/passwd')", "`read_csv` may not be used"),
        ("SELECT * FROM read_text('/etc/passwd')", "`read_text` may not be used"),
        ("SELECT * FROM read_blob('/etc/passwd')", "`read_blob` may not be used"),
        ("SELECT * FROM read_json('/etc/passwd')", "`read_json` may not be used"),
        ("SELECT * FROM read_parquet('x')", "`read_parquet` may not be used"),
        ("SELECT * FROM parquet_metadata('x')", "`parquet_metadata` may not be used"),
        ("SELECT * FROM glob('/*')", "`glob` may not be used"),
        ("SELECT * FROM sniff_csv('/etc/passwd')", "`sniff_csv` may not be used"),
        ("SELECT * FROM query('SELECT 1')", "`query` may not be used"),
        ("SELECT * FROM query_table('evidence')", "`query_table` may not be used"),
        ("SELECT * FROM duckdb_settings()", "`duckdb_settings` may not be used"),
        ("SELECT (SELECT content FROM read_text('/etc/passwd'))", "`read_text` may not be used"),
        ("WITH a AS (FROM glob('/*')) SELECT * FROM a", "`glob` may not be used"),
        ("SELECT 1 WHERE 1 IN (SELECT 1 FROM read_text('/etc/passwd'))", "`read_text` may not be used"),
        ("SELECT * FROM '/etc/passwd'", "there is no table `/etc/passwd`"),
        ('SELECT * FROM "/etc/passwd"', "there is no table"),
        ("FROM information_schema.tables", "there is no table `information_schema.tables`"),
        ("SELECT * FROM duckdb_views", "there is no table"),
        ("SELECT nothing FROM evidence", "nothing"),
        ("SELEC 1", "syntax error"),
    ],
)  # fmt: skip
def test_anything_but_one_select_over_the_tables_is_refused(ask, tmp_path, sql, said) -> None:
    before = sorted(tmp_path.rglob("*"))
    told = ask(sql)
    assert told.code == Exit.USAGE
    assert said in told.err
    assert told.out == ""
    assert [path for path in sorted(tmp_path.rglob("*")) if path not in before] == []


@pytest.mark.parametrize(
    "sql",
    [
        "WITH a AS (SELECT line FROM evidence) SELECT max(line) FROM a",
        "SELECT * FROM (VALUES (1), (2)) AS v(n), range(2)",
        "SELECT unnest([1, 2])",
        "WITH RECURSIVE n AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM n WHERE x < 9) SELECT max(x) FROM n",
        "SELECT raw->>'$.userIdentity.arn' FROM evidence",
        "SELECT e.line FROM evidence e JOIN manifest m USING (artifact)",
    ],
)
def test_what_analysts_write_is_run(ask, sql) -> None:
    told = ask(sql)
    assert told.code == Exit.OK, told.err


def test_a_question_without_end_stops_at_the_timeout(ask) -> None:
    told = ask(
        "WITH RECURSIVE n AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n", "--timeout", "1"
    )
    assert told.code == Exit.USAGE
    assert "stopped after 1 seconds" in told.err


@pytest.mark.parametrize(
    "sql", ["SELECT repeat('a', 4000000000)", "SELECT list(a.range) FROM range(100000) a, range(100000) b"]
)
def test_a_memory_bomb_is_stopped(ask, sql) -> None:
    told = ask(sql, "--memory", "128", "--timeout", "30")
    assert told.code == Exit.USAGE
    assert "needs more than 128 MB" in told.err or "stopped after" in told.err


def test_the_answering_process_can_write_no_file(tmp_path) -> None:
    from evidence_kit.analysis.tables import sandboxed

    script = (
        f"from {sandboxed.__name__} import _limit\n"
        "_limit({'memory': 64, 'timeout': 1, 'threads': 1})\n"
        f"with open({str(tmp_path / 'x')!r}, 'w') as file: file.write('x')\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert b"File too large" in done.stderr


@pytest.mark.slow
def test_csv_holds_no_formula_that_a_spreadsheet_would_run(ask) -> None:
    told = ask("SELECT action, -5 AS n, '\t=1' AS tab FROM evidence WHERE line = 2", "--format", "csv")
    header, row = csv.reader(io.StringIO(told.out))
    assert header == ["action", "n", "tab"]
    assert row == [f"'{HOSTILE}", "-5", "'\t=1"]
    for first in ("=", "+", "-", "@", "\t", "\r", "\n", " =", "\uff1d", "|", "%"):
        told = ask("SELECT $x AS x", "--param", f"x={first}1+1", "--format", "csv")
        assert list(csv.reader(io.StringIO(told.out, newline="")))[1] == [f"'{first}1+1"]


def test_json_says_numbers_that_json_does_not_know_as_texts(ask) -> None:
    told = ask("SELECT 'nan'::DOUBLE AS a, ['-inf'::DOUBLE, 1.5] AS b, {'x': 'inf'::FLOAT} AS c", "--format", "json")
    found = json.loads(told.out, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert found == [{"a": "nan", "b": ["-inf", 1.5], "c": {"x": "inf"}}]


def test_bytes_are_hexadecimal_in_csv_as_in_json(ask) -> None:
    assert ask("SELECT 'a'::BLOB AS x", "--format", "csv").out == "x\r\n61\r\n"


def test_evidence_does_not_move_the_cursor(ask) -> None:
    for form in ("table", "json"):
        told = ask("SELECT action FROM evidence ORDER BY line", "--format", form)
        assert "\x1b" not in told.out
        assert "\x07" not in told.out
        assert "\u202e" not in told.out


@pytest.mark.slow
def test_a_table_shows_so_many_rows_and_says_that_there_are_more(ask) -> None:
    told = ask("SELECT range AS n FROM range(1000)")
    assert len(told.out.splitlines()) == 201
    assert "the first 200 rows" in told.err
    assert len(ask("SELECT range AS n FROM range(1000)", "--limit", "0").out.splitlines()) == 1_001
    assert len(as_json(ask("SELECT range AS n FROM range(1000)", "--format", "json"))) == 1_000
    assert len(as_json(ask("SELECT range AS n FROM range(1000)", "--format", "json", "--limit", "3"))) == 3


def test_an_answer_goes_to_a_new_file_only(ask, tmp_path) -> None:
    path = tmp_path / "answer.parquet"
    assert ask("SELECT line FROM evidence", "--format", "parquet", "-o", path).code == Exit.OK
    assert pq.read_table(path).num_rows == 3
    again = ask("SELECT line FROM evidence", "--format", "parquet", "-o", path)
    assert again.code == Exit.USAGE
    assert "file exists" in again.err
    assert ask("SELECT 1", "--format", "parquet").code == Exit.USAGE


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_an_answer_that_breaks_off_leaves_no_file_that_passes_for_a_whole_one(ask, tmp_path, form) -> None:
    path = tmp_path / f"answer.{form}"
    told = ask("SELECT CAST(if(range = 9000, 'x', '1') AS INTEGER) FROM range(10000)", "--format", form, "-o", path)
    assert told.code == Exit.USAGE
    assert "cannot be answered" in told.err
    assert not path.exists()


@pytest.mark.parametrize("form", ["csv", "json", "table"])
def test_two_columns_of_one_name_both_keep_their_values(ask, form) -> None:
    told = ask("SELECT 'one' AS a, 'two' AS a", "--format", form)
    assert told.code == Exit.OK
    assert "a_1" in told.out
    assert "one" in told.out
    assert "two" in told.out


def test_what_evidence_says_in_an_error_does_not_move_the_cursor(ask) -> None:
    told = ask("SELECT CAST(action AS INTEGER) FROM evidence WHERE line = 2")
    assert told.code == Exit.USAGE
    assert "HYPERLINK" in told.err
    assert "\x1b" not in told.err
    assert "\u202e" not in told.err


@pytest.mark.slow
def test_an_answer_of_a_hundred_thousand_columns_is_given_or_stopped(ask) -> None:
    told = ask(f"SELECT {', '.join(['1'] * 100_000)}", "--format", "csv", "--memory", "512")
    assert told.code in {Exit.OK, Exit.USAGE}
    assert told.code != Exit.OK or len(told.out.splitlines()[1].split(",")) == 100_000


def test_an_answer_without_rows_is_one(ask) -> None:
    assert as_json(ask("SELECT line FROM evidence WHERE false", "--format", "json")) == []
    assert ask("SELECT line FROM evidence WHERE false", "--format", "csv").out == "line\r\n"
    assert "0 rows" in ask("SELECT line FROM evidence WHERE false").err


USUAL = {"text": "AKIA0", "time": "2026-11-20T00:00:00Z", "integer": "5"}


@pytest.mark.parametrize("name", sorted(load_pivots()))
def test_every_saved_question_is_answered(run, asked, name) -> None:
    case, work = asked
    needed = [one for one in load_pivots()[name].parameters if one.default is None]
    given = [word for one in needed for word in ("--param", f"{one.name}={USUAL[one.type]}")]
    told = run("query", case.root, "--work", work, "--saved", name, *given)
    assert told.code == Exit.OK, told.err


def test_the_saved_questions_are_listed_with_what_they_take(run) -> None:
    told = run("query", "--list")
    assert told.code == Exit.OK
    assert all(name in told.out for name in load_pivots())


def test_wrong_words_are_told_from_right_ones(run, asked) -> None:
    case, work = asked
    for words, said in (
        ((case.root,), "which case, and what question"),
        ((case.root, "--saved", "activty"), "did you mean `activity`"),
        ((case.root, "SELECT 1", "--format", "cvs"), "did you mean `csv`"),
        ((case.root, "SELECT 1", "--param", "x"), "is no parameter"),
        ((case.root, "SELECT 1", "--param", "x=1", "--param", "x=2"), "given twice"),
        ((case.root, case.root, "SELECT 1"), "is given twice"),
        ((case.root, "SELECT 1", "--seal", "x", "--limit", "3"), "keeps the whole answer"),
    ):
        told = run("query", *words, "--work", work)
        assert told.code == Exit.USAGE
        assert said in told.err


def test_several_cases_are_asked_at_once(run, asked, tmp_path) -> None:
    case, work = asked
    other = case_of(tmp_path / "other", {TRAIL: {"a.json.gz": trail([event(9)])}}, name="IR-2")
    sql = 'SELECT "case", count(*) AS n FROM evidence GROUP BY 1 ORDER BY 1'
    told = run("query", case.root, other.root, sql, "--work", work, "--format", "json")
    assert as_json(told) == [{"case": "IR-2", "n": 1}, {"case": "IR-2026-014", "n": 3}]


@pytest.fixture
def in_bucket(asked, monkeypatch):
    """The case as it lies in a bucket."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=free_port(), verbose=False)
    server.start()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server._port}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    root = asked[0].root
    client = boto3.client("s3")
    client.create_bucket(Bucket="cases")
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        client.put_object(Bucket="cases", Key=f"one/{path.relative_to(root)}", Body=path.read_bytes())
    client.close()
    yield "s3://cases/one"
    server.stop()


@pytest.mark.slow
def test_a_case_in_a_bucket_is_asked_where_it_lies_beside_one_in_a_folder(run, in_bucket, asked, tmp_path) -> None:
    sql = "SELECT line, artifact, raw FROM evidence ORDER BY line"
    here = as_json(run("query", asked[0].root, sql, "--work", asked[1], "--format", "json"))
    there = as_json(run("query", in_bucket, sql, "--work", tmp_path / "w", "--format", "json"))
    assert there == here
    shown = as_json(run("timeline", in_bucket, "--work", tmp_path / "w", "--json"))
    assert shown["records"] == 3
    other = case_of(tmp_path / "other", {TRAIL: {"a.json.gz": trail([event(9)])}}, name="IR-2")
    both = run("query", in_bucket, other.root, "SELECT count(*) AS n FROM evidence", "--work", tmp_path / "w")
    assert both.out.split()[1] == "4"


def test_an_answer_is_kept_only_where_the_case_can_be_written_to(run, in_bucket, tmp_path) -> None:
    told = run("query", in_bucket, "SELECT 1", "--work", tmp_path / "w", "--seal", "one")
    assert told.code == Exit.USAGE
    assert "is no folder" in told.err


def test_a_case_in_an_archive_is_asked_as_it_lies(run, asked, tmp_path) -> None:
    with tarfile.open(tmp_path / "case.tar", "w") as packed:
        packed.add(asked[0].root, "case")
    told = run("query", tmp_path / "case.tar", "SELECT count(*) AS n FROM evidence", "--work", tmp_path / "w")
    assert (told.code, told.out.split()[1]) == (Exit.OK, "3")


def test_a_bag_alone_and_what_is_not_there_are_no_case(run, asked, tmp_path) -> None:
    bag = asked[0].root / asked[0].bag
    for said in (bag, tmp_path / "nothing", "s3:/"):
        assert run("query", said, "SELECT 1", "--work", tmp_path / "w").code in {Exit.EMPTY, Exit.USAGE}


def test_a_changed_artifact_ends_with_the_verdict_of_verify(run, tmp_path) -> None:
    case = case_of(tmp_path / "case", {TRAIL: {"a.json.gz": trail([event(1)])}})
    path = next(case.root.glob("bags/*/data/**/a.json.gz"))
    path.chmod(0o644)
    path.write_bytes(trail([event(2)]))
    told = run("query", case.root, "SELECT 1", "--work", tmp_path / "work")
    assert told.code == Exit.DIGEST
    assert "nothing was derived from it" in told.err


def test_a_kept_answer_is_on_record_with_what_it_was_made_from(run, opened, tmp_path) -> None:
    sql = "SELECT type FROM custody ORDER BY seq"
    told = run("query", opened, sql, "--work", tmp_path / "work", "--seal", "events of the log")
    assert told.code == Exit.OK, told.err
    kept = opened / "derived" / "queries" / "events=20of=20the=20log.csv"
    assert kept.read_text() == "type\ncase.opened\n"
    events = json.loads(run("custody", "log", opened, "--json").out)
    last = next(one for one in events if one["type"] == log.DERIVED)
    assert last["derived"]["sql"] == sql
    assert last["derived"]["engine"].startswith("duckdb ")
    assert run("verify", opened).code in {Exit.OK, Exit.EMPTY}
    again = run("query", opened, sql, "--work", tmp_path / "work", "--seal", "events of the log")
    assert again.code == Exit.USAGE
    assert "nothing is overwritten" in again.err


def test_a_kept_answer_says_that_some_evidence_could_not_be_read(run, opened, tmp_path, monkeypatch) -> None:
    from evidence_kit.cli import query

    derived = query.derived

    def with_defects(*given):
        return [replace(one, defects=2) for one in derived(*given)]

    monkeypatch.setattr(query, "derived", with_defects)
    told = run("query", opened, "SELECT 1", "--work", tmp_path / "work", "--seal", "one")
    assert told.code == Exit.OK
    assert "2 places could not be read" in told.err


def test_help_loads_neither_duckdb_nor_pyarrow() -> None:
    script = (
        "import sys\nfrom evidence_kit.cli.app import main\nmain(['query', '--help'])\n"
        "assert not {'duckdb', 'pyarrow'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
