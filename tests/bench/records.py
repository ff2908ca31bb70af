"""CloudTrail records from sealed `.json.gz` to queryable, then five incident questions, beside DuckDB, pandas and jq.

Peers read the same files without checking a digest or a duplicate key. `raw text` says which of them keep, as the
kit does, each record exactly as it stands beside its columns; the others keep only the columns.
"""

import base64
import gzip
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from measuring import ROUNDS, Row, Run, measured, side_by_side
from support.sealed_records import TRAIL, case_of

from evidence_kit.analysis.tables.asking import Limits, Question, ask
from evidence_kit.analysis.tables.derive import Tables, derive, open_case
from evidence_kit.sources.catalogue import load_catalogue

IN_FILE = 88  # records of a file, as CloudTrail delivers them
_SERVICES = (
    ("s3.amazonaws.com", "GetObject"),
    ("s3.amazonaws.com", "PutObject"),
    ("sts.amazonaws.com", "AssumeRole"),
    ("ec2.amazonaws.com", "DescribeInstances"),
    ("iam.amazonaws.com", "ListUsers"),
    ("secretsmanager.amazonaws.com", "GetSecretValue"),
    ("kms.amazonaws.com", "Decrypt"),
)
_BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
_HOUR = "'2026-11-18T21:00:00Z'", "'2026-11-18T22:00:00Z'"


def _named(kind: str, who: int) -> str:
    """Return an identifier as AWS makes them: a prefix, and what cannot be guessed from others."""
    return kind + base64.b32encode(hashlib.sha256(f"{kind}{who}".encode()).digest()).decode()[:16]


KEY = _named("ASIA", 42)


@dataclass(frozen=True)
class Asked:
    """A question of our columns, and of the raw files, of which only `fields` need to be read."""

    ours: str
    theirs: str
    fields: str


_WHO = "userIdentity STRUCT(arn VARCHAR)"
QUESTIONS: Mapping[str, Asked] = {
    "who, since when, from how many addresses": Asked(
        "SELECT actor, min(time), max(time), count(DISTINCT src_ip) FROM evidence GROUP BY 1",
        """SELECT r.userIdentity.arn, min(r.eventTime), max(r.eventTime), count(DISTINCT r.sourceIPAddress)
           FROM raw GROUP BY 1""",
        f"eventTime VARCHAR, sourceIPAddress VARCHAR, {_WHO}",
    ),
    "from where": Asked(
        "SELECT src_ip, min(time), max(time), count(*) FROM evidence GROUP BY 1",
        "SELECT r.sourceIPAddress, min(r.eventTime), max(r.eventTime), count(*) FROM raw GROUP BY 1",
        "eventTime VARCHAR, sourceIPAddress VARCHAR",
    ),
    "what was denied to whom": Asked(
        "SELECT actor, action, count(*) FROM evidence WHERE outcome = 'failure' GROUP BY ALL",
        "SELECT r.userIdentity.arn, r.eventName, count(*) FROM raw WHERE r.errorCode IS NOT NULL GROUP BY ALL",
        f"eventName VARCHAR, errorCode VARCHAR, {_WHO}",
    ),
    "what one key did, in order": Asked(
        f"SELECT time, action, resource, src_ip FROM evidence WHERE credential = '{KEY}' ORDER BY time_ns",
        f"""SELECT r.eventTime, r.eventName, r.sourceIPAddress FROM raw
            WHERE r.userIdentity.accessKeyId = '{KEY}' ORDER BY 1""",
        "eventTime VARCHAR, eventName VARCHAR, sourceIPAddress VARCHAR, userIdentity STRUCT(accessKeyId VARCHAR)",
    ),
    "one hour": Asked(
        f"SELECT action, count(*) FROM evidence WHERE time >= {_HOUR[0]} AND time < {_HOUR[1]} GROUP BY 1",
        f"""SELECT r.eventName, count(*) FROM raw
            WHERE r.eventTime >= {_HOUR[0]} AND r.eventTime < {_HOUR[1]} GROUP BY 1""",
        "eventTime VARCHAR, eventName VARCHAR",
    ),
}
_TYPED = (
    "STRUCT(eventTime VARCHAR, eventName VARCHAR, eventID VARCHAR, awsRegion VARCHAR, sourceIPAddress VARCHAR, "
    "userAgent VARCHAR, errorCode VARCHAR, recipientAccountId VARCHAR, "
    "userIdentity STRUCT(arn VARCHAR, accessKeyId VARCHAR), "
    "requestParameters STRUCT(bucketName VARCHAR, roleArn VARCHAR, secretId VARCHAR))[]"
)
_STRUCTURE = {
    **dict.fromkeys(
        ("eventTime", "eventName", "eventID", "awsRegion", "sourceIPAddress", "userAgent", "errorCode"), "VARCHAR"
    ),
    "recipientAccountId": "VARCHAR",
    "userIdentity": {"arn": "VARCHAR", "accessKeyId": "VARCHAR"},
    "requestParameters": {"bucketName": "VARCHAR", "roleArn": "VARCHAR", "secretId": "VARCHAR"},
}
_ASKED = "requestParameters", "responseElements"
_WITH_THEM = _TYPED.replace(
    "requestParameters STRUCT(bucketName VARCHAR, roleArn VARCHAR, secretId VARCHAR)",
    ", ".join(f"{name} JSON" for name in _ASKED),
)
_PATHS = (
    "eventTime", "eventName", "eventID", "awsRegion", "sourceIPAddress", "userAgent", "errorCode",
    "recipientAccountId", "userIdentity.arn", "userIdentity.accessKeyId", "requestParameters.bucketName",
    "requestParameters.roleArn", "requestParameters.secretId",
)  # fmt: skip
_JQ = (
    ".Records[] | [.eventTime, .eventName, .awsRegion, .sourceIPAddress, .userAgent, .errorCode, "
    ".recipientAccountId, .userIdentity.arn, .userIdentity.accessKeyId, .requestParameters.bucketName] | @csv"
)


