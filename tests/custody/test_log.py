import hashlib
from datetime import timedelta

import pytest
from support import forging
from support.casemaker import CASE, NOW, ORIGIN, Case, make_case
from support.tampering import Snapshot, overwrite, swap_lines

from evidence_kit.custody import checkpoint, ledger, log, statement
from evidence_kit.custody.merkle import Frontier
from evidence_kit.errors import ChainError, Exit, MissingError, SignatureError, UsageError
from evidence_kit.signers.file import KeySigner, generate
from evidence_kit.vaults.local import LocalVault


@pytest.fixture(scope="module")
def noted(tmp_path_factory):
    """A case of two notes and no acquisition: three events."""
    case = make_case(tmp_path_factory.mktemp("noted") / "case", acquisitions=0)
    case.note("one")
    case.note("two")
    return case


@pytest.fixture
def kept(noted):
    with Snapshot(noted.root):
        yield noted


def defects(case):
    """Return what a scan reports, as (line, error)."""
    found = []
    with (case.root / log.LOG).open("rb") as stream:
        log.scan(stream, report=lambda error, where: found.append((where.rpartition(":")[2], error)))
    return found


def lines(case):
    return (case.root / log.LOG).read_bytes().splitlines(keepends=True)


def broken(case, message):
    found = defects(case)
    assert any(message in error.message for _, error in found), found
    assert all(error.exit in {Exit.CHAIN, Exit.SIGNATURE} for _, error in found)
    with pytest.raises(ChainError, match=r"custody/log\.jsonl:"):
        case.keeper.state()


# -- what a good log tells ---------------------------------------------------------------------------------


def test_a_good_log_has_no_defect(kept):
    assert defects(kept) == []


def test_the_state_tells_case_origin_key_and_size(kept):
    state = kept.keeper.state()
    assert (state.case, state.origin, state.tree.size) == (CASE, ORIGIN, 3)
    assert state.log_key.keyid == kept.log_signer.keyid
    assert state.case_sha256 == hashlib.sha256((kept.root / log.CASE).read_bytes()).hexdigest()
    assert state.whole == (kept.root / log.LOG).stat().st_size


def test_an_appended_event_renews_the_checkpoint(kept):
    kept.note("three")
    state = kept.keeper.state()
    log.require_checkpoint((kept.root / log.CHECKPOINT).read_bytes(), state)
    assert state.tree.size == 4


def test_an_event_needs_one_of_its_roles():
    roles = {kind: log.ROLES[kind] for kind in (log.STARTED, log.NOTE)}
    assert roles == {log.STARTED: ("collector",), log.NOTE: ("collector", "custodian", "approver")}


def test_an_event_that_names_another_actor_than_its_signer_is_refused(kept):
    forging.change_log(kept, lambda said: said[1]["predicate"]["actor"].update(keyid="0" * 64))
    broken(kept, "names an actor whose key did not sign it")


def test_an_event_of_an_unknown_kind_needs_a_custodian(kept):
    forging.change_log(kept, lambda said: said[2]["predicate"].update(type="lent"))
    seen = []
    with (kept.root / log.LOG).open("rb") as stream:
        log.scan(stream, report=lambda *_: None, seen=seen.append)
    assert seen[2].roles == ("custodian",)


def test_a_clock_set_back_does_not_make_the_log_contradict_itself(kept):
    subject = statement.Subject("note", "0" * 64)
    kept.keeper.append(log.NOTE, at=NOW - timedelta(days=9), subjects=[subject], fields={})
    assert forging.events(kept)[3]["predicate"]["at"] == "2026-11-21T21:30:00Z"
    assert kept.keeper.state().tree.size == 4


def test_the_log_needs_a_key_of_its_own(tmp_path):
    signer = KeySigner(generate("ed25519"))
    case = Case(tmp_path / "case", signer=signer, log_signer=signer)
    with pytest.raises(SignatureError, match="key of its own"):
        case.open()


def test_an_event_that_no_reader_would_accept_is_not_written(kept):
    before = (kept.root / log.LOG).read_bytes()
    with pytest.raises(UsageError, match="is larger than"):
        kept.note("x" * (1 << 20))
    subject = statement.Subject("note", "0" * 64)
    with pytest.raises(UsageError, match="is not open"):
        kept.keeper.append(log.SEALED, at=NOW, subjects=[subject], fields={"acquisition": {"id": "nobody"}})
    assert (kept.root / log.LOG).read_bytes() == before


# -- lines out of place ------------------------------------------------------------------------------------


