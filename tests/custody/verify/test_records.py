import pytest
from support import forging
from support.casemaker import make_case
from support.tampering import Snapshot, overwrite

from evidence_kit.custody import bag, dsse, statement
from evidence_kit.custody.keys import PublicKey
from evidence_kit.custody.verify import records
from evidence_kit.custody.verify.tally import Tallies
from evidence_kit.errors import Exit
from evidence_kit.signers.file import KeySigner, generate
from evidence_kit.vaults.local import LocalVault


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_case(tmp_path_factory.mktemp("unsealed") / "case", pages=1, names=("a",), sealed=False)


@pytest.fixture
def unsealed(made):
    with Snapshot(made.root):
        yield made


def refused(case, change, message):
    """Require that a ledger changed so, chained anew, is a broken chain."""
    forging.change_ledger(case, change)
    report = case.verify()
    assert report.exit() is Exit.CHAIN
    assert any(message in defect.message for defect in report.defects), report.defects


def kinds(entries):
    return [entry["type"] for entry in entries]


def test_the_ledger_of_the_tests_holds_what_they_change(unsealed):
    seen = []
    forging.change_ledger(unsealed, lambda entries: seen.extend(kinds(entries)))
    assert seen == ["opened", "planned", "plan.closed", "exchange", "exchange", "unit", "closed"]


def test_nothing_may_follow_the_end_of_a_ledger(unsealed):
    refused(unsealed, lambda entries: entries.append(entries[1]), "something follows the end")


def test_a_unit_that_was_not_planned_cannot_end(unsealed):
    refused(unsealed, lambda entries: entries[5].update(unit="x\x1b"), "unit 'x\\x1b' ends without being open")


def test_a_unit_is_planned_once(unsealed):
    refused(unsealed, lambda entries: entries.insert(1, entries[1]), "was planned twice")


def test_nothing_is_planned_after_the_plan_was_closed(unsealed):
    def change(entries):
        entries.insert(3, {**entries[1], "unit": "late"})

    refused(unsealed, change, "after the plan was closed")


def test_the_plan_says_how_many_units_it_has(unsealed):
    refused(unsealed, lambda entries: entries[2].update(units=2), "the plan names 2 units, 1 were planned")


def test_an_entry_of_an_unknown_kind_is_refused(unsealed):
    refused(unsealed, lambda entries: entries[4].update(type="x\x1b"), "unknown kind: 'x\\x1b'")


def test_a_unit_ends_once(unsealed):
    refused(unsealed, lambda entries: entries.insert(5, entries[5]), "ends without being open")


def test_a_unit_ends_in_a_status_that_exists(unsealed):
    refused(unsealed, lambda entries: entries[5].update(status="fine"), "a status that does not exist: 'fine'")


@pytest.mark.parametrize(
    "artifact", [{"path": "../x", "sha256": "0"}, {"path": "a\nb", "sha256": "0"}, {"path": "\ud800", "sha256": "0"}]
)
def test_an_artifact_has_a_name_that_a_bag_may_hold(unsealed, artifact):
    refused(unsealed, lambda entries: entries[3].update(artifact=artifact), "not a name that a bag may hold")


@pytest.mark.parametrize("artifact", [7, "data/x", {"path": "data/x"}, {"path": 1, "sha256": "0"}])
def test_an_artifact_has_path_and_digest(unsealed, artifact):
    refused(unsealed, lambda entries: entries[3].update(artifact=artifact), "field")


def test_a_planned_unit_with_a_reversed_window_is_refused_where_proofs_need_it(unsealed):
    def change(entries):
        window = {"start": "2026-11-19T00:00:00Z", "end": "2026-11-18T00:00:00Z"}
        entries[1].update(unit="aws.cloudtrail.s3|x", window=window)

    refused(unsealed, change, "before it starts")


def test_an_unsealed_bag_whose_unit_never_ended_misses_it(unsealed):
    forging.change_ledger(unsealed, lambda entries: entries.__delitem__(slice(5, 7)))
    report = unsealed.verify()
    assert (report.missing_units, report.exit()) == (1, Exit.INCOMPLETE)


def test_a_resumed_ledger_goes_on(unsealed):
    forging.change_ledger(unsealed, lambda entries: entries.insert(5, {"type": "resumed", "at": "now"}))
    assert unsealed.verify().exit() is Exit.INCOMPLETE


# -- attestations --------------------------------------------------------------------------------------------

SIGNER = KeySigner(generate("p256"))
KEYS = {SIGNER.keyid: PublicKey.from_pem(SIGNER.public_key_pem)}


def check(tmp_path, *lines, wanted=(), may_lead=False):
    (tmp_path / "bag/record").mkdir(parents=True, exist_ok=True)
    overwrite(touched(tmp_path / "bag" / bag.ATTESTATIONS), b"".join(line + b"\n" for line in lines))
    tallies = Tallies()
    tree = records.check_attestations(
        LocalVault(tmp_path), "bag", KEYS, tallies, wanted=iter(wanted), may_lead=may_lead
    )
    return tree, tallies["attestations"].defects


def touched(path):
    path.touch()
    return path


def attestation(*names, kind=statement.ARTIFACT, signer=SIGNER):
    subjects = [statement.Subject(name, "0" * 64) for name in names]
    return dsse.sign_line(statement.build(kind, subjects, {}), signer)


def line(name):
    return f"{name}  {'0' * 64}\n".encode()


def test_attestations_that_agree_pass(tmp_path):
    tree, defects = check(tmp_path, attestation("b"), attestation("a"), wanted=[line("a"), line("b")])
    assert (tree.size, defects) == (2, [])


def test_an_artifact_without_attestation_is_told(tmp_path):
    _, defects = check(tmp_path, attestation("a"), wanted=[line("a"), line("b")], may_lead=True)
    assert [(defect.verdict, defect.subject) for defect in defects] == [(Exit.CHAIN, "bag/b")]


@pytest.mark.parametrize(("may_lead", "count"), [(False, 1), (True, 0)])
def test_an_attestation_without_artifact_is_what_a_crash_may_leave(tmp_path, may_lead, count):
    _, defects = check(tmp_path, attestation("a"), attestation("b"), wanted=[line("b")], may_lead=may_lead)
    assert len(defects) == count


def test_an_attestation_that_stands_twice_is_told(tmp_path):
    _, defects = check(tmp_path, attestation("a"), attestation("a"), wanted=[line("a")])
    assert [defect.subject for defect in defects] == ["bag/a"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (attestation("a", signer=KeySigner(generate("p256"))), "not this acquisition's"),
        (attestation("a", kind=statement.SEAL), "expected a statement of type"),
        (attestation("a", "b"), "about one artifact"),
        (attestation("../a"), "not a name that a bag may hold"),
        (attestation("\ud800"), "not a name that a bag may hold"),
        (b"{}", "payloadType"),
        (b"\0" * 100, "not strict JSON"),
    ],
)
def test_an_attestation_that_does_not_hold_is_told_by_its_line(tmp_path, text, said):
    _, (defect,) = check(tmp_path, attestation("b"), text, wanted=[line("b")])
    assert (defect.verdict, defect.subject) == (Exit.SIGNATURE, f"bag/{bag.ATTESTATIONS}:2")
    assert said in defect.message


def test_a_line_beyond_the_limit_is_told(tmp_path):
    _, defects = check(tmp_path, b"x" * (2 << 20), wanted=[])
    assert "longer than" in defects[0].message
