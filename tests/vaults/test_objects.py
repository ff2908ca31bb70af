"""A case in a bucket is verified where it lies: S3 by moto, Azure by Azurite, Google by fake-gcs-server."""

import hashlib
import json
import urllib.request
from pathlib import Path

import boto3
import obstore
import pytest
from obstore.store import from_url
from support import azurite
from support.buckets import EMULATOR_KEY, signed_azure
from support.gcs_server import running_gcs_server

from evidence_kit.custody.verify.case import Options, verify_bag, verify_case
from evidence_kit.errors import (
    AccessError,
    EmptyError,
    Exit,
    MissingError,
    ProviderError,
    UnexpectedError,
    UsageError,
    VaultError,
)
from evidence_kit.sandbox.serving import free_port
from evidence_kit.vaults import objects
from evidence_kit.vaults.objects import ObjectVault
from evidence_kit.vaults.registry import open_subject


def post(url, body, kind):
    """Send a request that no SDK here makes."""
    asked = urllib.request.Request(url, data=body, headers={"Content-Type": kind})  # noqa: S310 - loopback
    with urllib.request.urlopen(asked):  # noqa: S310
        pass


def judge(url, environ, case):
    subject = open_subject(url, environ)
    check = verify_bag if subject.is_bag else verify_case
    return check(subject.vault, name=subject.name, trust=case.trust, options=Options(each_signature=True))


def content(vault, path):
    with vault.open(path) as stream:
        return stream.read()


# -- S3 ------------------------------------------------------------------------------------------------------


@pytest.fixture
def bucket(environ, request):
    """Put things into a bucket of the test's own; return its name and the client."""
    client = boto3.client("s3")
    name = f"b-{hashlib.sha256(request.node.name.encode()).hexdigest()[:20]}"
    client.create_bucket(Bucket=name)
    yield name, client
    client.close()


def upload(client, bucket, root: Path, prefix):
    for path in sorted(root.rglob("*")):
        if path.is_file():
            client.put_object(Bucket=bucket, Key=f"{prefix}{path.relative_to(root)}", Body=path.read_bytes())


@pytest.fixture
def stored(bucket, environ):
    """Store bytes under keys; return the vault of the prefix `p`."""
    name, client = bucket

    def store(**things):
        for key, body in things.items():
            client.put_object(Bucket=name, Key=key, Body=body)
        return ObjectVault.at(f"s3://{name}", "p", environ)

    return store


def test_a_case_in_a_bucket_verifies(case, bucket, environ) -> None:
    name, client = bucket
    upload(client, name, case.root, "cases/IR-1/")
    client.put_object(Bucket=name, Key="cases/IR-10/other.txt", Body=b"a neighbour")

    assert judge(f"s3://{name}/cases/IR-1", environ, case).exit(require_complete=True) is Exit.OK
    assert judge(f"s3://{name}/cases/IR-1/", environ, case).exit(require_complete=True) is Exit.OK


def test_a_case_at_the_top_of_its_bucket_verifies(small_case, bucket, environ) -> None:
    name, client = bucket
    upload(client, name, small_case.root, "")

    assert judge(f"s3://{name}", environ, small_case).exit(require_complete=True) is Exit.OK


def test_one_bag_in_a_bucket_verifies(small_case, bucket, environ) -> None:
    name, client = bucket
    upload(client, name, small_case.root, "c/")
    subject = open_subject(f"s3://{name}/c/{small_case.bag}", environ)

    assert (subject.is_bag, subject.name) == (True, small_case.bag.removeprefix("bags/"))
    assert judge(f"s3://{name}/c/{small_case.bag}", environ, small_case).exit(require_complete=True) is Exit.OK


def test_a_changed_a_missing_and_an_added_object_are_found(case, bucket, environ) -> None:
    name, client = bucket
    upload(client, name, case.root, "c/")
    first, second = sorted(path for path in case.files if "/data/" in path)[:2]
    client.put_object(Bucket=name, Key=f"c/{first}", Body=b"changed")
    client.delete_object(Bucket=name, Key=f"c/{second}")
    client.put_object(Bucket=name, Key=f"c/{case.bag}/data/two words \u202e%41", Body=b"added")
    report = judge(f"s3://{name}/c", environ, case)

    assert {d.verdict for d in report.defects} >= {Exit.DIGEST, Exit.MISSING, Exit.UNEXPECTED}
    assert any("two words" in d.subject and d.verdict is Exit.UNEXPECTED for d in report.defects)


