"""moto in a process of its own that enforces IAM: what a policy does not allow is denied, as AWS denies it."""

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import boto3
import urllib3
from botocore.config import Config
from support.process import serving

from evidence_kit.sandbox.serving import LOOPBACK, free_port

ACCOUNT = "123456789012"  # moto's own
REGION = "us-east-1"
READER = "reader"
# moto puts the signature of a GET request together from other bytes than the SDK; who asks is known by the key.
_SERVE = """
import sys
from moto.iam.access_control import IAMRequestBase
from moto.server import main
IAMRequestBase.check_signature = lambda self: None
main(sys.argv[1:])
"""


@dataclass
class Enforcing:
    """A running moto: open to everybody while it is filled, closed to all but one user's policy afterwards."""

    url: str
    _keys: Mapping[str, str] = field(default_factory=dict)

    def client(self, service: str):
        """Return a client that may do anything while the doors are open."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
            config=Config(retries={"total_max_attempts": 1}, proxies={}),
        )

    def open(self) -> None:
        """Check nobody."""
        self._authorise("inf")

    def allow(self, policies: Sequence[Mapping[str, object]]) -> None:
        """Give the reader exactly these policies, and check every request from here on."""
        self.open()
        iam = self.client("iam")
        if not self._keys:
            iam.create_user(UserName=READER)
            key = iam.create_access_key(UserName=READER)["AccessKey"]
            self._keys = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
        for name in iam.list_user_policies(UserName=READER)["PolicyNames"]:
            iam.delete_user_policy(UserName=READER, PolicyName=name)
        for number, policy in enumerate(policies):
            document = json.dumps(policy)
            iam.put_user_policy(UserName=READER, PolicyName=f"p{number}", PolicyDocument=document)
        self._authorise("0")

    @property
    def environ(self) -> dict[str, str]:
        """Return the environment in which boto3 is the reader."""
        return {
            **self._keys,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "NO_PROXY": LOOPBACK,
        }

    def _authorise(self, unchecked: str) -> None:
        url = f"{self.url}/moto-api/reset-auth"
        assert urllib3.request("POST", url, body=unchecked, retries=False).status == 200


@contextmanager
def enforcing_moto(folder: Path) -> Iterator[Enforcing]:
    """Run moto until the block is left; `folder` takes what it says."""
    port = free_port()
    url = f"http://{LOOPBACK}:{port}"
    environ = {"MOTO_EC2_LOAD_DEFAULT_AMIS": "false", "MOTO_IAM_LOAD_MANAGED_POLICIES": "false"}
    command = [sys.executable, "-c", _SERVE, "-H", LOOPBACK, "-p", str(port)]
    with serving(command, f"{url}/moto-api/data.json", folder, environ):
        yield Enforcing(url)
