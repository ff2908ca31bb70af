"""A pack of a real case: what is read of it, and that JSON, CSV and Markdown all say the same, as text."""

import csv
import io
import json
from datetime import timedelta

import pytest
from support.casemaker import CASE, NOW, SOURCE, TARGET, make_case

from evidence_kit.custody import log
from evidence_kit.errors import ChainError, UsageError
from evidence_kit.governance.controls.book import frameworks, parse_framework
from evidence_kit.governance.controls.packing import Standing, build
from evidence_kit.governance.controls.recorded import CaseRecord, EventRecord, Records
from evidence_kit.model.time import Window
from evidence_kit.report.exports.case_records import read_records
from evidence_kit.report.exports.pack_folder import MANIFEST, write
from evidence_kit.report.exports.packs import FORMATS, as_json, pack, populations

PERIOD = Window(NOW - timedelta(days=7), NOW + timedelta(days=1))
AT = NOW + timedelta(hours=1)
HOSTILE = "=cmd|' /C calc'!A0 <script>alert(1)</script> \u202e \x1b[2J `x` | [a](javascript:b)\n# heading"


def framework(*facts):
    lines = "".join(f"      - {{fact: {fact}}}\n" for fact in facts)
    text = (
        "apiVersion: evidence-kit/controls.v1\nkind: Controls\nname: ours\ntitle: Our own\nversion: '1'\n"
        "edition: '2026'\npublisher: us\nsource: https://example.com/\nreviewed: 2026-11-22\nstatus: unverified\n"
        f"controls:\n  - id: O-1\n    says: something\n    evidence:\n{lines}    beyond: everything else\n"
    )
    return parse_framework(text.encode(), name="ours.yaml")


def standings(made):
    return {row.fact: row.standing for row in made.rows}


def packed(case, *facts, trust=True):
    return pack(
        framework(*facts), [case.vault], PERIOD, "seed", at=AT, specs={}, trust=case.trust if trust else None, size=5
    )


def test_a_sound_case_shows_custody_and_evidence_and_the_same_case_unverified_does_not(case) -> None:
    facts = ("custody_unbroken", "evidence_intact", "sealed", "gaps_accounted")
    verified, blind = packed(case, *facts), packed(case, *facts, trust=False)

    assert set(standings(verified).values()) == {Standing.SHOWN}
    assert standings(blind)["custody_unbroken"] is standings(blind)["evidence_intact"] is Standing.MISSING
    assert standings(blind)["sealed"] is Standing.SHOWN
    assert as_json(blind)["cases"][0]["verdict"] is None


def test_one_changed_byte_speaks_against_the_evidence_and_not_against_custody(tmp_path) -> None:
    case = make_case(tmp_path / "case")
    victim = next(path for path in sorted((case.root / case.bag / "data").rglob("*")) if path.is_file())
    victim.chmod(0o600)
    victim.write_bytes(victim.read_bytes()[:-1] + b"X")
    found = standings(packed(case, "custody_unbroken", "evidence_intact"))

    assert found == {"custody_unbroken": Standing.SHOWN, "evidence_intact": Standing.AGAINST}


def test_a_broken_log_makes_no_pack(tmp_path) -> None:
    case = make_case(tmp_path / "case")
    path = case.root / log.LOG
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], *lines[2:]]))

    with pytest.raises(ChainError):
        packed(case, "sealed")


def test_partial_and_open_units_are_read_as_they_ended(tmp_path) -> None:
    case = make_case(tmp_path / "case", regions=("us-east-1", "eu-west-1"), partial=("eu-west-1",))
    found = read_records([case.vault], period=PERIOD, at=AT, specs={})
    (one,) = found.cases

    assert {unit.region: unit.whole for unit in one.units} == {"us-east-1": True, "eu-west-1": False}
    assert {(unit.source, unit.target.id) for unit in one.units} == {(SOURCE, TARGET.id)}
    assert [target.id for target in found.targets()] == [TARGET.id]
    assert standings(packed(case, "gaps_accounted")) == {"gaps_accounted": Standing.SHOWN}


