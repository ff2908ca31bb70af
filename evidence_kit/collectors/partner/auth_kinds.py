"""Names of connectors' ways to say who we are, to the code that does it."""

from collections.abc import Mapping

from evidence_kit.collectors.partner.auth import ApiKey, Auth, Basic, Bearer, Means
from evidence_kit.collectors.partner.auth_signed import Hmac, SigV4
from evidence_kit.collectors.partner.auth_token import ClientCredentials, JwtBearer, LogIn

KINDS: Mapping[str, type[Auth]] = {
    "none": Auth,
    "bearer": Bearer,
    "basic": Basic,
    "api_key": ApiKey,
    "oauth2_client_credentials": ClientCredentials,
    "jwt_bearer": JwtBearer,
    "session": LogIn,
    "sigv4": SigV4,
    "hmac": Hmac,
}


def open_auth(means: Means) -> Auth:
    """Return the authentication that a connector names."""
    return KINDS[str(means.settings["type"])](means)
