"""A PKCS#11 token (SoftHSM2): exactly one key is meant, the PIN comes from the person, and is tried once."""

import pytest

from evidence_kit.errors import AccessError, UsageError
from evidence_kit.signers.registry import open_signer

PIN = "123456"


def opened(uri, pin=PIN):
    return open_signer(uri, passphrase=lambda: pin)


def nobody():
    raise AssertionError("nobody should be asked")


def test_label_and_id_find_the_same_key(token):
    token.make("alice", "0a")
    names = ("token=ir;object=alice", "token=ir;id=%0a", "object=alice;id=%0A;type=private")

    assert len({opened(token.uri(name)).keyid for name in names}) == 1


def test_two_keys_of_one_token_are_open_at_once(token):
    token.make("alice", "01")
    token.make("bob", "02")
    alice, bob = opened(token.uri()), opened(token.uri("token=ir;object=bob"))

    alice.public.verify(b"x", alice.sign(b"x"))
    bob.public.verify(b"x", bob.sign(b"x"))
    assert alice.keyid != bob.keyid


def test_two_keys_of_one_label_are_told_apart_by_id_only(token):
    token.make("alice", "01")
    token.make("alice", "02")
    with pytest.raises(UsageError, match="2 private keys") as raised:
        opened(token.uri())

    assert "id=" in raised.value.hint
    assert opened(token.uri("token=ir;object=alice;id=%01")).keyid != opened(token.uri("token=ir;id=%02")).keyid


def test_a_wrong_pin_is_access_and_not_repeated(token):
    token.make()
    with pytest.raises(AccessError, match="refuses the PIN") as raised:
        opened(token.uri(), pin="987654")

    assert "987654" not in f"{raised.value.message}{raised.value.hint}"
    assert opened(token.uri()).keyid


def test_a_missing_object_is_access(token):
    with pytest.raises(AccessError, match="no such private key"):
        opened(token.uri())


@pytest.mark.parametrize("attributes", ["token=other;object=alice", "serial=0;object=alice"])
def test_a_missing_token_is_access_and_asks_for_no_pin(token, attributes):
    with pytest.raises(AccessError, match="no token fits"):
        open_signer(token.uri(attributes), passphrase=nobody)


@pytest.mark.parametrize(("kind", "said"), [("EC:secp384r1", "another curve"), ("rsa:2048", "type RSA")])
def test_another_kind_of_key_is_refused_when_it_is_opened(token, kind, said):
    token.make(kind=kind)
    with pytest.raises(UsageError, match=said):
        opened(token.uri())


@pytest.mark.parametrize(
    "where", ["?module-path=/x.so&pin-value=1234", "?pin-source=/x", ";pin-value=1234?module-path=/x.so"]
)
def test_a_pin_in_the_uri_is_refused_and_not_repeated(token, where):
    with pytest.raises(UsageError, match="holds no PIN") as raised:
        open_signer(f"pkcs11:token=ir;object=alice{where}", passphrase=nobody)

    assert "1234" not in f"{raised.value.message}{raised.value.hint}"


@pytest.mark.parametrize(
    "uri",
    [
        "pkcs11:token=ir?module-path=/x.so",
        "pkcs11:token=ir;object=alice",
        "pkcs11:token=ir;object=alice?module-path=x.so",
        "pkcs11:token=ir;object=alice;type=cert?module-path=/x.so",
        "pkcs11:token=ir;object=alice;slot-id=1?module-path=/x.so",
        "pkcs11:token=ir;object=alice;object=bob?module-path=/x.so",
        "pkcs11:token;object=alice?module-path=/x.so",
        "pkcs11:token=%ff;object=alice?module-path=/x.so",
        "pkcs11:token=ir;object=alice?module-name=x",
    ],
)
def test_a_uri_that_does_not_say_which_key_is_refused(token, uri):
    with pytest.raises(UsageError):
        open_signer(uri, passphrase=nobody)


def test_a_module_that_cannot_be_loaded_is_access(token, tmp_path):
    (tmp_path / "junk.so").write_bytes(b"junk")
    for path in (tmp_path / "junk.so", tmp_path / "none.so"):
        with pytest.raises(AccessError, match="cannot be loaded"):
            open_signer(f"pkcs11:token=ir;object=alice?module-path={path}", passphrase=nobody)


def test_a_key_destroyed_meanwhile_signs_no_more(token):
    from evidence_kit.errors import ProviderError

    token.make()
    signer = opened(token.uri())
    token.run(
        "pkcs11-tool",
        "--module",
        token.uri().partition("module-path=")[2],
        "--token-label",
        "ir",
        "--login",
        "--pin",
        PIN,
        "--delete-object",
        "--type",
        "privkey",
        "--label",
        "alice",
    )
    with pytest.raises(ProviderError, match="the token failed"):
        signer.sign(b"x")
