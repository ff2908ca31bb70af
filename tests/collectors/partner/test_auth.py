"""Each way to say who we are, against a server that checks it by its own arithmetic."""

import json

import pytest
from support.partner import acme, kiosk, paged, played

from evidence_kit.model.status import UnitStatus
from evidence_kit.sandbox.partners.server import Reply

TOKEN = {"tokenUrl": "https://login.acme.example.com/oauth/token", "clientId": "{client}", "secret": "token"}
PARAMS = [{"name": "client", "help": "the client", "default": "kiosk"}]
KINDS = {
    "none": {"type": "none"},
    "bearer": {"type": "bearer", "secret": "token"},
    "bearer with a prefix": {"type": "bearer", "secret": "token", "prefix": "Token "},
    "basic": {"type": "basic", "user": "{client}", "secret": "password"},
    "basic without a password": {"type": "basic", "userSecret": "key"},
    "key in a header": {
        "type": "api_key",
        "in": "header",
        "name": "Authorization",
        "prefix": "SSWS ",
        "secret": "token",
    },
    "key in the query": {"type": "api_key", "in": "query", "name": "api_key", "secret": "token"},
    "two keys": {
        "type": "api_key",
        "name": "DD-API-KEY",
        "secret": "api",
        "more": [{"name": "DD-APPLICATION-KEY", "secret": "app"}],
    },
    "client credentials": {"type": "oauth2_client_credentials", **TOKEN, "scope": "logs.read", "audience": "acme"},
    "client credentials in the body": {"type": "oauth2_client_credentials", **TOKEN, "style": "body"},
    "refresh token": {
        "type": "oauth2_client_credentials",
        **TOKEN,
        "style": "body",
        "grant": "refresh_token",
        "refresh": "refresh",
        "header": "x-amz-access-token",
        "prefix": "",
    },
    "private_key_jwt": {"type": "jwt_bearer", **TOKEN, "scope": "logs.read", "keyId": "k1"},
    "private_key_jwt on a curve": {"type": "jwt_bearer", **TOKEN, "algorithm": "ES256"},
    "jwt grant": {"type": "jwt_bearer", **TOKEN, "assertion": "grant", "audience": "acme", "subject": "auditor"},
    "session": {
        "type": "session",
        "request": {"path": "/login", "body": {"user": "{client}", "password": "{secret.password}"}},
        "token": "session.token",
        "header": "X-Session",
        "prefix": "",
        "expires": "PT10M",
    },
    "sigv4": {
        "type": "sigv4",
        "service": "execute-api",
        "region": "eu-west-1",
        "accessKey": "access",
        "secretKey": "secret",
    },
    "hmac": {
        "type": "hmac",
        "secret": "token",
        "header": "X-Signature",
        "template": "{time}{nl}{method}{nl}{path}{nl}{query}{nl}{bodyHash}",
        "value": "v1={signature}",
        "timeHeader": "X-Time",
        "timeFormat": "epoch_ms",
    },
    "hmac as basic": {
        "type": "hmac",
        "secret": "token",
        "algorithm": "sha512",
        "header": "Authorization",
        "template": "{time}{nl}{method}{nl}{host}{nl}{path}{nl}{query}",
        "basicUser": "{client}",
        "timeHeader": "X-Date",
        "timeFormat": "http_date",
        "encoding": "base64",
    },
}
LOGIN = {
    "method": "POST",
    "path": "/login",
    "when": {"body": {"user": "kiosk", "password": "canary-password-7f3a9c51e2d84b06"}},
    "json": {"session": {"token": "$token"}},
}


def partner_of(folder, auth, count=5):
    connector = acme(auth=auth, params=PARAMS, request={"path": "/events", "query": {"q": "a b/c"}})
    return kiosk(folder, connector, played(LOGIN, paged(count), params={"client": "kiosk"}))


@pytest.mark.parametrize("kind", KINDS)
def test_a_partner_lets_in_who_says_it_as_it_wants(kind, lab, tmp_path):
    with partner_of(tmp_path, KINDS[kind]) as partner:
        (outcome,) = partner.collect(lab).outcomes

        assert (outcome.status, outcome.reason, outcome.records) == (UnitStatus.COMPLETE, "", 5)
        assert all(one.status == 200 for one in partner.server.sent)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "none"])
def test_a_wrong_secret_is_denied_and_said_nowhere(kind, lab, tmp_path, capfd, caplog):
    with partner_of(tmp_path, KINDS[kind]) as partner:
        right = dict(partner.secrets)
        wrong = {name: text for name, text in right.items() if "PRIVATE" in text}
        for name in right.keys() - wrong.keys():
            wrong[name] = f"wrong-{name}-canary-55d1"
        if len(wrong) == 1 and "jwt" in partner.spec.settings["auth"]["type"]:
            partner.server.gate.auth = {**partner.spec.settings["auth"], "clientId": "another"}
        partner.secrets = wrong
        (outcome,) = partner.collect(lab).outcomes

        told = json.dumps(lab.ledger()) + outcome.reason + caplog.text + "".join(capfd.readouterr())
        assert outcome.status in {UnitStatus.DENIED, UnitStatus.PARTIAL_ERROR}
        assert outcome.pages == 0
        for text in (*wrong.values(), *right.values()):
            assert text.split("\n")[1 if "PRIVATE" in text else 0] not in told


def test_a_secret_that_the_inventory_does_not_name_is_asked_for(lab, tmp_path):
    with partner_of(tmp_path, KINDS["bearer"]) as partner:
        partner.secrets = {}
        (outcome,) = partner.collect(lab).outcomes

        assert outcome.status is UnitStatus.DENIED
        assert "names no secret `token` for kiosk" in outcome.reason
        assert partner.server.sent == []


