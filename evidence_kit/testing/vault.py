"""What every vault must do that takes evidence, wherever it lies; tests inherit a suite and give a `vault`."""
# ruff: noqa: D102, S101 - a test's name is its claim, and assert is how it speaks

import hashlib
from collections.abc import Callable, Iterator

import pytest

from evidence_kit.errors import MissingError, UnexpectedError, VaultError
from evidence_kit.model.ports import Vault

_SIZES = [0, 1, 4096, 100_000]


class _TornError(Exception):
    """What a connection does in the middle of an object."""


def _torn() -> Iterator[bytes]:
    yield b"the first half"
    raise _TornError


class DepositConformance:
    """What holds wherever evidence goes in once: a folder, or a bucket.

    Inherit, and define a fixture: `vault`, an empty vault that is ready to be written to.
    """

    many = 300  # objects in one test; fewer where each takes a request

    # -- evidence goes in once ---------------------------------------------------------------------------------

    @pytest.mark.parametrize("size", _SIZES)
    def test_what_goes_in_comes_out_under_its_own_digest(self, vault: Vault, size: int) -> None:
        body = bytes(index % 251 for index in range(size))
        stored = vault.stage([body[: size // 2], body[size // 2 :]])
        vault.commit([(stored, "bags/a/data/x")])

        assert (stored.sha256, stored.size) == (hashlib.sha256(body).hexdigest(), size)
        assert _content(vault, "bags/a/data/x") == body
        found = vault.stat("bags/a/data/x")
        assert found is not None
        assert (found.kind, found.size) == ("file", size)

    def test_what_is_there_is_never_overwritten(self, vault: Vault) -> None:
        vault.commit([(vault.stage([b"first"]), "bags/a/data/x")])
        with pytest.raises(VaultError):
            vault.commit([(vault.stage([b"second"]), "bags/a/data/x")])

        assert _content(vault, "bags/a/data/x") == b"first"

    def test_two_of_one_name_in_a_batch_do_not_overwrite_each_other(self, vault: Vault) -> None:
        first, second = vault.stage([b"first"]), vault.stage([b"second"])
        with pytest.raises(VaultError):
            vault.commit([(first, "bags/a/data/x"), (second, "bags/a/data/x")])

        assert _content(vault, "bags/a/data/x") == b"first"

    def test_evidence_cannot_be_replaced_by_an_index(self, vault: Vault) -> None:
        vault.commit([(vault.stage([b"first"]), "bags/a/data/x")])
        with pytest.raises(VaultError):
            vault.publish("bags/a/data/x", [b"second"])

        assert _content(vault, "bags/a/data/x") == b"first"

    # -- half of something is nothing --------------------------------------------------------------------------

    def test_what_is_staged_is_out_of_sight(self, vault: Vault) -> None:
        vault.stage([b"x"])

        assert _names(vault) == set()

    def test_a_write_that_breaks_off_leaves_nothing_to_be_seen_and_its_error_comes_through(
        self, vault: Vault
    ) -> None:
        with pytest.raises(_TornError):
            vault.stage(_torn())

        assert _names(vault) == set()

    # -- reading -----------------------------------------------------------------------------------------------

    def test_what_is_missing_is_said_to_be(self, vault: Vault) -> None:
        assert vault.stat("bags/none") is None
        with pytest.raises(MissingError):
            vault.open("bags/none")

    def test_a_walk_names_everything_once_and_nothing_beside(self, vault: Vault) -> None:
        paths = {f"bags/a/data/{number % 7}/{number}" for number in range(self.many)}
        vault.commit([(vault.stage([b"x"]), path) for path in sorted(paths)])
        vault.commit([(vault.stage([b"x"]), "bags/ab")])
        walked = [entry.path for entry in vault.walk("bags/a")]

        assert len(walked) == self.many
        assert set(walked) == paths

    def test_a_walk_is_begun_without_being_finished(self, vault: Vault) -> None:
        vault.commit([(vault.stage([b"x"]), f"bags/a/data/{number}") for number in range(3)])
        walk = vault.walk("bags/a")

        assert isinstance(walk, Iterator)
        assert next(walk).kind == "file"

    def test_a_walk_of_nothing_is_empty(self, vault: Vault) -> None:
        assert list(vault.walk("bags/none")) == []


class VaultConformance(DepositConformance):
    """What a vault must do in which a case is worked on: it keeps journals and indexes too.

    `plant_link(path, to)`, a second fixture, puts a link there, past the vault, as a stranger could; it skips where
    the store knows no links.
    """

    def test_a_link_is_named_and_never_followed(self, vault: Vault, plant_link: Callable[[str, str], None]) -> None:
        vault.commit([(vault.stage([b"secret"]), "bags/a/data/real")])
        plant_link("bags/a/data/link", "real")

        found = {entry.path: entry.kind for entry in vault.walk("bags/a")}
        assert found == {"bags/a/data/real": "file", "bags/a/data/link": "other"}
        with pytest.raises(UnexpectedError):
            vault.open("bags/a/data/link")

    def test_an_index_that_breaks_off_leaves_the_old_one(self, vault: Vault) -> None:
        vault.publish("bags/a/manifest", [b"old"])
        with pytest.raises(_TornError):
            vault.publish("bags/a/manifest", _torn())

        assert _content(vault, "bags/a/manifest") == b"old"

    def test_lines_of_a_journal_stand_in_the_order_in_which_they_came(self, vault: Vault) -> None:
        lines = [b"%d\n" % number for number in range(20)]
        for line in lines:
            vault.append("log/journal", line)

        assert _content(vault, "log/journal") == b"".join(lines)

    def test_an_index_that_is_published_again_is_the_new_one(self, vault: Vault) -> None:
        vault.publish("bags/a/manifest", [b"old"])
        said = vault.publish("bags/a/manifest", [b"n", b"ew"])

        assert said == (hashlib.sha256(b"new").hexdigest(), 3)
        assert _content(vault, "bags/a/manifest") == b"new"

    def test_what_is_cut_from_a_journal_is_handed_over(self, vault: Vault) -> None:
        vault.append("log/journal", b"whole\nto")

        assert vault.cut("log/journal", 6) == b"to"
        vault.append("log/journal", b"next\n")
        assert _content(vault, "log/journal") == b"whole\nnext\n"

    def test_what_is_set_aside_is_kept_and_overwrites_nothing(self, vault: Vault) -> None:
        vault.append("bags/a/one", b"1")
        vault.append("bags/a/two", b"2")
        vault.set_aside("bags/a/one", "bags/a/torn/one")

        assert _content(vault, "bags/a/torn/one") == b"1"
        with pytest.raises(VaultError):
            vault.set_aside("bags/a/two", "bags/a/torn/one")
        assert _content(vault, "bags/a/torn/one") == b"1"


def _content(vault: Vault, path: str) -> bytes:
    with vault.open(path) as stream:
        return stream.read()


def _names(vault: Vault) -> set[str]:
    return {entry.path for entry in vault.walk("bags")}