def record(number: int, of: int) -> dict[str, object]:
    """Return a record of the size and depth of a real one: `of` such records make four weeks of an account."""
    at = _BEGIN + timedelta(seconds=number * 28 * 86_400 // of)
    service, action = _SERVICES[number * number % 7]
    who = number * 7919 % 211
    role = _named("AROA", who % 23)
    arn = f"arn:aws:sts::111122223333:assumed-role/role-{who % 23}/session-{who}"
    refused = {"errorCode": "AccessDenied", "errorMessage": f"{arn} may not {action}"} if number % 53 == 0 else {}
    chance = hashlib.sha512(b"%d" % number).digest()  # what gives each record of a real trail something of its own
    key = f"orders/{at:%Y/%m/%d}/{uuid.UUID(bytes=chance[:16])}.json"
    handled = {"x-amz-id-2": base64.b64encode(chance[:56]).decode()} if service == "s3.amazonaws.com" else {}
    return {
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": f"{role}:session-{who}",
            "arn": arn,
            "accountId": "111122223333",
            "accessKeyId": _named("ASIA", who),
            "sessionContext": {
                "sessionIssuer": {
                    "type": "Role",
                    "principalId": role,
                    "arn": f"arn:aws:iam::111122223333:role/role-{who % 23}",
                    "accountId": "111122223333",
                    "userName": f"role-{who % 23}",
                },
                "attributes": {
                    "creationDate": f"{at - timedelta(seconds=chance[48] * 14):%Y-%m-%dT%H:%M:%SZ}",
                    "mfaAuthenticated": "false",
                },
            },
        },
        "eventTime": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "eventSource": service,
        "eventName": action,
        "awsRegion": "eu-central-1",
        "sourceIPAddress": f"203.0.113.{number * 31 % 251}",
        "userAgent": "[aws-sdk-python/1.34.0 md/Botocore#1.34.0 ua/2.0 os/linux#6.1 md/arch#x86_64 lang/python#3.11]",
        **refused,
        "requestParameters": {"bucketName": f"shop-{number % 40}", "key": key, "Host": "s3"},
        "responseElements": None,
        "additionalEventData": {
            "SignatureVersion": "SigV4",
            "bytesTransferredIn": 0,
            **handled,
            "bytesTransferredOut": number,
        },
        "requestID": str(uuid.UUID(bytes=chance[16:32])),
        "eventID": str(uuid.UUID(bytes=chance[32:48], version=4)),
        "readOnly": action.startswith(("Get", "List", "Describe")),
        "resources": [{"type": "AWS::S3::Object", "ARN": f"arn:aws:s3:::shop-{number % 40}/{key}"}],
        "eventType": "AwsApiCall",
        "managementEvent": service != "s3.amazonaws.com",
        "recipientAccountId": "111122223333",
        "eventCategory": "Data" if service == "s3.amazonaws.com" else "Management",
        "tlsDetails": {
            "tlsVersion": "TLSv1.3",
            "cipherSuite": "TLS_AES_128_GCM_SHA256",
            "clientProvidedHostHeader": "",
        },
    }


@dataclass(frozen=True)
class Delivered(Mapping[str, bytes]):
    """The files of a trail in a folder, read one at a time."""

    folder: Path

    def __getitem__(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(path.name for path in self.folder.iterdir()))

    def __len__(self) -> int:
        return sum(1 for _ in self.folder.iterdir())


def deliver(folder: Path, records: int) -> Delivered:
    """Write the files of a trail."""
    folder.mkdir()
    for first in range(0, records, IN_FILE):
        found = [record(number, records) for number in range(first, min(first + IN_FILE, records))]
        body = json.dumps({"Records": found}, separators=(",", ":")).encode()
        (folder / f"{first:09}.json.gz").write_bytes(gzip.compress(body, 6))
    return Delivered(folder)