def hostile():
    said = {"acquisition": {"id": HOSTILE}}
    events = [
        EventRecord(case=HOSTILE, seq=seq, at=NOW, type=kind, actor=HOSTILE, keyid="k", said=said)
        for seq, kind in enumerate((log.STARTED, log.SEALED))
    ]
    case = CaseRecord(id=HOSTILE, title=HOSTILE, head="00", events=events)
    return build(framework("sealed", "countersigned"), Records(cases=[case], period=PERIOD, at=AT), seed="s", size=5)


def text_of(name, made):
    return b"".join(FORMATS[name](made)).decode()


def test_what_others_named_is_text_in_every_format() -> None:
    made = hostile()
    markdown, table = text_of("md", made), text_of("csv", made)

    assert text_of("json", made).isascii()
    for text in (markdown, table):
        assert not set(text) & {"\x1b", "\u202e"}
    assert "<script>" not in markdown
    assert "\n# heading" not in markdown
    assert "[a](javascript" not in markdown
    cells = [cell for row in csv.reader(io.StringIO(table, newline="")) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]


@pytest.mark.parametrize("name", sorted(frameworks()))
def test_json_csv_and_markdown_say_the_same(case, name) -> None:
    made = pack(frameworks()[name], [case.vault], PERIOD, "seed", at=AT, specs={}, trust=case.trust)
    said = json.loads(text_of("json", made))
    rows = list(csv.DictReader(io.StringIO(text_of("csv", made), newline="")))
    headings = [line for line in text_of("md", made).splitlines() if line.startswith("### ")]

    assert [(row["name"], row["fact"], row["standing"]) for row in said["rows"]] == [
        (row["control"], row["fact"], row["standing"]) for row in rows
    ]
    assert len(headings) == len(rows) == len(made.rows)
    assert [line.partition(":")[0] for line in headings] == [f"### {row['control']}" for row in rows]
    assert said["framework"]["sha256"] == frameworks()[name].digest
    assert all(row["doesNotProve"] and row["beyond"] for row in said["rows"])


def test_a_pack_of_rules_that_nobody_held_against_the_original_says_so(case) -> None:
    assert "not held against the original text" in text_of("md", packed(case, "sealed"))
    assert "does not prove" in text_of("md", packed(case, "sealed")).lower()


def test_the_folder_holds_every_population_and_a_manifest_over_all(case, tmp_path) -> None:
    made = packed(case, "sealed", "custody_unbroken")
    head = write(made, tmp_path / "pack", [case.vault])
    files = {str(path.relative_to(tmp_path / "pack")) for path in (tmp_path / "pack").rglob("*") if path.is_file()}

    assert files == {"pack.md", "pack.json", "pack.csv", MANIFEST, *populations(made)}
    assert len(head) == 64
    for path, one in populations(made).items():
        assert (tmp_path / "pack" / path).read_bytes() == one.text
    said = json.loads((tmp_path / "pack" / "pack.json").read_text())
    assert {row["population"]["file"] for row in said["rows"]} == set(populations(made))


def test_a_pack_is_not_written_into_a_case_nor_over_another(case, tmp_path) -> None:
    made = packed(case, "sealed")
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "x").touch()

    for out in (case.root / "derived" / "pack", tmp_path / "there"):
        with pytest.raises(UsageError):
            write(made, out, [case.vault])


def test_cases_are_told_apart(case, tmp_path) -> None:
    other = make_case(tmp_path / "other", sealed=False)
    made = pack(framework("sealed"), [case.vault, other.vault], PERIOD, "s", at=AT, specs={})
    (row,) = made.rows

    assert (row.standing, row.shown, len(row.population.names)) == (Standing.PARTLY, 1, 2)
    assert [one.said for one in row.exceptions] == ["started and never sealed"]
    assert {name.partition(" ")[0] for name in row.population.names} == {CASE}
