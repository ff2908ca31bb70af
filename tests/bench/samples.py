"""Prints, for a folder of events that others labelled, how often the columns find what the events hold.

`python tests/bench/samples.py FOLDER` reads `*.jsonl`, one log a file, named as the table below names it, and
`*.json`, lists of CloudTrail events that attacks left. A file that holds two logs is measured once for each. What an
event holds is said here a second time, apart from the mappings that are measured. A time that its publisher blacked
out or mangled is no time to Python either: such events are counted apart and shown.
"""

import json
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import jmespath
from support.bodies import OneBody, artifact_of

from evidence_kit.analysis.records.mapping import shape_of
from evidence_kit.analysis.records.promote import ROW, Promoter
from evidence_kit.analysis.records.reading import read_records
from evidence_kit.analysis.records.record import Record

COLUMNS = ("time", "action", "actor", "src_ip")
_CALLER = "protoPayload.requestMetadata.[callerIp, callerIP][?@]|[0]"
_TIMES = '"@timestamp" || created_at || timestamp || time'
_OFFICE = ("m365.activity_feed", "Operation || operation", "CreationTime || creationtime", "Operation || operation",
           "UserId || userid", "ClientIP || clientip || ActorIpAddress")  # fmt: skip
_CLAIMS = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
_CLAIMED = f'identity.claims.["{_CLAIMS}upn", "{_CLAIMS}emailaddress", name, appid]'
_ENTRA = "(operationName || operationname) && time && {}contains(category, 'SignInLogs')"
_TRAIL = ("aws.cloudtrail.s3", "eventName && eventSource", "eventTime", "eventName",
          "userIdentity.[arn, userName, principalId, accountId, type][?@]|[0]", "sourceIPAddress")  # fmt: skip
ATTACKS = "CloudTrail of attacks"
# Log → source that reads it, what each of its events has, and where it holds time, action, actor and address.
LOGS: dict[str, tuple[str, str, str, str, str, str]] = {
    "AWS.CloudTrail": _TRAIL,
    ATTACKS: _TRAIL,
    "AWS.ALB": ("aws.elb.access_logs", "elb || targetGroupArn", "timestamp", "type", "null", "clientIp"),
    "AWS.GuardDuty": ("aws.guardduty.findings", "type", "updatedAt", "type", "null", "null"),
    "AWS.BedrockModelInvocation": ("aws.bedrock.invocations_s3", "operation", "timestamp", "operation",
                                   "identity.arn", "null"),
    "AWS.S3ServerAccess": ("aws.s3.access_logs", "bucket", "time", "operation", "requester", "remoteip"),
    "AWS.VPCFlow": ("aws.vpc.flow_s3", "srcAddr || dstAddr", "start", "action", "null", "srcAddr"),
    "Anthropic.Activity": ("anthropic.compliance_activities", "id && type", "created_at", "type",
                           "actor.email_address || actor.id", "actor.ip_address"),
    "GCP.AuditLog": ("gcp.logging.activity", "protoPayload", "timestamp || receiveTimestamp",
                     "protoPayload.methodName", "protoPayload.authenticationInfo.principalEmail",
                     _CALLER),
    "GSuite.ActivityEvent": ("gcp.workspace.login", "id.applicationName && actor", "id.time", "name || type",
                             "actor.email", "ipAddress"),
    "GitHub.Audit": ("github.org_audit", "action && !(eventType)", _TIMES, "action", "actor", "actor_ip"),
    "MicrosoftIntune.AuditLogs": ("azure.blob.intune", "operationName", "time", "operationName", "identity", "null"),
    "MicrosoftIntune.OperationalLogs": ("azure.blob.intune", "operationName", "time", "operationName", "null",
                                        "null"),
    "Microsoft365.Audit.AzureActiveDirectory": _OFFICE,
    "Microsoft365.Audit.Exchange": _OFFICE,
    "Microsoft365.Audit.SharePoint": _OFFICE,
    "Okta.SystemLog": ("okta.system_log", "(eventType || eventtype) && (actor || published)", "published",
                       "eventType || eventtype",
                       "actor.alternateId || actor.displayName || actor.id", "client.ipAddress"),
    "OpenAI.Audit": ("openai.audit_logs", "type", "effective_at", "type", "actor.session.user.email",
                     "actor.session.ip_address"),
    "Slack.AuditLogs": ("slack.audit_logs", "action && actor", "date_create", "action",
                        "actor.user.email || actor.user.name || actor.user.id", "context.ip_address"),
    "Azure.MonitorActivity": ("azure.blob.activity", "operationName && time", "time", "operationName",
                              f"{_CLAIMED}[?@]|[0] || identity.authorization.evidence.principalId",
                              "callerIpAddress"),
    "Azure.Audit (sign-ins)": ("azure.la.signins", _ENTRA.format(""), "time", "operationName || operationname",
                               "properties.[userPrincipalName, servicePrincipalName, userId][?@]|[0]",
                               "callerIpAddress || calleripaddress || properties.ipAddress"),
    "Azure.Audit (changes)": ("azure.la.entra_audit", _ENTRA.format("!"), "time", "operationName || operationname",
                              "properties.initiatedBy.[user.userPrincipalName, user.id, app.displayName][?@]|[0]",
                              "callerIpAddress || calleripaddress || properties.initiatedBy.user.ipAddress"),
    "MicrosoftDefenderXDR.AdvancedHunting": ("defender.hunting", "category", "properties.Timestamp || time",
                                             "operationName", "properties.AccountUpn || properties.AccountName",
                                             "properties.RemoteIP"),
    "MicrosoftGraph.SecurityAlertV2": ("defender.alerts", "title", "createdDateTime", "title",
                                       "evidence[].userAccount.userPrincipalName|[0]", "evidence[].ipAddress|[0]"),
    "aws_cloudtrail": ("aws.cloudtrail.lookup", "EventName", "EventTime", "EventName", "Username", "null"),
    "azure_activity_log": ("azure.activity.subscription", "operation_name", "event_timestamp",
                           "operation_name.value || operation_name", "caller", "http_request.client_ip_address"),
    "gcp_logging": ("gcp.logging.activity", "logName", "timestamp", "protoPayload.methodName",
                    "protoPayload.authenticationInfo.principalEmail", _CALLER),
    "microsoft_audit_log": _OFFICE,
    "Snowflake.LoginHistory": ("snowflake.login_history", "EVENT_TYPE", "EVENT_TIMESTAMP", "EVENT_TYPE", "USER_NAME",
                               "CLIENT_IP"),
    "Snowflake.QueryHistory": ("snowflake.query_history", "QUERY_TYPE", "START_TIME", "QUERY_TYPE", "USER_NAME",
                               "null"),
    "Snowflake.GrantsToRoles": ("snowflake.query_history", "@", "CREATED_ON", "PRIVILEGE", "GRANTED_BY", "null"),
    "Snowflake.GrantsToUsers": ("snowflake.query_history", "@", "CREATED_ON", "ROLE", "GRANTED_BY", "null"),
    "Snowflake.DataTransferHistory": ("snowflake.query_history", "@", "START_TIME", "TRANSFER_TYPE", "null", "null"),
}  # fmt: skip


