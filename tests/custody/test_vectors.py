"""The vectors that any implementation can run: each has the verdict that it says, here and by the command line."""

import base64
import json
import re
import subprocess
import sys
from collections import Counter

import pytest
from support import vectors
from support.vector_format import FOLDERS, KINDS, VECTORS, Vector, bytes_of, judge, load, load_all, told

from evidence_kit.errors import Exit

VALID, INVALID = load_all("valid"), load_all("invalid")
ALL = [*VALID, *INVALID]
CODES = {2, 3, 4, 10, 11, 12, 13, 14, 15, 16}
# One of each sort of folder, and of each option: what a person would type.
BY_COMMAND = (
    "plain", "unsealed-after-a-crash", "bag-alone", "disclosed-redacted", "flipped-artifact", "artifact-a-link",
    "bag-alone-by-a-stranger", "log-rolled-back", "incomplete", "required-time-stamp-missing",
    "evidence-rewritten-and-resealed", "disclosed-artifact-altered", "policy-without-keys", "empty-case",
)  # fmt: skip
PRIVATE = re.compile(r"PRIVATE KEY|\"host\":\"(?![a-z0-9.-]+\.example\.com\")")
# Any absolute path, but not a later part of a URL, a relative path or base64.
ABSOLUTE = re.compile(r"(?<![A-Za-z0-9+/.:_=-])/[a-z]+/[^\s\"'\\;]*")
# What the recipe and the script of a disclosure package name, on whatever machine they run.
EVERYWHERE = {"/dev/null", "/tmp/check", "/usr/bin/env"}  # noqa: S108 - a word in a recipe, not a file of ours
PAYLOAD = re.compile(r"\"payload\":\"([A-Za-z0-9+/=]+)\"")


def called(vector: Vector) -> str:
    return vector.name


@pytest.mark.parametrize("vector", ALL, ids=called)
def test_a_vector_has_the_verdict_and_the_defects_that_it_says(vector, tmp_path):
    assert judge(vector, tmp_path) == vector.expect


@pytest.mark.parametrize("name", BY_COMMAND)
def test_the_command_line_says_the_same(name, tmp_path):
    (vector,) = [vector for vector in ALL if vector.name == name]
    command = [sys.executable, "-m", "evidence_kit", "verify", vector.unpack(tmp_path), "--json", "--trust"]
    (tmp_path / "trust.yaml").write_text(vector.trust)
    command.append(tmp_path / "trust.yaml")
    flags = {"eachSignature": "each-signature", "requireComplete": "require-complete"}
    flags |= {"requireTimestamp": "require-timestamp"}
    command += [f"--{flag}" for option, flag in flags.items() if vector.options.get(option)]
    if "lastCheckpoint" in vector.options:
        (tmp_path / "last").write_bytes(base64.b64decode(vector.options["lastCheckpoint"]))
        command += ["--last-checkpoint", tmp_path / "last"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == vector.expect["exit"], done.stderr
    if done.returncode == Exit.USAGE:
        return
    checks = json.loads(done.stdout)["checks"]
    found = {(defect["subject"], defect["name"]) for check in checks for defect in check["defects"]}
    root = str(vector.root(tmp_path))  # an empty case is named as it was on the command line
    said = {(subject.replace(root, vector.root(tmp_path).name), verdict) for subject, verdict in found}
    assert said == {(defect["subject"], defect["name"]) for defect in vector.expect["defects"]}


# -- what the vectors are --------------------------------------------------------------------------------------


def test_there_are_enough_of_them_and_every_verdict_on_evidence_occurs():
    assert len(INVALID) >= 60
    assert len(VALID) >= 12
    assert {vector.expect["exit"] for vector in INVALID} == CODES
    assert {vector.expect["exit"] for vector in VALID} == {0, 3}
    assert {vector.kind for vector in VALID} == {vector.kind for vector in INVALID} == set(KINDS)


def test_every_file_is_one_vector_of_its_own_name_and_its_own_claim():
    assert len(ALL) == len(list(VECTORS.rglob("*.json")))
    names = [path.stem for path in (*sorted(VECTORS.glob("valid/*.json")), *sorted(VECTORS.glob("invalid/*.json")))]
    assert names == [vector.name for vector in ALL]
    assert len(set(names)) == len(names)
    claims = Counter((vector.kind, vector.claim) for vector in ALL)
    assert [claim for claim, count in claims.items() if count > 1] == []


def test_every_folder_is_listed_once_where_the_vectors_are_made_and_says_the_same():
    valid = {name: claim for table in vectors.TABLES for name, (claim, _) in table.BASES.items()}
    assert valid == {vector.name: vector.claim for vector in VALID if vector.kind in FOLDERS}
    rows = [row for table in vectors.TABLES for row in table.INVALID]
    committed = {(v.name, v.base, v.claim, v.expect["exit"]) for v in INVALID if v.kind in FOLDERS}
    assert len(rows) == len(committed)
    assert {(row.name, row.base, row.claim, int(row.exit)) for row in rows} == committed


def test_no_two_vectors_are_the_same():
    contents = Counter(vector.content for vector in INVALID)
    assert max(contents.values()) == 1
    assert not {vector.content for vector in VALID} & set(contents)


def test_every_invalid_folder_is_a_change_of_a_valid_one():
    valid = {vector.name: vector for vector in VALID}
    for vector in INVALID:
        if vector.kind in FOLDERS:
            assert valid[vector.base].kind == vector.kind
            assert valid[vector.base].expect["defects"] == []


def test_an_exit_is_the_lowest_code_among_the_defects():
    for vector in ALL:
        if codes := [Exit[defect["name"]] for defect in vector.expect["defects"]]:
            assert vector.expect["exit"] == min(codes), vector.name
        assert vector.expect["name"] == Exit(vector.expect["exit"]).name


def test_no_vector_tells_of_the_machine_that_made_it_or_holds_a_secret():
    assert PRIVATE.search('{"host":"vm"}')
    assert ABSOLUTE.findall('{"commandLine":["/srv/somebody/bin/evidence-kit"]}') == [
        "/srv/somebody/bin/evidence-kit"
    ]
    for vector in ALL:
        said = "\n".join(str(content.get("text", "")) for content in vector.files.values())
        payloads = [base64.b64decode(f"{found}==") for found in PAYLOAD.findall(said)]
        inside = b"\n".join(payloads).decode("utf-8", "replace")
        whole = f"{said}\n{inside}\n{vector.trust}"
        assert not PRIVATE.findall(whole), vector.name
        assert set(ABSOLUTE.findall(whole)) <= EVERYWHERE, vector.name


def test_a_vector_is_written_as_it_was_read():
    for path in VECTORS.rglob("*.json"):
        assert load(path).to_json() == path.read_text()


def test_all_of_them_stay_small():
    assert sum(path.stat().st_size for path in VECTORS.rglob("*.json")) < 3_500_000


@pytest.mark.parametrize(
    "data", [b"", b"text\r\n", b"\xff\xfe", b"a\0b", bytes(5000), "\ufeffgr\u00fc\u00dfe".encode()]
)
def test_what_a_file_holds_survives_the_vector(data):
    assert bytes_of(json.loads(json.dumps(told(data)))) == data


def test_a_wrong_verdict_would_be_noticed(tmp_path):
    valid = {vector.name: vector for vector in VALID}
    sound, broken = valid["plain"], next(vector for vector in INVALID if vector.name == "flipped-artifact")
    assert judge(sound, tmp_path / "sound") != broken.expect
    assert judge(broken, tmp_path / "broken") != sound.expect