def test_a_listing_of_several_pages_is_read_to_its_end(stored, monkeypatch) -> None:
    monkeypatch.setattr(objects, "_PAGE", 7)
    vault = stored(**{f"p/d/{n:04}": b"x" * n for n in range(30)})

    assert {e.path: e.size for e in vault.walk("d")} == {f"d/{n:04}": n for n in range(30)}
    assert list(vault.walk("nothing")) == []


def test_the_mark_that_a_console_makes_for_a_folder_is_none_of_the_case(stored) -> None:
    vault = stored(**{"p/": b"", "p/case.json": b"{}"})

    assert [e.path for e in vault.walk("")] == ["case.json"]


@pytest.mark.parametrize("key", ["p//double", "p/\x01control"])
def test_a_key_that_is_no_path_is_unexpected_and_hides_nothing(stored, key) -> None:
    vault = stored(**{"p/case.json": b"{}", key: b"x"})
    with pytest.raises(UnexpectedError, match="not a path"):
        list(vault.walk(""))


def test_large_objects_are_read_by_ranges(stored, monkeypatch) -> None:
    monkeypatch.setattr(objects, "_SMALL", 4096)
    body = b"".join(b"%06d\n" % n for n in range(10_000))
    vault = stored(**{"p/large": body})

    assert content(vault, "large") == body
    with vault.open("large") as stream:
        assert stream.seek(0, 2) == len(body)
        stream.seek(7 * 9000)
        assert stream.readline() == b"009000\n"
        stream.seek(7 * 3)
        assert (stream.readline(), stream.tell()) == (b"000003\n", 28)


def test_an_object_that_is_replaced_while_it_is_read_is_noticed(stored, monkeypatch) -> None:
    monkeypatch.setattr(objects, "_SMALL", 4096)
    vault = stored(**{"p/large": b"1" * 50_000})
    with vault.open("large") as stream:
        stream.read(4096)
        stored(**{"p/large": b"2" * 50_000})
        with pytest.raises(ProviderError, match="replaced while it was read"):
            stream.read()


def test_what_is_not_there_is_missing_and_unsafe_names_are_never_asked_for(stored) -> None:
    vault = stored(**{"p/a": b"1", "secret": b"2"})

    assert (vault.stat("a").size, vault.stat("b"), vault.stat("../secret")) == (1, None, None)
    for path in ("b", "../secret", "a/../../secret"):
        with pytest.raises(MissingError):
            vault.open(path)


def test_a_bucket_is_never_written_to(stored) -> None:
    with pytest.raises(VaultError, match="not written to"):
        stored().publish("a", [b"x"])


def test_an_empty_prefix_and_a_bucket_that_is_not_there_are_empty(bucket, environ) -> None:
    with pytest.raises(EmptyError, match="nothing is stored"):
        open_subject(f"s3://{bucket[0]}/nothing", environ)
    with pytest.raises(EmptyError, match="no such bucket"):
        open_subject("s3://nobody-has-this", environ)


def allow(endpoint, calls):
    """Let moto check access after `calls` calls."""
    post(f"{endpoint}/moto-api/reset-auth", calls, "text/plain")


def test_denied_access_is_access_and_shows_no_secret(endpoint, bucket, environ, monkeypatch) -> None:
    name, client = bucket
    client.put_object(Bucket=name, Key="p/case.json", Body=b"{}")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2hunter2")
    allow(endpoint, b"0")
    try:
        with pytest.raises(AccessError, match="denied") as refused:
            open_subject(f"s3://{name}/p", environ)
        vault = ObjectVault.at(f"s3://{name}", "p", environ)
        for ask in (vault.stat, vault.open):
            with pytest.raises(AccessError, match="denied"):
                ask("case.json")
    finally:
        allow(endpoint, b"inf")
    assert "hunter2" not in refused.value.message + refused.value.hint