def building(base: Path, records: int, rounds: int) -> list[Row]:
    """Compare what it takes to make the records queryable, then what five questions take."""
    base = base / "records"
    base.mkdir()
    files = deliver(base / "trail", records)
    case = case_of(base / "case", {TRAIL: files})
    work = f"{records:,} CloudTrail records to queryable"
    opened, specs = open_case(case.vault, root=case.root), load_catalogue()
    processes = os.cpu_count() or 1
    made: list[Tables] = []

    def build(folder: Path) -> None:
        made[:] = [derive(opened, folder / "tables", specs, processes=processes)]
        if made[0].rows != records or made[0].defects:
            raise RuntimeError("the benchmark's own records were not all read")

    rows = [measured(work, "evidence-kit: digest, strict, 17 columns, raw text", build, base, rounds=rounds)]
    rows += [measured(work, who, run, base, rounds=rounds) for who, run in _peers(files.folder)]
    return [*rows, *asking(base, made, files.folder, records, rounds)]


def asking(base: Path, made: list[Tables], folder: Path, records: int, rounds: int) -> list[Row]:
    """Ask five questions of the tables, through the locked process, and of the raw files in place."""
    rows = []
    for number, (work, asked) in enumerate(QUESTIONS.items(), start=1):
        label = f"question {number} of {records:,}: {work}"
        runs: dict[str, Run | str] = {
            "evidence-kit query": lambda _, sql=asked.ours: _ask(made, sql),
            "DuckDB on the raw files": lambda _, asked=asked: _in_place(folder, asked),
        }
        # Short, so more than once: the first of all finds no program of ours in memory.
        rows += side_by_side(label, runs, base, rounds=max(ROUNDS, rounds))
    return rows


def _ask(made: list[Tables], sql: str) -> None:
    with ask(made, Question(sql), Limits(timeout=600, threads=os.cpu_count() or 1)) as (_, batches):
        if not sum(batch.num_rows for batch in batches):
            raise RuntimeError("a question of the benchmark has no answer")


def _in_place(folder: Path, asked: Asked) -> None:
    import duckdb

    with duckdb.connect() as connection:
        records = _read(folder, f"STRUCT({asked.fields})[]")
        if not connection.execute(f"WITH raw AS {records} {asked.theirs}").fetchall():
            raise RuntimeError("a question of the benchmark has no answer")


def _read(folder: Path, kind: str) -> str:
    """Return the records as DuckDB reads them; without `records` it is several times slower."""
    files = f"read_json('{folder}/*.json.gz', columns={{Records: '{kind}'}}, records=true)"
    return f"(SELECT unnest(Records) AS r FROM {files})"


def _peers(folder: Path) -> Iterator[tuple[str, Callable[[Path], object]]]:
    typed = ", ".join(f"r.{path}" for path in _PATHS)
    plain = [f"r.{path}" for path in _PATHS if not path.startswith(_ASKED)]
    within = ["r.{}->>'$.{}'".format(*path.split(".")) for path in _PATHS if path.startswith(_ASKED)]
    asked = ", ".join((*plain, *within, *(f"r.{name}" for name in _ASKED)))
    yield "DuckDB read_json: 13 columns", lambda to: _duckdb(typed, _read(folder, _TYPED), to)
    yield "DuckDB read_json: 13 columns, request, response", lambda to: _duckdb(asked, _read(folder, _WITH_THEM), to)
    # All columns by one reading of each text, which is a third faster than `->>` for each of them.
    both = f"(SELECT r AS raw, json_transform(r, '{json.dumps(_STRUCTURE)}') AS r FROM {_read(folder, 'JSON[]')})"
    yield "DuckDB read_json: 13 columns, raw text", lambda to: _duckdb(f"raw, {typed}", both, to)
    if importlib.util.find_spec("pandas"):
        yield "pandas json_normalize: all columns", lambda to: _pandas(folder, to)
    if shutil.which("jq"):
        yield "gunzip | jq: 10 columns as CSV", lambda to: _jq(folder, to)


def _duckdb(columns: str, records: str, to: Path) -> None:
    import duckdb

    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT {columns} FROM {records}) TO '{to}/out.parquet' (FORMAT parquet, COMPRESSION zstd)"
        )


def _pandas(folder: Path, to: Path) -> None:
    import pandas as pd

    frames = [
        pd.json_normalize(json.loads(gzip.decompress(path.read_bytes()))["Records"]) for path in folder.iterdir()
    ]
    pd.concat(frames).astype(str).to_parquet(to / "out.parquet", compression="zstd")


def _jq(folder: Path, to: Path) -> None:
    command = f"find {folder} -name '*.json.gz' -print0 | xargs -0 gzip -dc | jq -r '{_JQ}' > {to}/out.csv"
    subprocess.run(["/bin/sh", "-c", command], check=True)
