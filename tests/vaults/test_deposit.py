"""What a bucket takes in, it takes once, whole, and under a name that a case may hold."""

import base64
import hashlib
import io
import os
from contextlib import closing

import pytest
from support.between import between

from evidence_kit.errors import AccessError, DigestError, EmptyError, ProviderError, UnexpectedError, VaultError
from evidence_kit.model.ports import Stored
from evidence_kit.vaults import amazon as amazon_door
from evidence_kit.vaults import google as google_door
from evidence_kit.vaults import microsoft as microsoft_door
from evidence_kit.vaults.deposit import Lock
from evidence_kit.vaults.registry import open_bucket, open_door

BODY = b"evidence"
SAID = Stored("", hashlib.sha256(BODY).hexdigest(), len(BODY))


@pytest.fixture(params=["amazon", "google", "microsoft"])
def bucket(request):
    """An empty bucket of each provider."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def vault(bucket):
    made, _ = open_bucket(f"{bucket.url}/p", Lock(), os.environ)
    with closing(made):
        yield made


def test_the_same_bytes_again_are_no_error_and_no_second_version(vault) -> None:
    first = vault.deposit("a", io.BytesIO(BODY), SAID)
    again = vault.deposit("a", io.BytesIO(BODY), SAID)

    assert (again.version, again.etag) == (first.version, first.etag)
    assert [one.path for one in vault.door.listing()] == ["a"]


def test_every_object_has_a_mark_by_which_it_is_known_again(vault) -> None:
    mark = vault.deposit("a/b=41@+,-._", io.BytesIO(BODY), SAID)
    (seen,) = vault.door.listing()

    assert mark.version or mark.etag
    assert (seen.path, seen.mark.version, seen.mark.etag) == ("a/b=41@+,-._", mark.version, mark.etag)


def test_a_listing_goes_on_over_pages(vault, monkeypatch) -> None:
    for module in (amazon_door, google_door, microsoft_door):
        monkeypatch.setattr(module, "_PAGE", 7)
    names = [f"d/{number:04}" for number in range(23)]
    for name in names:
        vault.deposit(name, io.BytesIO(BODY), SAID)

    assert [one.path for one in vault.door.listing()] == names


@pytest.mark.parametrize("path", ["../x", "/x", "a//b", "two words", ""])
def test_a_name_that_no_case_holds_is_refused(vault, path) -> None:
    with pytest.raises(UnexpectedError):
        vault.deposit(path, io.BytesIO(BODY), SAID)

    assert list(vault.door.listing()) == []


def test_what_is_too_large_for_one_piece_is_refused_before_it_is_sent(vault) -> None:
    with pytest.raises(VaultError, match="in one piece"):
        vault.deposit("a", io.BytesIO(BODY), Stored("", SAID.sha256, vault.door.most + 1))


def test_what_was_staged_and_not_committed_is_dropped(vault) -> None:
    stored = vault.stage([BODY])
    vault.close()
    with pytest.raises(KeyError):
        vault.commit([(stored, "a")])


# -- what providers refuse -----------------------------------------------------------------------------------


def test_bytes_that_are_not_those_that_were_hashed_are_refused_by_s3(amazon) -> None:
    made, _ = open_bucket(f"{amazon.url}/p", Lock(), os.environ)
    with closing(made), pytest.raises(DigestError, match="other bytes"):
        made.deposit("a", io.BytesIO(b"EVIDENCE"), SAID)
    with closing(open_door(f"{amazon.url}/p", Lock(), os.environ)) as door:
        assert list(door.listing()) == []


def test_bytes_that_changed_between_their_sum_and_their_sending_are_noticed_by_google(google, monkeypatch) -> None:
    monkeypatch.setattr(google_door, "md5_of", lambda _: "XrY7u+Ae7tCTyyK7j1rNww==")
    made, _ = open_bucket(f"{google.url}/p", Lock(), os.environ)
    with closing(made), pytest.raises(DigestError, match="other bytes"):
        made.deposit("a", io.BytesIO(BODY), SAID)


def test_a_bucket_that_is_not_there_is_empty(bucket) -> None:
    made, _ = open_bucket(f"{bucket.url}-other/p", Lock(), os.environ)
    with closing(made), pytest.raises(EmptyError, match="no such bucket"):
        made.deposit("a", io.BytesIO(BODY), SAID)


def test_refused_access_says_what_it_takes(google, gcs, monkeypatch) -> None:
    with between(gcs.url) as server:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.url)
        server.refuse = lambda _: b'{"error": {"code": 403}}'
        made, _ = open_bucket(f"{google.url}/p", Lock(), os.environ)
        with closing(made), pytest.raises(AccessError, match="denied") as refused:
            made.deposit("a", io.BytesIO(BODY), SAID)

    assert "storage.objects.create" in refused.value.hint


def test_a_key_that_opens_nothing_is_access_and_is_not_shown(microsoft, monkeypatch) -> None:
    wrong = base64.b64encode(b"wrong" * 13).decode()
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", wrong)
    made, _ = open_bucket(f"{microsoft.url}/p", Lock(), os.environ)
    with closing(made), pytest.raises(AccessError) as refused:
        made.deposit("a", io.BytesIO(BODY), SAID)

    assert "sig=" not in refused.value.message
    assert wrong not in refused.value.message


def test_an_answer_that_is_no_document_is_a_provider_error(google, gcs, monkeypatch) -> None:
    made, _ = open_bucket(f"{google.url}/p", Lock(), os.environ)
    monkeypatch.setattr(google_door, "_LIMIT", 10)
    with closing(made), pytest.raises(ProviderError, match="no JSON document"):
        made.deposit("a", io.BytesIO(BODY), SAID)
