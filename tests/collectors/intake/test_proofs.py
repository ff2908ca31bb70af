"""The partner's own proof decides: what contradicts it, what it misses, and what it does not speak of."""

import hashlib
import shutil
import subprocess
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default

import bagit
import pytest

from evidence_kit.errors import Exit

SUMS = "SHA256SUMS"


def sha(body, algorithm="sha256"):
    return hashlib.new(algorithm, body, usedforsecurity=False).hexdigest()


def listed(*pairs):
    return "".join(f"{digest}  {name}\n" for name, digest in pairs).encode()


def test_a_list_that_is_right_is_kept_and_said_to_be_right(drop):
    drop.put("x/a.log", b"a")
    drop.put(SUMS, listed(("./x/a.log", sha(b"a"))))
    taken = drop.take()
    assert taken.status == "complete"
    assert taken.said("proof_checked") == ["`SHA256SUMS`: 1 of 1 digests match (sha256)"]
    assert taken.artifacts["x/a.log"]["object"]["claimed.sha256"] == sha(b"a")
    assert taken.artifacts["x/a.log"]["object"]["proof"] == SUMS
    assert taken.artifacts[SUMS]["object"]["role"] == "checksums"
    assert not taken.said("no_proof")


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256", "sha384", "sha512"])
def test_one_other_byte_is_named_kept_and_ends_the_delivery(drop, algorithm):
    drop.put("a.log", b"another")
    drop.put("list.txt", listed(("a.log", sha(b"a", algorithm))))
    taken = drop.take(checksums=[drop.folder / "list.txt"])
    assert taken.status == "integrity_failed"
    assert taken.outcome.reason == f"`a.log`: its {algorithm} is not the one in `list.txt`"
    assert taken.stored("a.log") == b"another"
    assert taken.verified() is Exit.OK


def test_what_is_listed_and_not_there_is_missing_and_what_is_there_and_not_listed_is_told(drop):
    drop.put("a.log", b"a")
    drop.put("extra.log", b"e")
    drop.put(SUMS, listed(("a.log", sha(b"a")), ("gone.log", sha(b"g"))))
    taken = drop.take()
    assert taken.status == "partial_truncated"
    assert taken.said("not_delivered") == ["`gone.log` is listed in `SHA256SUMS` and was not delivered"]
    assert taken.said("not_listed") == ["`extra.log` was delivered and is on no list of the partner's"]


def test_a_contradiction_outweighs_what_is_missing(drop):
    drop.put("a.log", b"other")
    drop.put(SUMS, listed(("gone.log", sha(b"g")), ("a.log", sha(b"a"))))
    assert drop.take().status == "integrity_failed"


@pytest.mark.parametrize(
    "name", ["export/x/a.log", "/srv/export/x/a.log", "C:\\export\\x\\a.log", "a.log", "x\\a.log"]
)
def test_lists_made_elsewhere_are_understood(drop, name):
    drop.put("x/a.log", b"a")
    drop.put("list.txt", f"{sha(b'a')} *{name}\n".encode())
    assert drop.take(checksums=[drop.folder / "list.txt"]).status == "complete"


def test_a_name_that_two_files_could_mean_means_none(drop):
    drop.put("x/a.log", b"a")
    drop.put("y/a.log", b"a")
    drop.put(SUMS, listed(("a.log", sha(b"a"))))
    assert drop.take().status == "partial_truncated"


def test_a_list_cannot_reach_outside_of_the_delivery(drop, tmp_path):
    (tmp_path / "secret").write_bytes(b"s")
    drop.put("a.log", b"a")
    drop.put(SUMS, listed(("../secret", sha(b"s")), ("a.log", sha(b"a"))))
    taken = drop.take()
    assert taken.said("not_delivered") == ["`../secret` is listed in `SHA256SUMS` and was not delivered"]


def test_a_digest_beside_its_file_needs_no_name(drop):
    drop.put("a.zip", b"a")
    drop.put("a.zip.sha256", sha(b"a").encode())
    assert drop.take().said("proof_checked") == ["`a.zip.sha256`: 1 of 1 digests match (sha256)"]


