"""Tables hold what the artifacts hold, are made only of sealed bytes, and come out the same however often made."""

import gzip
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.casemaker import make_case
from support.sealed_records import ACTOR, FINDINGS, FLOW, LOOKUP, TRAIL, case_of, collect, event, trail

from evidence_kit.analysis import bagfiles
from evidence_kit.analysis.records import mapping, swift
from evidence_kit.analysis.tables import derive as deriving
from evidence_kit.analysis.tables import making
from evidence_kit.analysis.tables.asking import Limits, Question, ask
from evidence_kit.analysis.tables.derive import derive, open_case
from evidence_kit.analysis.tables.schema import FACTS, columns_of
from evidence_kit.analysis.timeline.asked import Asked
from evidence_kit.analysis.timeline.opening import opened
from evidence_kit.custody import bag
from evidence_kit.errors import DigestError, EmptyError, MissingError, UsageError
from evidence_kit.sources.catalogue import load_catalogue
from evidence_kit.vaults.local import LocalVault

SPECS = load_catalogue()
FOUND = {"id": "f-1", "updatedAt": "2026-11-18T22:00:00.000Z", "type": "Recon:IAMUser/MaliciousIPCaller"}


def tables_of(case, work: Path, **more):
    return derive(open_case(case.vault, root=case.root), work, more.pop("specs", SPECS), **more)


def rows(tables, table: str = "evidence"):
    """Return a table's rows in one order."""
    files = [tables.facts[table]] if table in FACTS else [path for paths in tables.sources.values() for path in paths]
    found = [tuple(row.items()) for path in files for row in pq.read_table(path).to_pylist()]
    return sorted(found, key=str)


@pytest.fixture
def two_sources(tmp_path):
    """A case of five CloudTrail events in two files, and one finding."""
    bodies = {"a.json.gz": trail([event(n) for n in range(3)]), "b.json.gz": trail([event(3), event(4)])}
    return case_of(tmp_path / "case", {TRAIL: bodies, FINDINGS: {"page": json.dumps({"findings": [FOUND]}).encode()}})


def test_every_record_is_a_row_that_points_back_to_its_bytes(two_sources, tmp_path) -> None:
    tables = tables_of(two_sources, tmp_path / "work")
    assert tables.rows == 6
    found = [dict(row) for row in rows(tables)]
    assert {row["source"] for row in found} == {TRAIL, FINDINGS}
    events = [row for row in found if row["source"] == TRAIL]
    assert {(row["actor"], row["target"], row["case"]) for row in events} == {(ACTOR, "111122223333", "IR-2026-014")}
    assert sorted((row["artifact"].rpartition("/")[2], row["line"]) for row in events) == [
        ("a.json.gz", 1), ("a.json.gz", 2), ("a.json.gz", 3), ("b.json.gz", 1), ("b.json.gz", 2),
    ]  # fmt: skip
    assert json.loads(events[0]["raw"])["eventName"] == "GetObject"
    assert all((two_sources.root / row["artifact"]).is_file() for row in found)


def test_what_the_record_says_of_itself_is_in_tables_too(two_sources, tmp_path) -> None:
    tables = tables_of(two_sources, tmp_path / "work")
    assert set(tables.facts) == set(FACTS)
    for table, path in tables.facts.items():
        assert tuple(pq.read_schema(path).names) == columns_of(table)
    assert len(rows(tables, "manifest")) == 3
    assert {dict(row)["status"] for row in rows(tables, "units")} == {"complete"}
    assert [dict(row)["type"] for row in rows(tables, "custody")].count("acquisition.sealed") == 1
    assert rows(tables, "gaps") == []


def test_units_that_are_not_whole_are_gaps(tmp_path) -> None:
    case = make_case(tmp_path / "case", names=(), regions=("us-east-1", "eu-west-1"), partial=("eu-west-1",))
    (gap,) = rows(tables_of(case, tmp_path / "work"), "gaps")
    assert "eu-west-1" in dict(gap)["unit"]


def test_what_cannot_be_read_is_in_a_table(tmp_path) -> None:
    case = case_of(
        tmp_path / "case",
        {TRAIL: {"a.json.gz": trail([event(1)])[:-9], "b.json": b'{"Records":[{"eventTime":"?"}]}'}},
    )
    tables = tables_of(case, tmp_path / "work")
    found = {(dict(row)["place"], dict(row)["reason"]) for row in rows(tables, "defects")}
    assert ("times", "1 times cannot be read") in found
    assert any("gzip" in reason for _, reason in found)
    assert tables.defects == len(found)


