"""The part of the connector language that says who we are: one shape a kind."""

from evidence_kit.model.grammar import Field, Shape, Variants, nested
from evidence_kit.sources.connector_parts import NAME, REQUEST_FIELDS, SECRET, TEMPLATE

_PREFIX = Field(help="text before the secret, such as `SSWS `")
_SCOPE = {
    "scope": Field(help="scopes, separated by spaces"),
    "audience": Field(help="whom the token, or the assertion, is for"),
}
_TOKEN_URL = Field(help="address of the token endpoint, `https://` only", required=True)
_CLIENT = Field(help=f"who we are at the provider; {TEMPLATE}", required=True)
AUTH = Variants(
    "type",
    {
        "none": Shape({}),
        "bearer": Shape({"secret": SECRET, "prefix": Field(help="instead of `Bearer `")}),
        "basic": Shape(
            {
                "user": Field(help=f"user name; {TEMPLATE}"),
                "userSecret": Field(help="name of the secret that is the user name", pattern=NAME),
                "secret": Field(help="name of the secret that is the password; empty if not said", pattern=NAME),
            },
            one_of=("user", "userSecret"),
        ),
        "api_key": Shape(
            {
                "in": Field(help="where the key goes; `header` if not said", among=("header", "query")),
                "name": Field(help="name of the header or parameter", required=True, pattern=r"[A-Za-z0-9._\[\]-]+"),
                "prefix": _PREFIX,
                "secret": SECRET,
                "more": nested(
                    "further keys, for providers that want two",
                    Shape(
                        {
                            "name": Field(help="name of the header", required=True, pattern=r"[A-Za-z0-9._-]+"),
                            "prefix": _PREFIX,
                            "secret": SECRET,
                        }
                    ),
                    many=True,
                ),
            }
        ),
        "oauth2_client_credentials": Shape(
            {
                "tokenUrl": _TOKEN_URL,
                "clientId": _CLIENT,
                "secret": SECRET,
                **_SCOPE,
                "style": Field(help="how id and secret are sent; `basic` if not said", among=("basic", "body")),
                "grant": Field(
                    help="`client_credentials` if not said; `refresh_token` sends the secret `refresh`",
                    among=("client_credentials", "refresh_token"),
                ),
                "refresh": Field(help="name of the secret that is a refresh token", pattern=NAME),
                "parameters": Field(help="further fields of the token request", kind="texts"),
                "headers": Field(help="further headers of the token request", kind="texts"),
                "header": Field(help="header that carries the token; `Authorization` if not said"),
                "prefix": Field(help="text before the token; `Bearer ` if not said"),
            }
        ),
        "jwt_bearer": Shape(
            {
                "tokenUrl": _TOKEN_URL,
                "clientId": _CLIENT,
                "secret": SECRET,
                **_SCOPE,
                "algorithm": Field(help="of the signature; `RS256` if not said", among=("RS256", "ES256")),
                "subject": Field(help=f"as whom we ask; the client if not said; {TEMPLATE}"),
                "keyId": Field(help=f"the `kid` of the key; {TEMPLATE}"),
                "assertion": Field(
                    help="`client`: private_key_jwt; `grant`: RFC 7523; `client` if not said",
                    among=("client", "grant"),
                ),
                "claims": Field(help="further claims of the assertion", kind="data"),
            }
        ),
        "session": Shape(
            {
                "request": nested(
                    "the log-in; `{secret.NAME}` stands for a secret in its body and headers",
                    Shape({**REQUEST_FIELDS, "method": Field(help="`POST` if not said", among=("GET", "POST"))}),
                    required=True,
                ),
                "token": Field(help="JMESPath of the token in the answer", kind="jmespath", required=True),
                "header": Field(help="header that carries the token; `Authorization` if not said"),
                "prefix": Field(help="text before the token; `Bearer ` if not said"),
                "expires": Field(help="how long a token lives", kind="period"),
            }
        ),
        "sigv4": Shape(
            {
                "service": Field(help="service name in the signature", required=True),
                "region": Field(help=f"region in the signature; {TEMPLATE}", required=True),
                "accessKey": SECRET,
                "secretKey": SECRET,
                "sessionToken": Field(help="name of the secret that is a session token", pattern=NAME),
            }
        ),
        "hmac": Shape(
            {
                "secret": SECRET,
                "algorithm": Field(
                    help="of the digest; `sha256` if not said", among=("sha1", "sha256", "sha384", "sha512")
                ),
                "header": Field(help="header that carries the signature", required=True),
                "template": Field(
                    help="what is signed: `{method}`, `{host}`, `{path}`, `{query}`, `{body}`, `{bodyHash}`, `{time}`"
                    " and `{nl}`, a line feed",
                    required=True,
                ),
                "value": Field(help="what the header says; `{signature}` if not said"),
                "encoding": Field(help="of the signature; `hex` if not said", among=("hex", "base64")),
                "basicUser": Field(help=f"sends user and signature as basic authentication; {TEMPLATE}"),
                "timeHeader": Field(help="header that carries `{time}`"),
                "timeFormat": Field(
                    help="of `{time}`; `epoch_s` if not said", among=("epoch_s", "epoch_ms", "rfc3339", "http_date")
                ),
            }
        ),
    },
)