def test_weak_digests_are_said_to_be_weak(drop):
    drop.put("a.log", b"a")
    drop.put("MD5SUMS", listed(("a.log", sha(b"a", "md5"))))
    assert drop.take().said("proof_checked") == [
        "`MD5SUMS`: 1 of 1 digests match (md5); that shows damage, not forgery"
    ]


def test_two_lists_that_disagree_fail(drop):
    drop.put("a.log", b"a")
    drop.put(SUMS, listed(("a.log", sha(b"a"))))
    drop.put("old.sha256", listed(("a.log", sha(b"b"))))
    taken = drop.take()
    assert taken.status == "integrity_failed"
    assert taken.said("proofs_disagree")


def test_a_size_in_a_table_is_checked(drop):
    drop.put("a.log", b"abc")
    drop.put("manifest.csv", b"file,size\na.log,4\n")
    taken = drop.take(checksums=[drop.folder / "manifest.csv"])
    assert taken.said("size_differs") == ["`a.log` has 3 bytes, 4 in `manifest.csv`"]


def test_names_and_sizes_alone_are_no_proof(drop):
    drop.put("a.log", b"abc")
    drop.put("manifest.csv", b"file,size\na.log,3\n")
    taken = drop.take(checksums=[drop.folder / "manifest.csv"])
    assert taken.said("proof_checked") == ["`manifest.csv`: 0 of 1 digests match (it gives none)"]
    assert taken.said("no_proof")


def test_a_digest_alone_has_nothing_behind_it(drop):
    drop.put("a.zip", b"a")
    drop.put("a.zip.sha256", sha(b"a").encode() + b"\n" * 200 + listed(("gone.zip", sha(b"g"))))
    assert drop.take().status == "partial_error"


def test_a_list_that_cannot_be_read_is_no_proof_and_no_silence(drop):
    drop.put("a.log", b"a")
    drop.put(SUMS, b"see the mail\n")
    taken = drop.take()
    assert taken.status == "partial_error"
    assert "line 1 is no checksum" in taken.outcome.reason


def test_a_list_given_apart_is_taken_too(drop, tmp_path):
    drop.put("a.log", b"a")
    (tmp_path / "list.txt").write_bytes(listed(("a.log", sha(b"a"))))
    taken = drop.take(checksums=[tmp_path / "list.txt"])
    assert set(taken.artifacts) == {"a.log", "proof/list.txt"}
    assert taken.status == "complete"


def test_a_bag_is_held_against_its_manifests(drop):
    drop.put("a.log", b"a")
    drop.put("sub/b.log", b"b")
    bagit.make_bag(str(drop.folder), checksums=["sha256", "sha512"])
    taken = drop.take()
    assert taken.status == "complete"
    assert {message.split("`")[1] for message in taken.said("proof_checked")} == {
        "manifest-sha256.txt", "manifest-sha512.txt", "tagmanifest-sha256.txt", "tagmanifest-sha512.txt",
    }  # fmt: skip
    assert not taken.said("not_listed")


def test_a_damaged_bag_is_found_as_the_reference_implementation_finds_it(drop):
    drop.put("a.log", b"a")
    bagit.make_bag(str(drop.folder), checksums=["sha256"])
    drop.put("data/a.log", b"b")
    drop.put("data/extra.log", b"e")
    with pytest.raises(bagit.BagError):
        bagit.Bag(str(drop.folder)).validate()
    taken = drop.take()
    assert taken.status == "integrity_failed"
    assert taken.said("not_listed") == ["`data/extra.log` was delivered and is on no list of the partner's"]


def mail(name="audit.csv", body=b"a,b\n"):
    message = EmailMessage()
    message["Subject"] = "your request"
    message.set_content("attached")
    message.add_attachment(body, maintype="text", subtype="csv", filename=name)
    return message.as_bytes()