@pytest.mark.parametrize(
    ("inside", "is_told"),
    [('{"eventName":', True), ('{"a":' * 600 + "1" + "}" * 600, True), ("{}", False), ("no document", False)],
)
def test_a_record_that_carries_what_is_no_document_is_a_row_and_told(tmp_path, inside, is_told) -> None:
    whole = {"EventId": "1", "CloudTrailEvent": json.dumps({"eventName": "GetObject"})}
    body = json.dumps({"Events": [{"EventId": "0", "CloudTrailEvent": inside}, whole]}).encode()
    tables = tables_of(case_of(tmp_path / "case", {LOOKUP: {"a.json": body}}), tmp_path / "work")
    assert [dict(row)["action"] for row in rows(tables)].count("GetObject") == 1
    assert tables.rows == 2
    reasons = [dict(row)["reason"] for row in rows(tables, "defects")]
    assert reasons == (["1 records carry a document that cannot be read"] if is_told else [])


def test_a_body_that_is_no_json_where_records_are_json_is_told_and_its_lines_are_kept(tmp_path) -> None:
    bodies = {"a.json": b"upstream timed out\n", "b.json": b'{"Records":[{"eventName":"x"}]}'}
    tables = tables_of(case_of(tmp_path / "case", {TRAIL: bodies}), tmp_path / "work")
    (defect,) = rows(tables, "defects")
    assert dict(defect)["artifact"].endswith("a.json")
    assert "not JSON" in dict(defect)["reason"]
    assert {dict(row)["raw"] for row in rows(tables)} == {"upstream timed out", '{"eventName":"x"}'}


def test_small_artifacts_promoted_together_are_the_same_rows_and_defects(tmp_path, monkeypatch) -> None:
    lost = [b'{"Records":[{"eventTime":"?"},{"a":1,"a":1}]}', b'{"Records":[{"eventTime":"?"},{"eventTime":"!"}]}']
    bodies = {f"{at}.json.gz": trail([event(at, userAgent="\u00e9\ud83d"), event(at + 1)]) for at in range(4)}
    bodies |= {f"{at}-lost.json": body for at, body in enumerate(lost)} | {"9.json.gz": trail([event(9)])[:-9]}
    case = case_of(tmp_path / "case", {TRAIL: bodies, FLOW: {"f.log": b"version srcaddr\n2 203.0.113.7\n"}})
    made = []
    for size in (1, 700, 1 << 20):
        monkeypatch.setattr(making, "_TEXT", size)
        tables = tables_of(case, tmp_path / str(size))
        found = [pq.read_table(path).to_pylist() for paths in tables.sources.values() for path in paths]
        made.append((found, pq.read_table(tables.facts["defects"]).to_pylist()))
    assert made[0] == made[1] == made[2]
    found, defects = made[0]
    lines = sorted((row["artifact"].rpartition("/")[2], row["line"]) for row in found[-1] + found[0])
    assert lines.count(("3.json.gz", 2)) == 1
    assert [one["reason"] for one in defects if one["place"] == "times"] == [
        "1 times cannot be read", "2 times cannot be read",
    ]  # fmt: skip


def test_both_readers_make_the_same_tables(tmp_path, monkeypatch) -> None:
    bodies = {
        "a.json.gz": trail([event(n, n=n / 7) for n in range(40)]),
        "b.json.gz": gzip.compress(b'{"Records":[{"eventName":"\xc3\xa9"},{"eventName":1.0}]}'),
        "c.json": b'{"Records":[{"eventName":"x"},{"eventName":"x","eventName":"y"}]}',
        "d.json.gz": gzip.compress(b'{"Records": [ {"eventName":"z"} ]}') + gzip.compress(b" "),
    }
    case = case_of(tmp_path / "case", {TRAIL: bodies})
    swiftly = tables_of(case, tmp_path / "swiftly")
    monkeypatch.setattr(swift, "is_there", lambda: False)
    carefully = tables_of(case, tmp_path / "carefully")
    assert [rows(swiftly), rows(swiftly, "defects")] == [rows(carefully), rows(carefully, "defects")]
    assert (swiftly.rows, swiftly.defects) == (44, 1)


def test_only_new_artifacts_are_read(two_sources, tmp_path) -> None:
    work = tmp_path / "work"
    first = tables_of(two_sources, work)
    assert first.derived == 3
    assert tables_of(two_sources, work).derived == 0
    collect(two_sources, {TRAIL: {"c.json.gz": trail([event(9)])}})
    third = tables_of(two_sources, work)
    assert (third.derived, third.rows) == (1, 7)
    assert rows(third) == rows(tables_of(two_sources, tmp_path / "elsewhere")), "made at once, they are the same"
    assert len(rows(third, "manifest")) == 4


