"""The AWS of the playbooks' tests: the sandbox with its incident, and what these playbooks ask for beside it."""

import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus
from xml.sax.saxutils import unescape

import pytest
import yaml
from playbooks.seeds import aws_ransom, aws_thefts
from support.amazon import every_source
from support.lab import END
from support.playing import Table, entries

from evidence_kit.model.time import Window, rfc3339
from evidence_kit.playbook.run.questions import Reply
from evidence_kit.sandbox.chapter import Answers, Chapter
from evidence_kit.sandbox.cloud import Cloud
from evidence_kit.sandbox.door import Asked, Door
from evidence_kit.sandbox.estate import ClientOf
from evidence_kit.sandbox.faults import Reply as Answered
from evidence_kit.sandbox.guardduty import GuardDuty
from evidence_kit.sandbox.incident import ACCOUNTS, DATA, HOME, LENGTH, SHOP
from evidence_kit.sandbox.protocols.asking import recognise
from evidence_kit.sandbox.protocols.models import Service, service
from evidence_kit.sandbox.serving import LOOPBACK
from evidence_kit.sandbox.wire import Answer, Call, Params, Refusal

OFFICE = "203.0.113.0/24"
INSIDE = ["10.0.0.0/8", OFFICE]
START = END - LENGTH
AWARE = "2026-11-21T10:00:00Z"
YES = Reply(approved=True, reason="yes")
NO = Reply(approved=False, reason="not now")
# Operations that moto has not. What is empty here is so in most accounts.
_EMPTY: Mapping[tuple[str, str], Mapping[str, object]] = {
    ("kms", "DescribeCustomKeyStores"): {"CustomKeyStores": []},
    ("backup", "DescribeRegionSettings"): {"ResourceTypeOptInPreference": {"S3": True}},
    ("backup", "ListRecoveryPointsByBackupVault"): {"RecoveryPoints": []},
    ("ec2", "ListSnapshotsInRecycleBin"): {"Snapshots": []},
    ("securityhub", "DescribeHub"): {"HubArn": f"arn:aws:securityhub:{HOME}:{SHOP}:hub/default"},
    ("securityhub", "GetEnabledStandards"): {"StandardsSubscriptions": []},
    ("securityhub", "ListEnabledProductsForImport"): {"ProductSubscriptions": []},
    ("securityhub", "ListAutomationRules"): {"AutomationRulesMetadata": []},
    ("securityhub", "GetFindings"): {"Findings": []},
    ("ecr", "DescribePullThroughCacheRules"): {"pullThroughCacheRules": []},
    ("ce", "GetAnomalyMonitors"): {"AnomalyMonitors": []},
    ("ce", "GetAnomalySubscriptions"): {"AnomalySubscriptions": []},
    ("ce", "GetAnomalies"): {"Anomalies": []},
    ("ce", "GetCostAndUsage"): {"ResultsByTime": []},
}


def chapter() -> Chapter:
    """Return what happened beside the incident."""
    return Chapter(acts=(*aws_thefts.acts(), *aws_ransom.acts()), answers=_answers, settle=_settle)


def _settle(client: ClientOf, window: Window) -> None:
    for told in (aws_thefts, aws_ransom):
        told.settle(client, window)


@contextmanager
def running_cloud() -> Iterator[Cloud]:
    """Run it, seen by every boto3 of this process."""
    with (
        Cloud(end=END, lookup_tps=None, log_events=50, more=chapter()) as cloud,
        pytest.MonkeyPatch.context() as set_,
    ):
        for name, value in cloud.environ.items():
            set_.setenv(name, value)
        set_.setattr(cloud.door, "answer", _completed(cloud.door))
        # Some operations put an account's number before the host's name: there, too, is this machine.
        set_.setattr(socket, "getaddrinfo", _resolving(socket.getaddrinfo))
        yield cloud


def inventory(*accounts: str, regions: Sequence[str] = (HOME,)) -> str:
    """Return an inventory in which evidence may be kept by a role of its own."""
    targets: list[dict[str, Any]] = []
    for account in accounts or (SHOP,):
        role = f"arn:aws:iam::{account}:role/ir-readonly"
        one = {"name": ACCOUNTS[account], "provider": "aws", "id": account, "regions": list(regions)}
        targets.append(one | ({"role": role} if account == DATA else {}) | {"preserve": {"role": role}})
    return yaml.safe_dump({"apiVersion": "evidence-kit/inventory.v1", "kind": "Inventory", "targets": targets})


