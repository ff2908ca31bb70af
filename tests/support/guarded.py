"""The AWS of a fixture, with policies: what they do not allow is denied in AWS's own words.

Which actions an operation takes is `governance.actions`, which is compared with AWS's reference in a test of its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, ClassVar

import support.amazon
from support.amazon import Stage, staged

from evidence_kit.governance.actions import actions_of
from evidence_kit.governance.permissions import documents
from evidence_kit.model.source import SourceSpec
from evidence_kit.sandbox.amazon.server import Amazon
from evidence_kit.sandbox.wire import Refusal

Policy = Mapping[str, Any]


def policies_of(spec: SourceSpec, *, without: str = "", buckets: Sequence[str] = ()) -> list[Policy]:
    """Return what `sources permissions` prints for a source, less one action."""
    made: Any = documents([spec], buckets=buckets)
    return [
        {
            **policy,
            "Statement": [
                {**statement, "Action": [action for action in statement["Action"] if action != without]}
                for statement in policy["Statement"]
                if statement["Action"] != [without]
            ],
        }
        for policy in made.values()
    ]


def allows(policies: Sequence[Policy], action: str, resource: str) -> bool:
    """Say whether any statement allows an action; nothing here denies, and only decryption has a condition."""
    return any(
        action in statement["Action"]
        and any(fnmatchcase(resource, wanted) for wanted in _several(statement["Resource"]))
        for policy in policies
        for statement in policy["Statement"]
    )


def asked(service: str, operation: str, params: Mapping[str, Any]) -> str:
    """Return the action that IAM checks for a request; empty where it checks none."""
    if (service, operation) == ("s3", "GetObject"):
        return "s3:GetObjectVersion" if params.get("VersionId") else "s3:GetObject"
    found = actions_of(f"{service}:{operation}")
    return found[0] if found else ""


def place(params: Mapping[str, Any]) -> str:
    """Return the ARN of a bucket or an object, or what stands for everything else."""
    if "Bucket" not in params:
        return "everything"
    key = f"/{params['Key']}" if "Key" in params else ""
    return f"arn:aws:s3:::{params['Bucket']}{key}"


class Guarded(Amazon):
    """The server, asking for leave before it answers. `used` and `denied` have the actions that were asked for."""

    policies: ClassVar[Sequence[Policy]] = ()
    used: ClassVar[set[str]] = set()
    denied: ClassVar[set[str]] = set()

    def _say(self, question: Any, spoken: Any, params: Mapping[str, Any], request_id: str) -> Any:
        action = asked(question.service, question.operation, params)
        if action and not allows(self.policies, action, place(params)):
            code = "AccessDenied" if spoken.protocol in {"query", "rest-xml"} else "AccessDeniedException"
            code = "UnauthorizedOperation" if spoken.protocol == "ec2" else code
            who = f"User: arn:aws:sts::{question.account}:assumed-role/reader/evidence-kit"
            why = "because no identity-based policy allows it"
            self.denied.add(action)
            raise Refusal(code, f"{who} is not authorized to perform: {action} {why}", 403)
        self.used.add(action)
        return super()._say(question, spoken, params, request_id)


@contextmanager
def guarded(
    spec: SourceSpec, root: Path, monkeypatch: Any, policies: Sequence[Policy], text: bytes | None = None
) -> Iterator[Stage]:
    """Stage a source's fixture, or `text` in its place, behind these policies."""
    made = type("Guarded", (Guarded,), {"policies": policies, "used": set(), "denied": set()})
    monkeypatch.setattr(support.amazon, "Amazon", made)
    with staged(spec, root, monkeypatch, text) as stage:
        yield stage


def _several(value: str | Sequence[str]) -> Sequence[str]:
    return [value] if isinstance(value, str) else value