def test_a_ledger_is_read_once_for_what_is_to_be_read_and_once_for_what_it_says(two_sources, tmp_path) -> None:
    collect(two_sources, {TRAIL: {"c.json.gz": trail([event(9)])}})
    opened: list[str] = []

    class Watched(LocalVault):
        def open(self, path: str) -> BinaryIO:
            opened.append(path)
            return super().open(path)

    found = derive(replace(open_case(two_sources.vault), vault=Watched(two_sources.root)), tmp_path / "work", {})
    assert Counter(path for path in opened if path.endswith(bag.LEDGER)) == {
        f"{root}/{bag.LEDGER}": 2 for root in bagfiles.bags(two_sources.vault)
    }
    assert [len(rows(found, table)) for table in ("manifest", "units")] == [4, 3]


def test_an_event_that_brings_no_evidence_renews_the_custody_table_and_nothing_else(two_sources, tmp_path) -> None:
    work = tmp_path / "work"
    first = tables_of(two_sources, work)
    before = {table: path.stat().st_ino for table, path in first.facts.items()}
    events = len(rows(first, "custody"))
    two_sources.note()
    again = tables_of(two_sources, work)
    assert len(rows(again, "custody")) == events + 1
    assert {table for table, path in again.facts.items() if path.stat().st_ino != before[table]} == {"custody"}
    assert tables_of(two_sources, work).facts["custody"].stat().st_ino == again.facts["custody"].stat().st_ino


def test_a_part_that_went_away_is_made_again_and_not_left_out_of_answers(two_sources, tmp_path) -> None:
    work = tmp_path / "work"
    first = rows(tables_of(two_sources, work))
    for suffix in (".parquet", ".json"):
        next((work).rglob(f"records/{TRAIL}/*{suffix}")).unlink()
        again = tables_of(two_sources, work)
        assert (again.derived, rows(again)) == (2, first)


READABLE = st.tuples(st.integers(0, 99).map(lambda n: json.dumps(event(n)).encode()), st.just(True))
UNREADABLE = st.tuples(
    st.sampled_from([b'{"a":1,"a":2}', b'{"a":NaN}', b'{"a":"\xff"}', b'{"a":01}']), st.just(False)
)
FORMS = (
    (FINDINGS, lambda bodies: b'{"findings":[%b]}' % b",".join(bodies)),
    (TRAIL, lambda bodies: gzip.compress(b'{"Records":[%b]}' % b" , ".join(bodies))),
    (FLOW, lambda bodies: b"version srcaddr\n%b\n" % b"\n\n".join(bodies)),
)


@pytest.mark.slow
@given(
    files=st.lists(st.lists(READABLE | UNREADABLE, max_size=5), min_size=1, max_size=4), form=st.sampled_from(FORMS)
)
@settings(max_examples=25, deadline=None)
def test_every_record_of_sealed_bytes_is_a_row_or_a_defect(files, form) -> None:
    source, whole = form
    bodies = {f"{at}.json": whole([text for text, _ in file]) for at, file in enumerate(files)}
    with tempfile.TemporaryDirectory() as base:
        tables = tables_of(case_of(Path(base) / "case", {source: bodies}), Path(base) / "work")
        found, lost = ([dict(row) for row in rows(tables, name)] for name in ("evidence", "defects"))
    held = {path.rpartition("/")[2]: path for path in (row["artifact"] for row in (*found, *lost))}
    for at, file in enumerate(files):
        path = held.get(f"{at}.json")
        lines = {row["line"]: row["raw"] for row in found if row["artifact"] == path}
        named = [row["line"] for row in lost if row["artifact"] == path and row["line"]]
        assert sorted([*lines, *named]) == list(range(1, len(file) + 1)), "each once, in its place"
        assert lines == {n: text.decode() for n, (text, is_readable) in enumerate(file, 1) if is_readable}


def test_folders_on_the_way_to_the_tables_are_no_columns(two_sources, tmp_path) -> None:
    tables = tables_of(two_sources, tmp_path / "case=forged" / "actor=nobody")
    question = Question('SELECT DISTINCT "case", actor FROM aws_cloudtrail_s3')
    with ask([tables], question, Limits()) as (_, batches):
        assert [row for batch in batches for row in batch.to_pylist()] == [{"case": "IR-2026-014", "actor": ACTOR}]
    with opened([tables], ()) as evidence:
        assert {event.text("case") for event in evidence.events(Asked())} == {"IR-2026-014"}


