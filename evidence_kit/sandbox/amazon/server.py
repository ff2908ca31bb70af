"""The server: every request is recognised by the models, answered from the fixture, and put on record."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from evidence_kit.sandbox.amazon.buckets import Bucket, etag
from evidence_kit.sandbox.amazon.fixture import Estate, Line, Output
from evidence_kit.sandbox.door import Asked, Door
from evidence_kit.sandbox.faults import Reply, error_reply
from evidence_kit.sandbox.naming import Request
from evidence_kit.sandbox.protocols.asking import Params, moment, params_of, recognise
from evidence_kit.sandbox.protocols.models import Service, service
from evidence_kit.sandbox.wire import Refusal, Wire

ACCOUNT = "111122223333"
REGIONS = {"us-east-1": "opt-in-not-required", "eu-west-1": "opt-in-not-required", "me-south-1": "not-opted-in"}
# Answered without a fixture's help: who we are, and which regions there are.
USUAL = ("sts", "ec2")
_ASSUMED = "ASIA"  # before the account's number: the key that AssumeRole hands out


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One request, understood."""

    account: str
    region: str
    service: str
    operation: str
    params: Mapping[str, object]
    code: str = ""  # of the refusal it got


class Amazon(Door):
    """AWS as `estate` has it. Faults work as at the big sandbox's door, by botocore's names of services.

    `heard` has every request that was understood, `sent` every answer, `unexpected` whatever the estate did not
    foresee: a test ends with the last one empty, and with nothing in `unserved`.
    """

    def __init__(self, estate: Estate, *, clock: Callable[[], datetime], account: str = ACCOUNT) -> None:
        super().__init__(wire=Wire({}), moto_port=0, account_of=lambda key: account_of(key, account), clock=clock)
        self.estate = estate
        self.account = account
        self.heard: list[Heard] = []
        self.unexpected: list[str] = []
        self._served: set[tuple[int, int]] = set()
        self._granted: set[str] = set()
        self._turns: Counter[str] = Counter()
        self._guard_state = threading.Lock()

    @property
    def environ(self) -> dict[str, str]:
        """Return the environment in which boto3 sees this server and nothing else."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "not-a-secret",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1",
        }

    @property
    def unserved(self) -> list[str]:
        """Return the replies and pages that nobody asked for: a list that was cut short, or a fixture's slack."""
        return [
            f"{line.service.name} {line.operation} {dict(line.when)} part {part + 1} of {_parts(line)}"
            for number, line in enumerate(self.estate.lines)
            for part in range(_parts(line))
            if (number, part) not in self._served
        ]

    # -- from a request to its answer --------------------------------------------------------------------------

    def ask(self, request: Request) -> Asked:
        """Find out who asks what of whom, by the models of the services that there are."""
        credential = request.credential
        known = recognise(request, self._services(credential.service))
        name, operation = (
            (known[0].name, known[1]) if known else (credential.service, f"{request.method} {request.path}")
        )
        return Asked(request, self.account_of(credential.access_key), credential.region, name, operation)

    def _services(self, signed: str) -> tuple[Service, ...]:
        buckets = (service("s3"),) if self.estate.buckets else ()
        found = {one.name: one for one in (*self.estate.services, *buckets)}
        found |= {name: service(name) for name in USUAL if name not in found}
        return tuple(one for one in found.values() if signed in {"", one.signs_as})

    def answer(self, asked: Asked) -> Reply:
        """Answer from the first line that fits, from a bucket, or as every account does."""
        request_id = self.request_id()
        try:
            spoken = service(asked.service)
            params = params_of(asked.request, spoken, asked.operation)
        except LookupError as error:
            self.unexpected.append(f"{asked.service} {asked.operation}: {error}")
            return error_reply("json", "UnexpectedRequest", str(error), 400, request_id)
        code = ""
        try:
            return self._say(asked, spoken, params, request_id)
        except Refusal as refusal:
            code = refusal.code
            return error_reply(spoken.dialect, code, refusal.message, refusal.status, request_id)
        finally:
            self.heard.append(
                Heard(
                    account=asked.account,
                    region=asked.region,
                    service=asked.service,
                    operation=asked.operation,
                    params=params,
                    code=code,
                )
            )

    def _say(self, asked: Asked, spoken: Service, params: Params, request_id: str) -> Reply:
        for number, line in enumerate(self.estate.lines):
            if _concerns(line, asked) and fits(line.when, params):
                return self._read_out(number, line, asked, params, request_id)
        if spoken.name == "s3" and (bucket := self._bucket(params)) and (make := bucket.answers(asked.operation)):
            return self._from_bucket(bucket, make(params), asked, params, request_id)
        if (output := self._usual(asked, params)) is not None:
            return _reply(spoken, asked.operation, output, request_id)
        raise self._unforeseen(f"no reply for {asked.service} {asked.operation} {params} in {asked.region}")

    def _unforeseen(self, what: str) -> Refusal:
        self.unexpected.append(what)
        return Refusal("UnexpectedRequest", what)

    # -- lines of the fixture ----------------------------------------------------------------------------------

    def _read_out(self, number: int, line: Line, asked: Asked, params: Params, request_id: str) -> Reply:
        part, output = self._part(number, line, asked, params)
        with self._guard_state:
            self._served.add((number, part))
        if line.refusal:
            raise line.refusal
        if line.body is not None:
            return Reply(200, _headers(line, line.body, request_id), line.body)
        return _reply(line.service, line.operation, output, request_id, line.headers)

    def _part(self, number: int, line: Line, asked: Asked, params: Params) -> tuple[int, Output]:
        """Return which page or turn is due, and what it says."""
        inputs = line.paging.inputs if line.paging and line.pages else ()
        rest = {name: value for name, value in params.items() if name not in inputs}
        question = json.dumps([number, asked.account, asked.region, rest], sort_keys=True, default=str)
        if line.turns:
            with self._guard_state:
                turn = min(self._turns[question], len(line.turns) - 1)
                self._turns[question] += 1
            return turn, line.turns[turn]
        if not line.pages:
            return 0, {}
        given = tuple(None if params.get(name) in {None, ""} else str(params[name]) for name in inputs)
        page = next((n for n in range(len(line.pages)) if line.tokens(n) == given), None)
        with self._guard_state:
            if page is None or (page and f"{question} {page}" not in self._granted):
                raise self._unforeseen(
                    f"{asked.service} {asked.operation}: page token {given} was not given for {rest}"
                )
            self._granted.add(f"{question} {page + 1}")
        return page, line.pages[page]

    # -- buckets and the usual ---------------------------------------------------------------------------------

    def _bucket(self, params: Params) -> Bucket | None:
        return next((one for one in self.estate.buckets if one.name == params.get("Bucket")), None)

    def _from_bucket(
        self, bucket: Bucket, output: Mapping[str, Any], asked: Asked, params: Params, request_id: str
    ) -> Reply:
        place = ("x-amz-bucket-region", bucket.region)
        if bucket.region != asked.region and asked.operation != "GetBucketLocation":
            said = "The bucket you are attempting to access must be addressed using the specified endpoint."
            moved = error_reply("s3", "PermanentRedirect", said, 301, request_id)
            return Reply(301, (*moved.headers, place), moved.body)
        if "Body" not in output:
            return _reply(service("s3"), asked.operation, output, request_id)
        body = output["Body"]
        written = _reply(service("s3"), "GetObject", output, request_id, tuple(bucket.headers(params).items()))
        return Reply(200, written.headers, body, declared=len(body) if asked.operation == "HeadObject" else None)

    def _usual(self, asked: Asked, params: Params) -> Output | None:
        match asked.service, asked.operation:
            case "sts", "GetCallerIdentity":
                arn = f"arn:aws:sts::{asked.account}:assumed-role/ir-readonly/evidence-kit"
                return {"Account": asked.account, "UserId": "AROAEXAMPLE:evidence-kit", "Arn": arn}
            case "sts", "AssumeRole":
                return _assumed(str(params["RoleArn"]), self.clock())
            case "ec2", "DescribeRegions":
                everything = bool(params.get("AllRegions"))
                return {
                    "Regions": [
                        {"RegionName": name, "OptInStatus": opted, "Endpoint": f"ec2.{name}.amazonaws.com"}
                        for name, opted in REGIONS.items()
                        if everything or opted != "not-opted-in"
                    ]
                }
            case _:
                return None


