"""The custody record: every field has its place, nothing is believed, and a large bag is not walked."""

import json
import re
from dataclasses import replace

import pytest
from support.casemaker import NOW
from support.custody_doc import PAGE, generated
from support.people import Cast
from support.recorded import ABOUT, ORDER, accepted, collected, decide, engine, exists, full, offer, opened, stamped
from support.tsa import Tsa, needs_openssl

from evidence_kit.acquire.case import Description, open_case
from evidence_kit.acquire.description import FIELDS
from evidence_kit.acquire.handover import withdraw
from evidence_kit.custody import bag, log
from evidence_kit.errors import ChainError, EmptyError, SignatureError
from evidence_kit.report.custody import markdown as custody_markdown
from evidence_kit.report.custody import text as custody_text
from evidence_kit.report.custody.digging import MAX_VALUE, MAX_VALUES, dig
from evidence_kit.report.custody.fields import GROUPS, RECORD
from evidence_kit.report.custody.record import NOT_RECORDED, Field, Part, Place, Record, Section, as_json, build
from evidence_kit.signers.file import acquisition_signer
from evidence_kit.vaults.local import LocalVault

HOSTILE = (
    "x | y\n    case id  forged  \x1b[2J\u202e<script>alert(1)</script> [a](http://b) `c` **d** $e$ www.f.example"
)


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    """The folder of a case in which every field was filled and every kind of event happened."""
    root = tmp_path_factory.mktemp("everything")
    with Tsa(root / "tsa").serving() as tsa:
        return full(root, tsa).case


@pytest.fixture
def cast(tmp_path):
    cast = Cast(tmp_path)
    cast.add("alice")
    cast.add("bob")
    return cast


def section(record: Record, name: str) -> Section:
    return next(one for one in record.sections if one.id == name)


def fields(record: Record, name: str, label: str) -> list[Field]:
    return [field for part in section(record, name).parts for field in part.fields if field.label == label]


def field(record: Record, name: str, label: str) -> Field:
    (only,) = fields(record, name, label)
    return only


# -- the table, the page and a case agree --------------------------------------------------------------------------


def test_the_page_is_generated_from_the_table_of_the_code() -> None:
    assert generated(PAGE.read_text()) == PAGE.read_text(), "run `python tests/support/custody_doc.py`"


@needs_openssl
@pytest.mark.parametrize(
    "spec", [spec for spec in RECORD if spec.file], ids=lambda spec: f"{spec.group}-{spec.label}"
)
def test_every_place_that_the_table_names_exists_in_a_case(everything, spec) -> None:
    assert exists(everything, spec), f"{spec.file} {spec.event} {spec.path}"


def test_a_place_that_no_case_has_is_noticed(cast) -> None:
    alice = opened(cast)
    spec = next(spec for spec in RECORD if spec.path == "exhibit.id")

    assert exists(alice.case, spec)
    assert not exists(alice.case, replace(spec, path="exhibit.number"))


def test_every_field_that_a_person_can_fill_has_its_place_in_the_record() -> None:
    placed = {spec.path for spec in RECORD if spec.file == log.CASE}

    assert {".".join(known.path) for known in FIELDS} <= placed


@needs_openssl
def test_every_field_of_the_table_appears_and_is_filled_when_everything_was_said(everything) -> None:
    record = build(LocalVault(everything))
    by_person = {spec.label for spec in RECORD if spec.remains}

    for group in GROUPS:
        shown = {field.label: field for part in section(record, group).parts for field in part.fields if field.values}
        wanted = {spec.label for spec in RECORD if spec.group == group and spec.file}
        assert wanted - set(shown) - by_person == set(), group


# -- what nobody said ----------------------------------------------------------------------------------------------


def test_what_nobody_recorded_says_so_and_is_not_left_out(cast) -> None:
    alice = cast["alice"]
    open_case(alice.vault, alice.ring, None, Description(id="IR-1", title="t", purpose="", authority=""), at=NOW)
    record = build(alice.vault)

    for group in set(GROUPS) - {"custody"}:
        labels = {field.label for part in section(record, group).parts for field in part.fields}
        assert labels == {spec.label for spec in RECORD if spec.group == group}
    assert field(record, "authority", "legal authority").values == ()
    assert field(record, "item", "artifacts").values == ()
    text = "\n".join(custody_text.lines(record, width=100))
    assert re.search(rf"legal authority +{NOT_RECORDED}  \[case.json: legalAuthority\]", text)
    assert "acquisitions (nothing has been collected)" in text
    assert re.search(r"holds placed +no such event", text)