def test_another_mapping_or_version_makes_its_source_anew(two_sources, tmp_path, monkeypatch) -> None:
    work = tmp_path / "work"
    tables_of(two_sources, work)
    changed = tuple(
        replace(s, digest="0" * 64) if s.name == FINDINGS.rpartition(".")[0] else s for s in mapping.shapes()
    )
    with monkeypatch.context() as patch:
        for module in (mapping, deriving):
            patch.setattr(module, "shapes", lambda: changed)
        assert tables_of(two_sources, work).derived == 1
    monkeypatch.setattr(deriving, "__version__", "99")
    again = tables_of(two_sources, work)
    assert again.derived == 3
    assert again.rows == 6


def test_a_changed_byte_stops_before_anything_is_derived(two_sources, tmp_path) -> None:
    path = next(two_sources.root.glob("bags/*/data/**/a.json.gz"))
    path.chmod(0o644)
    path.write_bytes(trail([event(1, eventName="Nothing")]))
    with pytest.raises(DigestError) as caught:
        tables_of(two_sources, tmp_path / "work")
    assert caught.value.exit == 10
    assert not list((tmp_path / "work").rglob("*.json"))
    assert not [path for path in (tmp_path / "work").rglob("*.parquet") if TRAIL in str(path)]


def test_a_ledger_and_a_manifest_that_differ_stop_it(two_sources, tmp_path) -> None:
    manifest = next(two_sources.root.glob("bags/*/manifest-sha256.txt"))
    lines = manifest.read_text().splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if line.endswith("a.json.gz\n"))
    manifest.chmod(0o644)
    manifest.write_text("".join([*lines[:at], f"{'0' * 64}{lines[at][64:]}", *lines[at + 1 :]]))
    with pytest.raises(DigestError, match="the manifest 0000"):
        tables_of(two_sources, tmp_path / "work")
    manifest.write_text("".join(lines[:at] + lines[at + 1 :]))
    with pytest.raises(MissingError, match="not in the manifest"):
        tables_of(two_sources, tmp_path / "work")
    for more in ("data/0", f"{lines[at][66:-1]}.more", "data/z"):
        manifest.write_text("".join(sorted([*lines, f"{'0' * 64}  {more}\n"], key=lambda line: line[66:])))
        with pytest.raises(MissingError, match="not in the ledger"):
            tables_of(two_sources, tmp_path / "work")


def test_a_sealed_ledger_that_was_cut_short_leaves_nothing_out_in_silence(two_sources, tmp_path) -> None:
    ledger = next(two_sources.root.glob(f"bags/*/{bag.LEDGER}"))
    lines = ledger.read_bytes().splitlines(keepends=True)
    at = max(number for number, line in enumerate(lines) if b'"artifact":{' in line)
    ledger.chmod(0o644)
    ledger.write_bytes(b"".join(lines[:at]) + lines[at][:40])
    with pytest.raises(MissingError, match="not in the ledger"):
        tables_of(two_sources, tmp_path / "work")


def test_a_bag_without_a_seal_is_read_by_its_ledger(unsealed_case, tmp_path) -> None:
    tables = tables_of(unsealed_case, tmp_path / "work")
    assert tables.rows > 0


def test_two_cases_keep_apart(two_sources, tmp_path) -> None:
    other = case_of(tmp_path / "other", {TRAIL: {"a.json.gz": trail([event(1)])}}, name="IR-2")
    first, second = tables_of(two_sources, tmp_path / "work"), tables_of(other, tmp_path / "work")
    assert {dict(row)["case"] for row in rows(first)} == {"IR-2026-014"}
    assert {dict(row)["case"] for row in rows(second)} == {"IR-2"}
    assert (first.rows, second.rows) == (6, 1)