@pytest.mark.parametrize("pair", [(0, 1), (0, 2), (1, 2)])
def test_reordered_events_are_caught(kept, pair):
    swap_lines(kept.root / log.LOG, *pair)
    broken(kept, "stands at place")


@pytest.mark.parametrize("number", range(2))
def test_a_removed_event_is_caught(kept, number):
    kept_lines = lines(kept)
    del kept_lines[number]
    overwrite(kept.root / log.LOG, b"".join(kept_lines))
    broken(kept, "stands at place")


def test_a_doubled_event_is_caught(kept):
    overwrite(kept.root / log.LOG, b"".join([*lines(kept), lines(kept)[-1]]))
    broken(kept, "event 2 stands at place 3")


def test_events_signed_over_other_lines_are_caught(kept):
    said = forging.events(kept)
    said[2]["predicate"]["log"]["root"] = "0" * 64
    forging.write_log(kept, said, renumber=False)
    broken(kept, "event 2 was signed over other lines")


def test_an_event_spliced_in_from_another_case_is_caught(kept, tmp_path):
    other = make_case(tmp_path / "other", acquisitions=0)
    other.note("one")
    other.note("two")
    spliced = [*lines(kept)[:2], lines(other)[2]]
    overwrite(kept.root / log.LOG, b"".join(spliced))
    broken(kept, "signed over other lines")


def test_an_event_that_names_another_case_is_caught(kept):
    forging.change_log(kept, lambda said: said[1]["predicate"].update(case="IR-OTHER"))
    broken(kept, "event 1 belongs to another case")


def test_an_event_dated_backwards_is_caught(kept):
    forging.change_log(kept, lambda said: said[2]["predicate"].update(at="2026-11-21T21:29:59Z"))
    broken(kept, "event 2 is dated before")


@pytest.mark.parametrize("at", ["yesterday", "0001-01-01T00:00:00+23:59", "2026-11-21", "\x1b[2J", "9" * 500])
def test_an_event_without_a_readable_date_is_caught(kept, at):
    forging.change_log(kept, lambda said: said[2]["predicate"].update(at=at))
    broken(kept, "which is not a time")
    assert all(len(error.message) < 200 and error.message.isprintable() for _, error in defects(kept))


def test_a_second_opening_is_caught(kept):
    forging.change_log(kept, lambda said: said[2]["predicate"].update(type=log.OPENED))
    broken(kept, "a log opens with `case.opened`, once")


def test_a_log_that_does_not_open_is_caught(kept):
    forging.change_log(kept, lambda said: said[0]["predicate"].update(type="\x1b[31mnote"))
    broken(kept, "event 0 is '\\x1b[31mnote'")


@pytest.mark.parametrize("key", ["", "no key", "\ud800"])
def test_an_opening_without_a_readable_log_key_is_caught(kept, key):
    forging.change_log(kept, lambda said: said[0]["predicate"]["logKey"].update(publicKey=key), log_signer=None)
    broken(kept, "not a PEM public key")
    assert Exit.CHAIN in {defect.verdict for defect in kept.verify().defects}


@pytest.mark.parametrize(
    ("line", "message"),
    [(b"x", "not strict JSON"), (b"{}", "payloadType"), (b'{"a": 1}', "compact form")],
)
def test_a_line_that_is_no_envelope_is_caught(kept, line, message):
    overwrite(kept.root / log.LOG, b"".join([*lines(kept), line + b"\n"]))
    broken(kept, message)


def test_a_line_beyond_the_limit_ends_the_reading(kept):
    overwrite(kept.root / log.LOG, b"x" * (2 << 20))
    with pytest.raises(ChainError, match="longer than"):
        kept.keeper.state()


# -- acquisitions ------------------------------------------------------------------------------------------


def acquisition(case, *kinds, key="own"):
    """Let the log tell of one acquisition in the given events; return the defects."""
    signer = KeySigner(generate("p256"))
    said = forging.events(case)[:1]
    for kind in kinds:
        predicate = {
            **said[0]["predicate"],
            "type": kind,
            "acquisition": {"id": "one", "publicKey": signer.public_key_pem.decode() if key == "own" else key},
        }
        subject = {"name": "bags/one/seal/seal.sigstore.json", "digest": {"sha256": "0" * 64}}
        said.append({**said[0], "subject": [subject], "predicate": predicate})
    forging.write_log(case, said)
    return [error.message for _, error in defects(case)]


