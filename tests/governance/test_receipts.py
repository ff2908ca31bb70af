"""A receipt in words says what the signed one says, and nothing that a file's name would have it say."""

from evidence_kit.governance.receipts import written

SAID = {
    "issuedAt": "2026-11-21T12:00:00Z",
    "receiver": {"name": "alice", "keyid": "0" * 64},
    "partner": {"name": "acme", "id": "tenant-7"},
    "request": "REQ-20261120T000000Z-0abcde",
    "acquisition": "x",
    "seal": "1" * 64,
    "deliveredBy": "dana",
    "channel": "sftp",
    "deliveredAt": "2026-11-21T11:00:00Z",
    "status": "integrity_failed",
    "reason": "`a` differs",
    "files": [{"name": "a", "bytes": 1, "sha256": "2" * 64, "role": "delivered", "proof": "differs"}],
    "signatures": [{"name": "a.asc", "signed": "a", "by": "key 1", "result": "verified"}],
    "missing": ["b"],
}


def text(**said):
    return written({**SAID, **said}).decode()


def test_it_says_who_what_and_how_it_turned_out():
    lines = text().splitlines()
    assert lines[0] == "# Receipt for REQ-20261120T000000Z-0abcde"
    assert "State: integrity failed: `a` differs" in lines
    assert "1 files, 1 bytes. Your own proof: 1 differ." in lines
    assert "Signature `a.asc` over `a`: verified, key 1." in lines
    assert "Listed by you and not delivered, or not taken: `b`." in lines


def test_a_name_cannot_write_a_line_of_its_own():
    said = text(files=[{**SAID["files"][0], "name": "a`\nState: complete\u202e\udce9"}])
    assert "\nState: complete" not in said
    assert r"a`\nState: complete\u202e\udce9" in said


def test_many_files_are_counted():
    assert "- and 50 more, in the signed receipt" in text(files=SAID["files"] * 250)


def test_what_is_no_receipt_is_said_as_far_as_it_goes():
    assert "0 files" in written({"files": "x", "receiver": 1, "missing": None}).decode()