def window(first: float, last: float) -> dict[str, str]:
    """Return the window between two hours of the incident, as a run takes it."""
    found = Window(START + timedelta(hours=first), START + timedelta(hours=last))
    return {"since": rfc3339(found.start), "until": rfc3339(found.end)}


def table(root: Path, text: str, answers: Mapping[str, Reply] | None = None, **approvals: Reply) -> Table:
    """Return an open case at which a playbook may be played."""
    return Table(root=root, entries=entries(text), answers=answers or {}, approvals=approvals).open()


def gaps(*steps: str, ended: Any) -> set[tuple[str, str, str, str]]:
    """Return what steps lack: step, kind, source and stream, or the region where there is no stream."""
    told = set()
    for step in steps:
        for gap in ended.results[step].gaps:
            source, _, region, stream, _ = gap.unit.split("|")
            told.add((step, gap.kind, source, stream if stream != "-" else region))
    return told


def clocks(found: Table) -> list[tuple[str, str]]:
    """Return the clocks that have started, each with its start."""
    return [(one["clock"]["id"], one["clock"]["startsAt"]) for one in found.events("clock.started")]


def _answers(said: Window) -> Answers:
    watch = GuardDuty({(SHOP, HOME): aws_thefts.detector(said)})
    return {
        **{key: _saying(output) for key, output in _EMPTY.items()},
        **{("backup", f"GetBackupVault{what}"): _absent for what in ("AccessPolicy", "Notifications")},
        **watch.answers,
        **aws_thefts.macie(said),
    }


def _saying(output: Mapping[str, object]) -> Answer:
    def answer(call: Call, params: Params) -> Mapping[str, object]:
        del call, params
        return output

    return answer


def _absent(call: Call, params: Params) -> Mapping[str, object]:
    del call, params
    raise Refusal("ResourceNotFoundException", "There is none", 404)


# Where moto has nothing to list, nothing is there: sources whose first questions are answered so.
_NOTHING = (
    "aws.agentcore.runtimes", "aws.agentcore.sessions", "aws.agentcore.tracing", "aws.bedrock.agents",
    "aws.bedrock.batch_jobs", "aws.bedrock.flows", "aws.bedrock.guardrails", "aws.bedrock.knowledge_bases",
    "aws.bedrock.models", "aws.bedrock.prompts", "aws.sagemaker.lineage", "aws.sagemaker.notebooks",
)  # fmt: skip


def _completed(door: Door) -> Any:
    """Return what answers in the door's place: empty lists for what moto cannot list, keys encoded as S3 does."""
    served = {(one.name, operation): output for one, operation, output in _nothings()}
    services = tuple({name: service(name) for name, _ in served}.values())
    real = door.answer

    def answer(asked: Asked) -> Answered:
        signed = tuple(one for one in services if one.signs_as == asked.service)
        known = recognise(asked.request, signed)
        output = served.get((known[0].name, known[1])) if known else None
        if known is None or output is None:
            return _encoded(asked, real(asked))
        status, headers, body = known[0].write(known[1], output, door.request_id())
        return Answered(status, (*headers.items(), ("x-amzn-RequestId", door.request_id())), body)

    return answer


def _encoded(asked: Asked, answered: Answered) -> Answered:
    """Write the keys of a listing of versions as S3 does where it is asked to; moto does so in other lists alone."""
    if asked.operation != "ListObjectVersions" or "encoding-type=url" not in asked.request.target:
        return answered

    def encode(found: re.Match[str]) -> str:
        return f"<Key>{quote_plus(unescape(found[1]), safe='/')}</Key>"

    body = re.sub(r"<Key>([^<]*)</Key>", encode, answered.body.decode())
    said = body.replace("<Name>", "<EncodingType>url</EncodingType><Name>", 1).encode()
    return replace(answered, body=said)


def _nothings() -> Iterator[tuple[Service, str, Mapping[str, object]]]:
    for name in _NOTHING:
        settings: Any = every_source()[name].settings
        for call in settings["calls"]:
            spoken = service(str(call.get("service", settings["service"])))
            if spoken.name == "logs":
                continue  # moto has it
            shape = spoken.operation(call["operation"]).output_shape.members[call["result"]]
            yield spoken, call["operation"], {call["result"]: [] if shape.type_name == "list" else "XRay"}


def _resolving(real: Any) -> Any:
    def resolve(host: str, *args: Any, **more: Any) -> Any:
        return real(LOOPBACK if str(host).endswith(f".{LOOPBACK}") else host, *args, **more)

    return resolve
