"""Secrets by reference: an inventory says where one is kept, and only whoever needs it goes and looks.

`secret://env/NAME`, `secret://keyring/SERVICE/NAME`, `secret://aws-sm/NAME#FIELD`, `secret://vault/PATH#FIELD`.
What is found is handed on and never kept, shown or put into an error.
"""

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from urllib.parse import quote

from evidence_kit.errors import AccessError, UsageError

SCHEME = "secret://"
_TIMEOUT = (10, 30)


class SecretStore:
    """Finds secrets by reference. `environ` is the process's environment."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._kinds: Mapping[str, Callable[[str], str]] = {
            "env": self._from_environment,
            "keyring": self._from_keyring,
            "aws-sm": self._from_secrets_manager,
            "vault": self._from_vault,
        }

    def __call__(self, reference: str) -> str:
        """Return the secret; AccessError where there is none, UsageError for what is no reference."""
        kind, _, name = reference.removeprefix(SCHEME).partition("/")
        if not reference.startswith(SCHEME) or kind not in self._kinds or not name:
            # It may be the secret itself, written where its place was asked for.
            raise UsageError("a secret's place is not one that is known", hint=f"known: {', '.join(self._kinds)}")
        found = self._kinds[kind](name)
        if not found:
            raise AccessError(f"`{reference}` is empty")
        return found

    def _from_environment(self, name: str) -> str:
        try:
            return self._environ[name]
        except KeyError:
            raise AccessError(f"no secret at `secret://env/{name}`", hint=f"set {name} in the environment") from None

    def _from_keyring(self, name: str) -> str:
        try:
            import keyring
            from keyring.errors import KeyringError
        except ImportError as error:
            raise AccessError(
                "secrets of the keyring need the package `keyring`", hint="install `evidence-kit[keyring]`"
            ) from error
        service, _, user = name.partition("/")
        try:
            found = keyring.get_password(service, user)
        except KeyringError as error:
            raise AccessError(f"the keyring does not open: {type(error).__name__}") from error
        if found is None:
            raise AccessError(
                f"no secret at `secret://keyring/{name}`", hint=f"`keyring set {service} {user}` puts one"
            )
        return found

    def _from_secrets_manager(self, name: str) -> str:
        import boto3
        from botocore.exceptions import BotoCoreError, ClientError

        secret, _, member = name.partition("#")
        try:
            answer = boto3.Session().client("secretsmanager").get_secret_value(SecretId=secret)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            raise AccessError(f"AWS does not hand out `secret://aws-sm/{name}`: {code}") from error
        except BotoCoreError as error:
            raise AccessError(f"AWS cannot be asked for `secret://aws-sm/{name}`: {type(error).__name__}") from error
        return _member(str(answer.get("SecretString", "")), member, f"secret://aws-sm/{name}")

    def _from_vault(self, name: str) -> str:
        import requests

        path, _, member = name.partition("#")
        address, token = self._environ.get("VAULT_ADDR", ""), self._environ.get("VAULT_TOKEN", "")
        if not address.startswith("https://") or not token:
            raise AccessError(
                f"`secret://vault/{name}` needs VAULT_ADDR and VAULT_TOKEN", hint="the address begins with https://"
            )
        headers = {"X-Vault-Token": token}
        if namespace := self._environ.get("VAULT_NAMESPACE"):
            headers["X-Vault-Namespace"] = namespace
        url = f"{address.rstrip('/')}/v1/{quote(path)}"
        try:
            answer = requests.get(
                url,
                headers=headers,
                timeout=_TIMEOUT,
                allow_redirects=False,
                verify=self._environ.get("VAULT_CACERT") or True,
            )
        except requests.RequestException as error:
            raise AccessError(f"Vault cannot be asked for `{name}`: {type(error).__name__}") from error
        if answer.status_code != HTTPStatus.OK:
            raise AccessError(f"Vault answers HTTP {answer.status_code} for `{name}`")
        return _vault_member(answer.content, member or "value", f"secret://vault/{name}")


def _vault_member(body: bytes, member: str, reference: str) -> str:
    """Return one field of an answer of Vault's key-value engine, the second version or the first."""
    try:
        data = json.loads(body)["data"]
        inner = data.get("data") if isinstance(data.get("data"), dict) else data
        return _text(inner[member])
    except (ValueError, KeyError, TypeError, AttributeError):
        raise AccessError(f"no field `{member}` at `{reference}`") from None


def _member(text: str, member: str, reference: str) -> str:
    if not member:
        return text
    try:
        return _text(json.loads(text)[member])
    except (ValueError, KeyError, TypeError):
        raise AccessError(f"no field `{member}` at `{reference}`") from None


def _text(value: object) -> str:
    """Return a field as text; `null`, a list or a mapping is no secret, and would be sent as if it were."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise TypeError
    return str(value)
