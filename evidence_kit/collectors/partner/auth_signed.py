"""Requests that are signed as a whole, when they leave."""

import base64
import hashlib
import hmac
from datetime import UTC
from email.utils import format_datetime
from urllib.parse import urlsplit

import requests

from evidence_kit.collectors.partner.auth import Auth, basic, text
from evidence_kit.model.time import rfc3339
from evidence_kit.sources.connector_checks import SLOT


class SigV4(Auth):
    """AWS Signature Version 4, for APIs behind AWS."""

    def sign(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Sign address, headers and body."""
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials

        said, secrets = self.means.settings, self.means.secrets
        token = secrets.get(said["sessionToken"]) if "sessionToken" in said else None
        keys = Credentials(secrets.get(said["accessKey"]), secrets.get(said["secretKey"]), token)
        # What a proxy or the transport may change is not signed.
        signed = {name: value for name, value in request.headers.items() if name.lower() == "content-type"}
        copy = AWSRequest(method=request.method, url=request.url, headers=signed, data=request.body or b"")
        SigV4Auth(keys, said["service"], text(said["region"], self.means.values)).add_auth(copy)
        request.headers.update(dict(copy.headers.items()))
        return request


class Hmac(Auth):
    """A keyed digest of a text that the connector composes of the request."""

    def sign(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the signature, and the time it was made where the provider wants it."""
        said, means = self.means.settings, self.means
        where, body = urlsplit(str(request.url)), _bytes(request.body)
        moment = self._time()
        parts = {
            "method": str(request.method),
            "host": where.netloc,
            "path": where.path,
            "query": where.query,
            "body": body.decode("utf-8", "replace"),
            "bodyHash": hashlib.new(said.get("algorithm", "sha256"), body).hexdigest(),
            "time": moment,
            "nl": "\n",
        }
        signed = SLOT.sub(lambda slot: parts[slot[1]], said["template"]).encode()
        digest = hmac.new(means.secrets.get(said["secret"]).encode(), signed, said.get("algorithm", "sha256"))
        encoded = base64.b64encode(digest.digest()).decode()
        signature = encoded if said.get("encoding") == "base64" else digest.hexdigest()
        if "basicUser" in said:
            value = basic(text(said["basicUser"], means.values), signature, means.secrets)
        else:
            known = {**means.values, "signature": signature, "time": moment}
            value = SLOT.sub(lambda slot: str(known.get(slot[1], "")), said.get("value", "{signature}"))
        request.headers[said["header"]] = value
        if "timeHeader" in said:
            request.headers[said["timeHeader"]] = moment
        return request

    def _time(self) -> str:
        now, format_ = self.means.now(), self.means.settings.get("timeFormat", "epoch_s")
        if format_ == "http_date":
            return format_datetime(now.astimezone(UTC), usegmt=True)
        if format_ == "rfc3339":
            return rfc3339(now.replace(microsecond=0))
        return str(int(now.timestamp() * (1000 if format_ == "epoch_ms" else 1)))


def _bytes(body: object) -> bytes:
    if isinstance(body, bytes):
        return body
    return body.encode() if isinstance(body, str) else b""
