"""Hundreds of random changes a run to a sealed case: none verifies, whoever made it, unless nothing was changed."""

import os
import random
import shutil

import pytest
from support.casemaker import Case, PagesFromMemory
from support.tampers import TAMPERS, Material

from evidence_kit.custody import log
from evidence_kit.errors import Exit
from evidence_kit.signers.file import KeySigner, generate

SEED = int(os.environ.get("EVIDENCE_KIT_TEST_SEED", "20261122"))
EACH = 10  # times 22 kinds of tampering
# What a case does not claim: it may be changed, and the case verifies as before.
OUTSIDE = {
    "what is derived": lambda root: _write(root / "derived/x.parquet", b"rebuildable"),
    "an empty folder": lambda root: (root / "bags/empty/deep").mkdir(parents=True),
    "the times of files": lambda root: os.utime(root / log.CASE, (0, 0)),
    "who may read them": lambda root: (root / log.CASE).chmod(0o600),
    "another name for the same bytes": lambda root: os.link(root / log.CASE, root.with_name("elsewhere")),
}


def _write(path, body):
    path.parent.mkdir()
    path.write_bytes(body)


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    """A case of two bags and a note, as it was before the second bag, and another case by the same keys."""
    here = tmp_path_factory.mktemp("material")
    case = Case(here / "case")
    case.open()
    pages = PagesFromMemory(pages=2, names=("two words", "line\nfeed"), regions=("us-east-1", "eu-west-1"))
    case.collect(pages)
    shutil.copytree(case.root, here / "earlier")
    case.collect(PagesFromMemory(pages=3, names=("other",)))
    case.note()
    other = Case(here / "other", case.signer, case.log_signer)
    other.open()
    other.collect(PagesFromMemory(pages=2, names=("two words",)))
    return Material(case, here / "earlier", other, KeySigner(generate("p256")))


def contents(root):
    return {
        str(path.relative_to(root)): path.readlink() if path.is_symlink() else path.read_bytes()
        for path in root.rglob("*")
        if path.is_symlink() or path.is_file()
    }


def copy(material, root):
    shutil.copytree(material.case.root, root)
    case = Case(root, material.case.signer, material.case.log_signer, bags=list(material.case.bags))
    return Material(case, material.earlier, material.other, material.intruder)


def verify(material, last):
    return material.case.verify(each_signature=True, last=last)


@pytest.fixture(scope="module")
def remembered(material):
    """The checkpoint that whoever verifies has seen last: without it, a genuine older state is just that."""
    return (material.case.root / log.CHECKPOINT).read_bytes()


def test_the_untouched_case_verifies(material, remembered):
    report = verify(material, remembered)
    assert report.exit(require_complete=True) is Exit.OK
    assert len(material.case.bags) == 2


@pytest.mark.parametrize("kind", TAMPERS)
def test_no_random_change_verifies(material, remembered, tmp_path, kind):
    draw, before, changed = random.Random(f"{SEED} {kind}"), contents(material.case.root), 0
    tries = 0
    while changed < EACH:
        tries += 1
        assert tries < 5 * EACH, f"{kind} seldom changes anything"
        place = tmp_path / "case"
        have = copy(material, place)
        what = TAMPERS[kind](have, draw)
        why = f"{kind} {what}, number {tries}, EVIDENCE_KIT_TEST_SEED={SEED}"
        report = verify(have, remembered)
        if contents(place) == before:
            assert report.exit(require_complete=True) is Exit.OK, why
        else:
            changed += 1
            assert report.exit() is not Exit.OK, why
            assert report.defects, why
            assert not report.authentic, why
        shutil.rmtree(place)
        (tmp_path / "elsewhere").unlink(missing_ok=True)
    assert changed == EACH


def test_the_tamperings_of_a_run_are_a_hundred_or_more():
    assert EACH * len(TAMPERS) >= 100


@pytest.mark.parametrize("what", OUTSIDE)
def test_what_a_case_does_not_claim_may_change(material, remembered, tmp_path, what):
    have = copy(material, tmp_path / "case")
    OUTSIDE[what](have.case.root)
    assert verify(have, remembered).exit(require_complete=True) is Exit.OK


def test_a_genuine_older_state_verifies_for_who_remembers_nothing(material, remembered, tmp_path):
    have = copy(material, tmp_path / "case")
    shutil.rmtree(have.case.root)
    shutil.copytree(material.earlier, have.case.root)
    report = verify(have, None)
    assert report.exit() is Exit.OK
    assert any("--last-checkpoint" in said for said in report.unasked)
    assert verify(have, remembered).exit() is Exit.CHAIN