def test_the_record_says_first_that_verify_is_what_checks(cast) -> None:
    record = build(opened(cast).vault)
    text = list(custody_text.lines(record, width=200))

    assert "Nothing was checked" in text[1]
    assert "`evidence-kit verify` checks" in text[1] + text[2]
    assert record.notice in list(custody_markdown.lines(record))
    assert as_json(record)["notice"] == record.notice


def test_there_is_no_record_without_a_case(tmp_path) -> None:
    with pytest.raises(EmptyError):
        build(LocalVault(tmp_path))


# -- the chain -----------------------------------------------------------------------------------------------------


def chain(record: Record, kind: str) -> dict[str, Field]:
    part = next(part for part in section(record, "custody").parts if part.title.endswith(f", {kind}"))
    return {field.label: field for field in part.fields}


def test_a_hand_over_says_from_whom_to_whom_why_on_what_and_in_which_state(cast) -> None:
    collected(opened(cast))
    bob = accepted(cast)
    record = build(bob.vault)
    offered, taken = chain(record, log.OFFERED), chain(record, log.ACCEPTED)

    assert offered["from"].values == ("alice",)
    assert offered["to"].values == (f"bob, keyid {cast['bob'].keyid}",)
    assert offered["purpose"].values == ("analysis",)
    assert offered["medium or transport"].values == ("disk 7",)
    assert (taken["from"].values, taken["to"].values) == (("alice",), ("bob",))
    assert (taken["seals"].values, taken["outcome"].values) == (("intact",), ("OK, defects 0",))
    assert taken["kept at"].values == ("safe 3",)
    assert taken["copy or move"].values == ("move",)
    assert taken["signer's key"].values == (bob.keyid,)
    assert "accepted despite" not in taken
    now = field(record, "custody", "custodian now")
    assert now.values == (f"bob, keyid {bob.keyid}",)
    assert now.place == Place(log.LOG, "transfer.accepted: actor.{name,keyid}")


@needs_openssl
def test_after_a_change_of_keys_the_custodians_key_is_the_new_one_and_stands_where_that_is_said(everything) -> None:
    now = field(build(LocalVault(everything)), "custody", "custodian now")

    assert now.place == Place(log.LOG, "key.rotated: newKey.keyid")


def test_an_offer_that_waits_is_said_and_one_that_was_withdrawn_is_not(cast) -> None:
    alice = opened(cast)
    collected(alice)
    offer(cast, "alice", "bob")
    assert field(build(alice.vault), "custody", "hand-over on offer").values == ("to bob, by event 3",)

    withdraw(alice.vault, alice.ring, None, reason="r", at=NOW)
    assert field(build(alice.vault), "custody", "hand-over on offer").values == ("none",)


@needs_openssl
def test_an_event_is_time_stamped_when_the_log_that_has_it_was(cast, tmp_path) -> None:
    alice = opened(cast)
    collected(alice)
    decide(alice, log.NOTE, {"note": "before"})
    with Tsa(tmp_path / "tsa").serving() as tsa:
        stamped(alice, tsa)
    decide(alice, log.NOTE, {"note": "after"})
    before, after = (field.values for field in fields(build(alice.vault), "custody", "time-stamped")[3::2])

    assert before[0].endswith("(as custody/checkpoints/4)")
    assert after == ()


# -- acquisitions --------------------------------------------------------------------------------------------------


def test_units_are_counted_by_source_and_end(cast) -> None:
    alice = opened(cast)
    collected(alice, regions=("us-east-1", "eu-west-1"), partial=("eu-west-1",))

    assert field(build(alice.vault), "origin", "what came of it").values == (
        "test.pages: units 1 complete, 1 partial_truncated; 4 pages, 4 records, 6 artifacts, 266 bytes",
    )


def rewrite(path, change) -> None:
    path.chmod(0o644)
    path.write_bytes(change(path.read_bytes()))


class Counting(LocalVault):
    """Notes what is opened, and refuses evidence."""

    def __init__(self, root) -> None:
        super().__init__(root)
        self.opened: list[str] = []

    def open(self, path):
        assert "/data/" not in path, path
        self.opened.append(path.rpartition("/")[2])
        return super().open(path)

    def walk(self, path):
        raise AssertionError(path)