@pytest.mark.parametrize("kind", ["client credentials", "session", "private_key_jwt"])
def test_a_token_that_ends_in_the_middle_is_replaced(kind, lab, tmp_path):
    with partner_of(tmp_path, KINDS[kind]) as partner:
        asked = []

        def expire(request):
            asked.append(request.path)
            if asked.count("/events") == 2 and request.path == "/events":
                partner.server.gate.tokens.append("another")

        partner.server.faults.append(expire)
        (outcome,) = partner.collect(lab).outcomes

        assert (outcome.status, outcome.records) == (UnitStatus.COMPLETE, 5)
        assert [one.status for one in partner.server.sent].count(401) == 1


def test_a_token_is_renewed_before_it_ends(lab, tmp_path):
    with partner_of(tmp_path, KINDS["client credentials"]) as partner:
        partner.server.gate.lives = 0
        (outcome,) = partner.collect(lab).outcomes

        # A token that says it lives no time at all is used once it is given, and asked for only when refused.
        assert outcome.status is UnitStatus.COMPLETE


@pytest.mark.parametrize(
    ("status", "body", "wanted", "said"),
    [
        (500, b"", UnitStatus.PARTIAL_ERROR, "failed 5 times: no token for kiosk: HTTP 500"),
        (429, b"", UnitStatus.PARTIAL_THROTTLED, "throttled 10 times: no token for kiosk: HTTP 429"),
        (400, b'{"error": "invalid_scope"}', UnitStatus.DENIED, "no token for kiosk: HTTP 400: invalid_scope"),
        (200, b"<html>", UnitStatus.DENIED, "no token for kiosk: HTTP 200"),
        (200, b"[]", UnitStatus.DENIED, "gives no `access_token`"),
        (200, b'{"access_token": "two\\nlines"}', UnitStatus.DENIED, "gives no `access_token`"),
        (302, b"", UnitStatus.DENIED, "no token for kiosk: HTTP 302"),
    ],
)
def test_a_token_endpoint_that_fails_ends_the_unit_as_it_should(status, body, wanted, said, lab, tmp_path):
    with partner_of(tmp_path, KINDS["client credentials"]) as partner:
        fails = lambda asked: Reply(status=status, body=body) if "token" in asked.path else None  # noqa: E731
        partner.server.faults.append(fails)
        (outcome,) = partner.collect(lab).outcomes

        assert outcome.status is wanted
        assert said in outcome.reason


def test_a_secret_that_is_no_key_is_not_quoted(lab, tmp_path):
    with partner_of(tmp_path, KINDS["private_key_jwt"]) as partner:
        partner.secrets = {"token": "-----BEGIN PRIVATE KEY-----\ncanary-key-91\n-----END PRIVATE KEY-----"}
        (outcome,) = partner.collect(lab).outcomes

        assert outcome.status is UnitStatus.DENIED
        assert "no private key in PEM" in outcome.reason
        assert "canary" not in outcome.reason


def tokens_of(lab):
    return [line for line in lab.exchanges() if line["request"]["operation"] in {"GetToken", "LogIn"}]


@pytest.mark.parametrize("kind", ["client credentials", "client credentials in the body", "jwt grant", "session"])
def test_a_request_for_a_token_is_on_record_and_nothing_of_it_that_lets_in(kind, lab, tmp_path):
    with partner_of(tmp_path, KINDS[kind]) as partner:
        partner.collect(lab)

        (line,) = tokens_of(lab)
        is_login = kind == "session"
        assert line["request"]["path"] == ("/login" if is_login else "/oauth/token")
        assert (line["status"], len(line["peer"]), line.get("caller", "")) == (200, 64, "" if is_login else "kiosk")
        told = json.dumps(lab.ledger())
        assert not any(text in told for text in (*partner.secrets.values(), *partner.server.gate.tokens))
        (sent,) = (one for one in partner.server.sent if one.target == line["request"]["path"])
        assert sent.sha256 not in told


def test_a_token_that_is_refused_is_on_record_too(lab, tmp_path):
    with partner_of(tmp_path, KINDS["client credentials"]) as partner:
        partner.secrets = dict.fromkeys(partner.secrets, "wrong-canary-55d1")
        partner.collect(lab)

        (line,) = tokens_of(lab)
        assert (line["status"], line["error"], line.get("caller", "")) == (401, "HTTP 401", "")


def test_an_answer_with_a_token_that_breaks_off_is_asked_for_again(lab, tmp_path):
    with partner_of(tmp_path, KINDS["client credentials"]) as partner:
        broken = [Reply(status=200, body=b'{"access_token": "x', declared=100)]
        partner.server.faults.append(lambda asked: broken.pop() if broken and "token" in asked.path else None)
        (outcome,) = partner.collect(lab).outcomes

        assert outcome.status is UnitStatus.COMPLETE
        assert len(tokens_of(lab)) == 2


@pytest.mark.parametrize("lives", ["\u00b2", "9" * 5000, True, -5])
def test_a_lifetime_that_is_no_number_is_none(lives, lab, tmp_path):
    with partner_of(tmp_path, KINDS["client credentials"]) as partner:
        partner.server.gate.lives = lives
        (outcome,) = partner.collect(lab).outcomes

        assert outcome.status is UnitStatus.COMPLETE


def test_basic_credentials_that_come_back_without_their_name_are_masked(lab, tmp_path):
    with partner_of(tmp_path, KINDS["basic"]) as partner:

        def repeat(asked):
            said = asked.headers["authorization"].removeprefix("Basic ")
            return Reply(status=403, body=json.dumps({"message": f"not with {said}"}).encode())

        partner.server.faults.append(repeat)
        (outcome,) = partner.collect(lab).outcomes

        assert "not with [secret]" in outcome.reason