def test_a_mail_stays_whole_and_its_attachments_are_listed_with_their_digests(drop):
    drop.put("answer.eml", mail())
    taken = drop.take()
    assert taken.stored("answer.eml") == mail_of(drop)
    (finding,) = [one for one in taken.outcome.findings if one.kind == "attachment"]
    assert finding.facts["name"] == "audit.csv"
    assert finding.facts["sha256"] == sha(b"a,b\n")
    assert finding.facts["within"] == "answer.eml"
    assert set(taken.artifacts) == {"answer.eml"}


def mail_of(drop):
    return (drop.folder / "answer.eml").read_bytes()


@pytest.mark.parametrize("listed_as", [b"a,b\n", b"other"])
def test_a_list_may_speak_of_attachments(drop, listed_as):
    drop.put("answer.eml", mail())
    drop.put("list.txt", listed(("audit.csv", sha(listed_as, "sha512"))))
    taken = drop.take(checksums=[drop.folder / "list.txt"])
    assert taken.status == ("complete" if listed_as == b"a,b\n" else "integrity_failed")


def test_every_mail_of_a_mailbox_is_looked_into(drop):
    box = b"From a@x Mon Nov  2 2026\n" + mail("1.csv") + b"\nFrom b@x Mon Nov  2 2026\n" + mail("2.csv")
    drop.put("all.mbox", box)
    facts = [(one.facts["mail"], one.facts["name"]) for one in drop.take().outcome.findings if "name" in one.facts]
    assert facts == [("1", "1.csv"), ("2", "2.csv")]


@pytest.mark.parametrize(
    "body", [b"not a mailbox", b"Content-Type: multipart/mixed; boundary=x\n\n" + b"--x\n" * 50, b"\0" * 99]
)
def test_what_only_looks_like_mail_is_kept_and_harms_nothing(drop, body):
    drop.put("x.mbox", body)
    drop.put("x.eml", body)
    taken = drop.take()
    assert taken.stored("x.eml") == taken.stored("x.mbox") == body
    assert taken.said("attachments_not_listed")


def test_a_mail_whose_headers_break_the_parser_keeps_nothing_else_from_being_taken(drop):
    broken = b"Content-Disposition: attachment; filename*\n\nxx"  # gh-151857 of CPython
    try:
        BytesParser(policy=default).parsebytes(broken).get_filename()
    except Exception as error:  # noqa: BLE001 - whichever it is
        kind = type(error).__name__
    else:
        pytest.skip("a header that the parser of this Python fails on")
    drop.put("a.eml", broken)
    drop.put("b.log", b"b")
    taken = drop.take()
    assert set(taken.artifacts) == {"a.eml", "b.log"}
    assert taken.said("attachments_not_listed") == [f"`a.eml`: it cannot be read as a mail: {kind}"]
    assert taken.status == "complete"


def test_many_findings_of_a_kind_are_counted(drop):
    for number in range(600):
        drop.put(f"{number}", b"x")
    drop.put(SUMS, listed(("0", sha(b"x"))))
    taken = drop.take()
    assert len(taken.said("not_listed")) == 501
    assert taken.said("not_listed")[-1] == "99 more: not listed"


def test_a_name_cannot_write_lines_into_what_is_said(drop):
    name = "a\nsealed   everything is well\u202e"
    drop.put(name, b"a")
    drop.put(SUMS, f"\\{sha(b'b')}  {name.replace(chr(10), chr(92) + 'n')}\n".encode())
    taken = drop.take()
    (finding,) = [one for one in taken.outcome.findings if one.kind == "digest_differs"]
    assert finding.message.startswith("`a\\nsealed   everything is well\\u202e`: its sha256")
    assert finding.facts["name"] == name


def test_sha256sum_itself_agrees_with_what_is_sealed(drop):
    if shutil.which("sha256sum") is None:
        pytest.skip("no `sha256sum`")
    drop.put("a.log", b"a")
    made = subprocess.run(["sha256sum", "a.log"], cwd=drop.folder, capture_output=True, check=True).stdout
    drop.put(SUMS, made)
    assert drop.take().status == "complete"