@dataclass(slots=True)
class Rate:
    """How a log's events fared: held and found by column, those that are no events of it, and its mangled times."""

    log: str
    events: int = 0
    stubs: int = 0
    held: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COLUMNS, 0))
    found: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COLUMNS, 0))
    mangled: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)  # what was held and not found

    def add(self, value: object, row: dict[str, object], places: dict[str, str]) -> None:
        """Count one event."""
        self.events += 1
        for column, place in places.items():
            held = jmespath.search(place, value)
            if held in (None, "", "-", "null", [], {}):
                continue
            if column == "time" and not is_time(str(held)):
                self.mangled.append(str(held))
                continue
            self.held[column] += 1
            if row[column]:
                self.found[column] += 1
            else:
                self.missed.append(f"{column}: {held}"[:80])


def is_time(text: str) -> bool:
    """Say whether Python's own parsers make a time of a text; that they take any letter before the hour is undone."""
    plain = re.sub(r"\s+(?=Z$|[+-]\d\d:?\d\d$)", "", text.strip())
    if re.match(r"\d{4}-\d\d-\d\d[^T ]", plain):
        return False
    for parse in (float, datetime.fromisoformat, parsedate_to_datetime):
        with suppress(ValueError, TypeError):
            parse(plain)
            return True
    return False


def rates(folder: Path) -> Iterator[Rate]:
    """Yield the rates of every log in a folder that the table names."""
    for log, body in _bodies(folder):
        source, required, *places = LOGS[log]
        shape, rate = shape_of(source), Rate(log)
        promoter = Promoter("samples", artifact_of(body, source), shape)
        for one in read_records(OneBody(body), artifact_of(body, source), None):  # type: ignore[arg-type]
            if not isinstance(one, Record) or not jmespath.search(required, one.value):
                rate.stubs += 1
                continue
            row = dict(zip(ROW, promoter.row(one), strict=True))
            rate.add(json.loads(one.raw), row, dict(zip(COLUMNS, places, strict=True)))
        yield rate


def _bodies(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield each log of the table with the lines that hold its events; `x (y)` is one of the logs in `x.jsonl`."""
    for path in sorted(folder.glob("*.jsonl")):
        yield from ((log, path.read_bytes()) for log in LOGS if log.partition(" (")[0] == path.stem)
    if found := [event for path in sorted(folder.glob("*.json")) for event in json.loads(path.read_bytes())]:
        yield ATTACKS, "\n".join(map(json.dumps, found)).encode()


def main(folder: Path) -> None:
    """Print the table, then each time that is none, and whatever was held and not found."""
    print("| log | events | time | action | actor | address | times that are none | stubs |\n|" + "---|" * 8)
    rests = []
    for rate in rates(folder):
        cells = " | ".join(f"{rate.found[column]}/{rate.held[column]}" for column in COLUMNS)
        print(f"| {rate.log} | {rate.events} | {cells} | {len(rate.mangled)} | {rate.stubs} |")
        rests += [f"{rate.log}: no time: {text!r}" for text in sorted(set(rate.mangled))]
        rests += [f"{rate.log}: not found: {text}" for text in rate.missed]
    print("", *rests, sep="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