def test_no_artifact_attestation_or_manifest_is_opened_and_no_folder_walked(cast) -> None:
    alice = opened(cast)
    collected(alice)
    vault = Counting(alice.case)
    build(vault)

    assert sorted(vault.opened) == [
        "acquisition.json",
        "case.json",
        "checkpoint",
        "exchanges.jsonl",
        "log.jsonl",
        "seal.sigstore.json",
    ]


def test_of_the_ledger_only_the_first_line_is_read(cast) -> None:
    alice = opened(cast)
    collected(alice)
    (path,) = alice.case.glob(f"bags/*/{bag.LEDGER}")
    rewrite(path, lambda data: data.split(b"\n")[0] + b"\n" + b"\x00" * 4096)

    assert field(build(alice.vault), "origin", "product or API").values == ("test.pages, mechanism test",)


@pytest.mark.slow
def test_a_hundred_thousand_units_and_a_thousand_sources_stay_a_page(cast) -> None:
    alice = opened(cast)
    collected(alice)
    (path,) = alice.case.glob(f"bags/*/{bag.ACQUISITION}")
    unit = {"status": "complete", "pages": 1, "records": 1, "artifacts": 1, "bytes": 1, "findings": [{"kind": "gap"}]}

    def many(data: bytes) -> bytes:
        units = (json.dumps({"unit": f"s{n % 1000}|a|r|-|-", **unit}) for n in range(100_000))
        return data[: data.index(b"\n")] + b"\n" + ",\n".join(units).encode() + b"\n]}\n"

    rewrite(path, many)
    record = build(alice.vault)
    units = field(record, "origin", "what came of it")

    assert len(units.values) == MAX_VALUES
    assert units.more == 201 - MAX_VALUES  # 200 sources told apart, and the others
    assert field(record, "origin", "gaps and remarks").values == ("100,000 gap",)


def test_a_status_of_its_own_making_is_unknown(cast) -> None:
    alice = opened(cast)
    collected(alice)
    (path,) = alice.case.glob(f"bags/*/{bag.ACQUISITION}")
    rewrite(path, lambda data: data.replace(b'"status":"complete"', b'"status":"perfect"'))

    assert "1 unknown" in field(build(alice.vault), "origin", "what came of it").values[0]


@pytest.mark.parametrize(
    ("inside", "change", "error"),
    [
        (bag.SEAL, lambda data: data[:-1], SignatureError),
        (bag.SEAL, lambda _: b"{}\n", SignatureError),
        (bag.ACQUISITION, lambda data: data.replace(b"units", b"stuff"), SignatureError),
        (bag.ACQUISITION, lambda data: data.replace(b'"pages":2', b'"pages":"2"'), SignatureError),
        (bag.ACQUISITION, lambda data: data.replace(b'{"unit', b"{{", 1), SignatureError),
    ],
)
def test_a_file_that_cannot_be_read_is_named_and_not_passed_over(cast, inside, change, error) -> None:
    alice = opened(cast)
    collected(alice)
    (path,) = alice.case.glob(f"bags/*/{inside}")
    rewrite(path, change)

    with pytest.raises(error, match=re.escape(str(path.relative_to(alice.case)))):
        build(alice.vault)


def test_a_broken_log_makes_no_record(cast) -> None:
    alice = opened(cast)
    decide(alice, log.NOTE, {"note": "x"})
    rewrite(alice.case / log.LOG, lambda data: data.split(b"\n", 1)[1])

    with pytest.raises(ChainError):
        build(alice.vault)


def test_an_acquisition_that_crashed_says_that_it_is_not_sealed(cast) -> None:
    working = engine(opened(cast))
    with working.vault.lock(), working.vault.working():
        working._endorse(log.STARTED, "20261121T213000Z-zzzzzz", acquisition_signer(), ORDER)
    record = build(working.vault)

    assert section(record, "item").parts[-1].note == "not sealed"
    assert field(record, "time", "acquisition sealed").values == ()
    assert "bags/20261121T213000Z-zzzzzz (not sealed)" in "\n".join(custody_text.lines(record, width=100))


def test_a_bag_without_its_seal_says_so(cast) -> None:
    alice = opened(cast)
    collected(alice)
    (path,) = alice.case.glob(f"bags/*/{bag.SEAL}")
    path.unlink()

    record = build(alice.vault)
    assert section(record, "item").parts[-1].note == "its seal is not here, although the log names one"
    assert field(record, "item", "artifacts").values == ()


# -- shown ---------------------------------------------------------------------------------------------------------


