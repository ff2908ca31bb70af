import hashlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evidence_kit.custody import bag
from evidence_kit.custody.bag import Listed
from evidence_kit.custody.verify import files
from evidence_kit.custody.verify.tally import Tally
from evidence_kit.errors import Exit, MissingError
from evidence_kit.vaults.local import LocalVault

PATHS = st.text("Zaz09._-", min_size=1, max_size=6).filter(lambda path: path not in {".", ".."})


def sha256(data):
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def vault(tmp_path):
    """A bag of three files and a manifest that lists them."""
    for name in ("a", "b", "c"):
        (tmp_path / "bag/data").mkdir(parents=True, exist_ok=True)
        (tmp_path / "bag/data" / name).write_bytes(name.encode())
    listed = [Listed(f"data/{name}", sha256(name.encode())) for name in ("a", "b", "c")]
    (tmp_path / "bag/manifest").write_bytes(b"".join(bag.manifest_lines(listed)))
    return LocalVault(tmp_path)


def check(vault):
    tally = Tally("files")
    present, octets = files.check_listed(vault, "bag", "manifest", tally)
    files.check_unlisted(vault, "bag", "data", "manifest", present, tally)
    return present, octets, tally


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.sets(PATHS, max_size=30), st.lists(PATHS, max_size=10))
def test_lookup_finds_exactly_what_is_listed(tmp_path, listed, asked):
    lines = bag.manifest_lines(Listed(path, sha256(path.encode())) for path in listed)
    (tmp_path / "manifest").write_bytes(b"".join(lines))
    with files.Lookup(LocalVault(tmp_path), "manifest") as lookup:
        for path in [*listed, *asked]:
            assert lookup.find(path) == (sha256(path.encode()) if path in listed else None)


@pytest.mark.parametrize("path", ["\u00fc", "\udcff", "", "a\nb"])
def test_lookup_of_a_name_that_no_manifest_can_hold_finds_nothing(vault, path):
    with files.Lookup(vault, "bag/manifest") as lookup:
        assert lookup.find(path) is None


def test_lookup_in_an_empty_manifest_finds_nothing(tmp_path):
    (tmp_path / "manifest").touch()
    with files.Lookup(LocalVault(tmp_path), "manifest") as lookup:
        assert lookup.find("a") is None


def test_lookup_in_what_is_no_manifest_ends(tmp_path):
    (tmp_path / "manifest").write_bytes(b"\0" * 100_000)
    with files.Lookup(LocalVault(tmp_path), "manifest") as lookup:
        assert lookup.find("a") is None


def test_a_digest_is_of_the_whole_file(tmp_path):
    content = bytes(range(256)) * 10_000
    (tmp_path / "x").write_bytes(content)
    assert files.digest(LocalVault(tmp_path), "x") == (sha256(content), len(content))


def test_a_missing_file_has_no_digest(tmp_path):
    with pytest.raises(MissingError):
        files.digest(LocalVault(tmp_path), "x")


def test_files_as_listed_pass(vault):
    present, octets, tally = check(vault)
    assert (present, octets, tally.passed, tally.defects) == (3, 3, 3, [])


def test_a_changed_file_is_told_with_both_digests(vault):
    (vault.root / "bag/data/b").write_bytes(b"xyz")
    present, octets, tally = check(vault)
    (defect,) = tally.defects
    assert (present, octets, defect.verdict) == (3, 5, Exit.DIGEST)
    assert dict(defect.facts) == {"sealed": sha256(b"b"), "found": sha256(b"xyz"), "bytes": "3"}


def test_a_missing_file_does_not_hide_another_that_took_its_place(vault):
    (vault.root / "bag/data/b").rename(vault.root / "bag/data/bb")
    *_, tally = check(vault)
    assert [(defect.verdict, defect.subject) for defect in tally.defects] == [
        (Exit.MISSING, "bag/data/b"),
        (Exit.UNEXPECTED, "bag/data/bb"),
    ]


def test_a_link_is_reported_by_name(vault):
    (vault.root / "bag/data/l").symlink_to("a")
    *_, tally = check(vault)
    assert [(defect.subject, defect.message) for defect in tally.defects] == [("bag/data/l", "is not a plain file")]


@pytest.mark.parametrize(("path", "shown"), [("data/a", "data/a"), ("a b", "'a b'"), ("\x1b", "'\\x1b'")])
def test_an_unsafe_name_is_shown_escaped(path, shown):
    assert files.printable(path) == shown