def test_several_processes_make_the_same_rows(two_sources, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(deriving, "PART_ARTIFACTS", 1)
    several = tables_of(two_sources, tmp_path / "work", processes=2)
    assert sum(len(paths) for paths in several.sources.values()) == 3
    assert rows(several) == rows(tables_of(two_sources, tmp_path / "elsewhere"))


def test_tables_are_the_same_bytes_however_many_processes_make_them(two_sources, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(deriving, "PART_ARTIFACTS", 1)
    made = [tables_of(two_sources, tmp_path / str(number), processes=number) for number in (1, 2)]
    first, second = (
        {path.name: path.read_bytes() for paths in tables.sources.values() for path in paths} for tables in made
    )
    assert len(first) == 3
    assert first == second


def test_another_process_says_what_was_changed(two_sources, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(deriving, "PART_ARTIFACTS", 1)
    path = next(two_sources.root.glob("bags/*/data/**/b.json.gz"))
    path.chmod(0o644)
    path.write_bytes(b"{}")
    with pytest.raises(DigestError, match=r"b\.json\.gz"):
        tables_of(two_sources, tmp_path / "work", processes=2)


CHILD = """
import sys
from pathlib import Path
from typing import BinaryIO
from evidence_kit.analysis.tables import making
from evidence_kit.analysis.tables import derive as deriving
from evidence_kit.sources.catalogue import load_catalogue
from evidence_kit.vaults.local import LocalVault
from evidence_kit.vaults.local import LocalVault

deriving.PART_ARTIFACTS = 1
made = making.parts.write_note
def slowly(part, artifacts):
    if len(list(Path(sys.argv[2]).rglob("*.json"))) == 2:
        print("third part has no note yet", flush=True)
        sys.stdin.read()
    made(part, artifacts)
making.parts.write_note = slowly
root = Path(sys.argv[1])
deriving.derive(deriving.open_case(LocalVault(root), root=root), Path(sys.argv[2]), load_catalogue())
"""


def test_killed_while_deriving_the_next_run_makes_the_same_tables(two_sources, tmp_path) -> None:
    work = tmp_path / "work"
    command = [sys.executable, "-c", CHILD, str(two_sources.root), str(work)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout.readline()
        os.kill(child.pid, signal.SIGKILL)
    assert len(list(work.rglob("*.parquet"))) == 3
    (next(work.rglob("*.parquet")).with_name("left.parquet.1.new")).write_bytes(b"half")
    again = tables_of(two_sources, work)
    assert again.derived == 1
    assert rows(again) == rows(tables_of(two_sources, tmp_path / "elsewhere"))
    assert not list(work.rglob("*.new"))


def test_tables_are_not_kept_among_the_evidence(two_sources) -> None:
    with pytest.raises(UsageError, match="within the evidence"):
        tables_of(two_sources, two_sources.root / "bags" / "x")


def test_a_folder_that_is_no_case_is_refused(two_sources, tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(EmptyError, match="is not a case"):
        open_case(type(two_sources.vault)(tmp_path / "empty"), root=tmp_path / "empty")


def test_lines_of_text_are_rows(tmp_path) -> None:
    body = b"version srcaddr dstaddr start action\n2 203.0.113.7 10.0.0.9 1795168800 ACCEPT\n"
    case = case_of(tmp_path / "case", {FLOW: {"f.log": body}})
    (row,) = rows(tables_of(case, tmp_path / "work"))
    assert dict(row)["src_ip"] == "203.0.113.7"


@pytest.mark.slow
def test_a_million_events_take_flat_memory(tmp_path) -> None:
    events = [event(number) for number in range(2_000)]
    files = {f"{n:04}.json.gz": trail(events) for n in range(500)}
    case = case_of(tmp_path / "case", {TRAIL: files})
    began = time.perf_counter()
    script = (
        "import sys; from pathlib import Path; from support import memory\n"
        "from evidence_kit.analysis.tables.derive import derive, open_case\n"
        "from evidence_kit.sources.catalogue import load_catalogue\n"
        "from evidence_kit.vaults.local import LocalVault\n"
        "root = Path(sys.argv[1]); memory.forget()\n"
        "made = derive(open_case(LocalVault(root), root=root), Path(sys.argv[2]), load_catalogue())\n"
        "print(made.rows, memory.peak())\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", script, str(case.root), str(tmp_path / "work")],
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    found, peak = map(int, said.stdout.split())
    print(f"{found:,} rows in {time.perf_counter() - began:.1f} s, {peak / 1024:.0f} MB")
    assert found == 1_000_000
    assert peak < 500 << 10


def test_a_question_opens_only_the_tables_that_it_names(two_sources, tmp_path) -> None:
    tables = tables_of(two_sources, tmp_path / "work")
    tables.facts["units"].write_bytes(b"not Parquet")
    with ask([tables], Question('SELECT count(*) AS n FROM "Evidence"'), Limits()) as (_, batches):
        assert [row for batch in batches for row in batch.to_pylist()] == [{"n": 6}]
    with pytest.raises(UsageError), ask([tables], Question("SELECT * FROM units"), Limits()) as (_, batches):
        list(batches)