@pytest.mark.parametrize(
    "kinds",
    [
        (log.STARTED,),
        (log.STARTED, log.SEALED),
        (log.STARTED, log.RESUMED, log.RESUMED, log.SEALED),
    ],
)
def test_an_acquisition_may_go_this_way(kept, kinds):
    assert acquisition(kept, *kinds) == []


@pytest.mark.parametrize(
    ("kinds", "message"),
    [
        ((log.SEALED,), "is not open"),
        ((log.RESUMED,), "is not open"),
        ((log.STARTED, log.STARTED), "a second time"),
        ((log.STARTED, log.SEALED, log.SEALED), "is not open"),
        ((log.STARTED, log.SEALED, log.RESUMED), "is not open"),
    ],
)
def test_an_acquisition_may_not_go_that_way(kept, kinds, message):
    (said,) = acquisition(kept, *kinds)
    assert message in said


def test_a_resumed_acquisition_has_two_keys(kept):
    acquisition(kept, log.STARTED)
    first = set(kept.keeper.state().acquisitions["one"].keys)
    acquisition(kept, log.STARTED, log.RESUMED)
    assert len(first) == 1
    assert len(kept.keeper.state().acquisitions["one"].keys) == 1  # the same key, endorsed twice


def test_an_acquisition_without_a_readable_key_is_caught(kept):
    assert "not a PEM public key" in acquisition(kept, log.STARTED, key="\ud800")[0]


# -- the checkpoint ----------------------------------------------------------------------------------------


def test_a_log_without_a_key_has_no_checkpoint():
    with pytest.raises(ChainError, match="names no key"):
        log.require_checkpoint(b"", log.State())


def test_a_checkpoint_of_another_size_is_caught(kept):
    tree = Frontier()
    for line in lines(kept)[:2]:
        tree.add(line[:-1])
    forging.write_checkpoint(kept, tree, kept.log_signer)
    with pytest.raises(ChainError, match="covers 2 events, the log has 3"):
        log.require_checkpoint((kept.root / log.CHECKPOINT).read_bytes(), kept.keeper.state())


def test_a_checkpoint_of_the_same_size_over_other_lines_is_caught(kept):
    tree = Frontier()
    for number in range(3):
        tree.add(b"%d" % number)
    forging.write_checkpoint(kept, tree, kept.log_signer)
    with pytest.raises(ChainError, match="over other lines"):
        log.require_checkpoint((kept.root / log.CHECKPOINT).read_bytes(), kept.keeper.state())


def roll_back(case, count=1):
    overwrite(case.root / log.LOG, b"".join(lines(case)[:-count]))


def append(case):
    case.keeper.append(log.NOTE, at=NOW, subjects=[statement.Subject("note", "0" * 64)], fields={})


def test_nothing_is_appended_to_a_log_that_was_cut_short(kept):
    roll_back(kept)
    with pytest.raises(ChainError, match="covers 3 events, the log has 2"):
        append(kept)


def test_nothing_is_appended_under_a_checkpoint_that_nobody_signed(kept):
    note = (kept.root / log.CHECKPOINT).read_bytes()
    roll_back(kept)
    overwrite(kept.root / log.CHECKPOINT, note.replace(b"\n3\n", b"\n1\n"))
    with pytest.raises(SignatureError, match="does not verify"):
        append(kept)


def test_nothing_is_appended_to_a_log_without_its_checkpoint(kept):
    (kept.root / log.CHECKPOINT).unlink()
    with pytest.raises(MissingError):
        append(kept)


# -- repair ------------------------------------------------------------------------------------------------


def repair(case):
    return case.keeper.repair(at=NOW)


def test_a_sound_log_needs_no_repair(kept):
    before = (kept.root / log.CHECKPOINT).read_bytes()
    assert repair(kept) is False
    assert (kept.root / log.CHECKPOINT).read_bytes() == before


def test_a_torn_line_is_reported(kept):
    with (kept.root / log.LOG).open("ab") as file:
        file.write(b'{"payload":"')
    ((where, error),) = defects(kept)
    assert where == "4"
    assert error.message == "the last line is torn after 12 bytes: writing was interrupted"


def test_zeros_that_a_power_cut_left_are_repaired_like_a_torn_line(kept):
    with (kept.root / log.LOG).open("ab") as file:
        file.write(bytes(4) + b"}\n")
    assert repair(kept) is True
    assert forging.events(kept)[-1]["predicate"]["torn"] == {"bytes": 6, "base64": "AAAAAH0K"}
    assert repair(kept) is False