def test_nobody_at_the_endpoint_is_a_provider_error(environ, monkeypatch) -> None:
    dead = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv("AWS_ENDPOINT_URL", dead)
    with pytest.raises(ProviderError, match="no answer"):
        open_subject("s3://bucket/p", {**environ, "AWS_ENDPOINT_URL": dead})


def test_a_plain_http_endpoint_that_was_not_said_is_not_used(bucket, environ) -> None:
    with pytest.raises(ProviderError):
        open_subject(f"s3://{bucket[0]}/p", {})


@pytest.mark.parametrize("url", ["s3://", "s3://b//x", "s3:///x", "s3://u:p@b/x", "s3://b/x?v=1", "s3://b/x#y"])
def test_a_url_that_says_more_than_bucket_and_prefix_is_refused(url) -> None:
    with pytest.raises(UsageError) as refused:
        open_subject(url, {})
    assert "s3://BUCKET/PREFIX" in refused.value.hint


def test_an_unknown_scheme_gets_the_list() -> None:
    with pytest.raises(UsageError, match=r"ftp://") as refused:
        open_subject("ftp://host/x", {})
    assert "s3://" in refused.value.hint


def test_a_bag_without_a_folder_is_refused(small_case, bucket, environ) -> None:
    name, client = bucket
    upload(client, name, small_case.root / small_case.bag, "")
    with pytest.raises(UsageError, match="folder of its own"):
        open_subject(f"s3://{name}", environ)


# -- Azure and Google ----------------------------------------------------------------------------------------


@pytest.fixture
def azure(tmp_path, monkeypatch):
    """Azurite, and the environment in which it is found."""
    with azurite.azurite(tmp_path / "azurite") as url:
        said = {
            "AZURE_STORAGE_ACCOUNT_NAME": azurite.ACCOUNT,
            "AZURE_STORAGE_ACCOUNT_KEY": EMULATOR_KEY,
            "AZURE_STORAGE_ENDPOINT": f"{url}/{azurite.ACCOUNT}",
        }
        for name, value in said.items():
            monkeypatch.setenv(name, value)
        yield said


def put_case(store, root):
    for path in sorted(root.rglob("*")):
        if path.is_file():
            obstore.put(store, f"c/{path.relative_to(root)}", path.read_bytes())


@pytest.mark.skipif(azurite.BINARY is None, reason=azurite.MISSING)
def test_a_case_in_an_azure_container_verifies(case, azure) -> None:
    asked = signed_azure("PUT", azure, "/evidence?restype=container")
    urllib.request.urlopen(asked).close()  # noqa: S310 - loopback
    put_case(from_url("az://evidence", client_options={"allow_http": True}), case.root)

    assert judge("az://evidence/c", azure, case).exit(require_complete=True) is Exit.OK
    with pytest.raises(EmptyError, match="nothing is stored"):
        open_subject("az://evidence/other", azure)
    with pytest.raises(EmptyError, match="no such bucket"):
        open_subject("az://nothing/c", azure)


def test_azure_without_an_account_is_usage(monkeypatch) -> None:
    for name in ("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_USE_EMULATOR"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UsageError, match="storage account"):
        open_subject("az://evidence/c", {})


@pytest.fixture
def google(monkeypatch):
    """A fake Google Cloud Storage that a client finds by its key."""
    with running_gcs_server() as server:
        account = {
            "gcs_base_url": server.url,
            "disable_oauth": True,
            "client_email": "",
            "private_key": "",
            "private_key_id": "",
        }
        monkeypatch.setenv("GOOGLE_SERVICE_ACCOUNT_KEY", json.dumps(account))
        yield server


def test_a_case_in_a_google_bucket_verifies(case, google) -> None:
    google.bucket("evidence")
    for path in case.files:
        google.put("evidence", f"c/{path}", (case.root / path).read_bytes())

    assert judge("gs://evidence/c", {}, case).exit(require_complete=True) is Exit.OK
    with pytest.raises(EmptyError):
        open_subject("gs://evidence/nothing", {})