def account_of(access_key: str, default: str) -> str:
    """Return the account that an access key belongs to: a role's key has its number."""
    return access_key.removeprefix(_ASSUMED) if access_key.startswith(_ASSUMED) else default


def fits(wanted: object, said: object) -> bool:
    """Say whether `said` has all that `wanted` has; a parameter wanted as null must not be given."""
    if isinstance(wanted, Mapping):
        return isinstance(said, Mapping) and all(
            name not in said if value is None else name in said and fits(value, said[name])
            for name, value in wanted.items()
        )
    if isinstance(wanted, list):
        return isinstance(said, list) and len(said) == len(wanted) and all(map(fits, wanted, said))
    return moment(wanted) == said if isinstance(said, datetime) else wanted == said


def _concerns(line: Line, asked: Asked) -> bool:
    return (
        (line.service.name, line.operation) == (asked.service, asked.operation)
        and line.region in {"", asked.region}
        and line.account in {"", asked.account}
    )


def _parts(line: Line) -> int:
    return max(1, len(line.pages), len(line.turns))


def _reply(
    spoken: Service, name: str, output: Output, request_id: str, extra: tuple[tuple[str, str], ...] = ()
) -> Reply:
    status, headers, body = spoken.write(name, output, request_id)
    return Reply(status, (*headers.items(), (_id_header(spoken), request_id), *extra), body)


def _headers(line: Line, body: bytes, request_id: str) -> tuple[tuple[str, str], ...]:
    headers = (*line.headers, (_id_header(line.service), request_id))
    given = {name.lower() for name, _ in line.headers}
    return headers if line.service.name != "s3" or "etag" in given else (*headers, ("ETag", etag(body)))


def _id_header(spoken: Service) -> str:
    return "x-amz-request-id" if spoken.name == "s3" else "x-amzn-RequestId"


def _assumed(role: str, now: datetime) -> Output:
    account, _, name = role.partition("::")[2].partition(":role/")
    return {
        "Credentials": {
            "AccessKeyId": f"{_ASSUMED}{account}",
            "SecretAccessKey": "not-a-secret",
            "SessionToken": "not-a-token",
            "Expiration": now.replace(year=now.year + 1, day=1),
        },
        "AssumedRoleUser": {
            "AssumedRoleId": "AROAEXAMPLE:evidence-kit",
            "Arn": f"arn:aws:sts::{account}:assumed-role/{name}/evidence-kit",
        },
    }