def test_zeros_over_what_a_checkpoint_covers_are_no_torn_line(kept):
    path = kept.root / log.LOG
    lines = path.read_bytes().splitlines(keepends=True)
    overwrite(path, lines[0] + bytes(len(lines[1]) - 1) + b"\n" + b"".join(lines[2:]))
    before = path.read_bytes()
    with pytest.raises(ChainError):
        repair(kept)
    assert path.read_bytes() == before


def test_a_torn_line_is_repaired_by_keeping_it_as_an_event(kept):
    with (kept.root / log.LOG).open("ab") as file:
        file.write(b"torn")
    assert repair(kept) is True
    event = forging.events(kept)[-1]
    assert event["predicate"]["type"] == log.REPAIRED
    assert event["predicate"]["torn"] == {"bytes": 4, "base64": "dG9ybg=="}
    assert event["subject"][0]["digest"]["sha256"] == hashlib.sha256(b"torn").hexdigest()
    assert repair(kept) is False


def test_a_checkpoint_one_event_behind_is_renewed(kept):
    behind = (kept.root / log.CHECKPOINT).read_bytes()
    append(kept)
    overwrite(kept.root / log.CHECKPOINT, behind)
    assert repair(kept) is True
    log.require_checkpoint((kept.root / log.CHECKPOINT).read_bytes(), kept.keeper.state())


def test_appending_to_a_log_whose_checkpoint_is_one_behind_goes_on(kept):
    behind = (kept.root / log.CHECKPOINT).read_bytes()
    append(kept)
    overwrite(kept.root / log.CHECKPOINT, behind)
    append(kept)
    assert repair(kept) is False


def test_a_crash_between_the_first_event_and_its_checkpoint_is_repaired(kept):
    overwrite(kept.root / log.LOG, lines(kept)[0])
    (kept.root / log.CHECKPOINT).unlink()
    assert repair(kept) is True
    log.require_checkpoint((kept.root / log.CHECKPOINT).read_bytes(), kept.keeper.state())


def test_a_checkpoint_two_events_behind_is_not_repaired(kept):
    behind = (kept.root / log.CHECKPOINT).read_bytes()
    append(kept)
    append(kept)
    overwrite(kept.root / log.CHECKPOINT, behind)
    with pytest.raises(ChainError, match="covers 3 events, the log has 5"):
        repair(kept)


def test_a_log_that_was_cut_short_is_not_repaired(kept):
    roll_back(kept)
    with pytest.raises(ChainError, match="covers 3 events, the log has 2"):
        repair(kept)


def test_a_log_cut_short_under_a_torn_line_is_not_repaired(kept):
    roll_back(kept)
    with (kept.root / log.LOG).open("ab") as file:
        file.write(b"torn")
    with pytest.raises(ChainError, match="covers 3 events, the log has 2"):
        repair(kept)


def test_a_checkpoint_behind_that_covers_other_lines_is_not_renewed(kept):
    tree = Frontier()
    tree.add(b"other")
    tree.add(b"lines")
    forging.write_checkpoint(kept, tree, kept.log_signer)
    with pytest.raises(ChainError, match="over other lines"):
        repair(kept)


def test_a_broken_log_is_not_repaired(kept):
    swap_lines(kept.root / log.LOG, 1, 2)
    with pytest.raises(ChainError, match="the custody log is broken"):
        repair(kept)


def test_a_torn_first_line_is_not_repaired(kept):
    overwrite(kept.root / log.LOG, lines(kept)[0][:-1])
    with pytest.raises(ChainError, match="names no key"):
        repair(kept)


def test_a_broken_log_with_a_torn_line_is_not_repaired(kept):
    swap_lines(kept.root / log.LOG, 1, 2)
    with (kept.root / log.LOG).open("ab") as file:
        file.write(b"torn")
    with pytest.raises(ChainError, match="the custody log is broken"):
        repair(kept)


def test_a_repaired_log_verifies(small_case):
    with (small_case.root / log.LOG).open("ab") as file:
        file.write(b"torn")
    assert small_case.verify().exit() is Exit.CHAIN
    vault = LocalVault(small_case.root)
    small_case.keeper_of(vault).repair(at=NOW)
    vault.close()
    assert small_case.verify().exit() is Exit.OK


def test_the_checkpoint_is_signed_by_the_logs_own_key(kept):
    note = (kept.root / log.CHECKPOINT).read_bytes()
    assert checkpoint.verify(note, origin=ORIGIN, key=kept.log_signer.public).head.size == 3
    assert ledger.lines([b"a", b"b"]) == b"a\nb\n"