def hostile(cast) -> Record:
    text = ABOUT.read_text().replace(
        "approver: Dana Counsel", f"approver: {json.dumps(HOSTILE.replace(chr(27), ''))}"
    )
    alice = opened(cast, about=text.encode())
    decide(alice, log.NOTE, {"note": HOSTILE})
    return build(alice.vault)


@pytest.mark.parametrize("width", [10, 60, 80, 100, 120, 500])
def test_the_text_fits_its_width_but_for_words_that_must_stay_whole(cast, width) -> None:
    collected(opened(cast))
    lines = list(custody_text.lines(build(accepted(cast).vault), width=width))

    for line in lines:
        assert len(line) <= min(max(width, 60), 140) or len(line.split()[-1]) >= 60, line


def test_digests_stay_whole_at_eighty_columns(cast) -> None:
    alice = opened(cast)
    collected(alice)
    text = "\n".join(custody_text.lines(build(alice.vault), width=80))

    assert f"        {alice.keyid}\n" in text


def test_what_a_case_says_cannot_look_like_another_line_of_the_record(cast) -> None:
    lines = list(custody_text.lines(hostile(cast), width=80))

    assert not [line for line in lines if re.match(r" {0,6}case id +forged", line)]
    assert all(line.isprintable() for line in lines)


def test_what_a_case_says_cannot_become_markup(cast) -> None:
    lines = list(custody_markdown.lines(hostile(cast)))
    rows = [line for line in lines if line.startswith("| ")]

    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {4}
    said = "\n".join(lines)
    assert "<script>" not in said
    assert r"\[a\](http\://b) \`c\` \*\*d\*\* \$e\$ www\.f.example" in said
    assert all(line.isprintable() for line in lines)


def test_an_escape_before_a_pipe_does_not_free_the_pipe() -> None:
    assert custody_markdown.escaped("a\\| b") == "a\\\\\\| b"


def test_json_has_the_raw_text_and_marks_what_is_not_recorded(cast) -> None:
    said = json.loads(json.dumps(as_json(hostile(cast))))
    every = [one for section in said["sections"] for part in section["parts"] for one in part["fields"]]
    by_path = {(one["file"], one["path"]): one for one in every}

    assert [section["name"] for section in said["sections"]] == list(GROUPS)
    assert HOSTILE in by_path["custody/log.jsonl", "note: note"]["values"]
    assert by_path["custody/log.jsonl", "verified: verification.{verdict,defects}"]["recorded"] is False
    assert {"name", "recorded", "values", "moreValues", "file", "path"} <= set(every[0])


def test_values_beyond_the_first_are_counted_in_every_form() -> None:
    field = Field(label="targets", values=("a", "b"), more=7, place=Place("f", "p"))
    part = Part(title="", fields=(field,))
    record = Record(case="c", title="t", notice="n", sections=(Section(id="s", title="s", parts=(part,)),))

    assert "… and 7 more" in "\n".join(custody_text.lines(record, width=80))
    assert "a<br>b<br>… and 7 more" in "\n".join(custody_markdown.lines(record))
    assert '"moreValues": 7' in json.dumps(as_json(record))


# -- digging -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("a.b", ("1",)),
        ("a.c", ()),
        ("a.b.c", ()),
        ("list[].x", ("one", "two")),
        ("list[].{x,y}", ("x one", "x two, y yes")),
        ("list", ("x one", "x two, y yes")),
        ("named.{name,n}", ("N, n 2.5",)),
        ("digest.{name,digest}", ("m, sha256 ab",)),
        ("nothing[]", ()),
        ("null", ()),
        ("empty", ()),
    ],
)
def test_a_path_reaches_what_it_names_and_nothing_else(path, values) -> None:
    document = {
        "a": {"b": 1},
        "list": [{"x": "one"}, {"x": "two", "y": True}, 7],
        "named": {"n": 2.5, "name": "N"},
        "digest": {"name": "m", "digest": {"sha256": "ab"}},
        "null": None,
        "empty": [],
    }
    expected = (*values, "7") if path == "list" else values

    assert dig(document, path).values == expected


def test_many_values_and_long_ones_are_bounded() -> None:
    found = dig({"a": ["x" * (MAX_VALUE + 1)] * (MAX_VALUES + 3)}, "a")

    assert (len(found.values), found.more) == (MAX_VALUES, 3)
    assert found.values[0].endswith(f"… ({MAX_VALUE + 1:,} characters in the file)")
