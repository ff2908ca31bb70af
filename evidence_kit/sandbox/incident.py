"""The incident that the sandbox tells: a leaked key, two accounts, three regions, and four hours without a trail.

Whoever holds the key also calls language models, and puts another model behind the shop's fraud score.

Everything follows from `end` and `seed`; nothing here reads a clock, draws other randomness or calls anybody.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain

from evidence_kit.model.time import Window, require_utc
from evidence_kit.sandbox.applogs import LogGroup, log_groups
from evidence_kit.sandbox.findings import detectors
from evidence_kit.sandbox.guardduty import Detector
from evidence_kit.sandbox.noise import SDK, noise, object_read
from evidence_kit.sandbox.prompts import PromptFile, model_call, prompt_files
from evidence_kit.sandbox.records import Actor, Deed, Record, Scribe, session, user
from evidence_kit.sandbox.scoring import Captured, captured, swap
from evidence_kit.sandbox.scoring import Place as Scoring

SHOP, DATA = "111122223333", "444455556666"
ACCOUNTS: Mapping[str, str] = {SHOP: "shop", DATA: "data"}
HOME, EUROPE, PACIFIC = REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-2")
LENGTH = timedelta(hours=26)

ATTACKER_IP = "198.51.100.23"
LEAKED_KEY = "AKIAEXAMPLECIDEPLOY1"  # of ci-deploy
PLANTED_KEY = "AKIAEXAMPLESVCPRICE9"  # of svc-pricing, made by the intruder
LOOT_BUCKET = f"pricing-models-{DATA}"
STOLEN_OBJECTS = 40
PROMPT_BUCKET = f"shop-prompts-{SHOP}"
SCORING = Scoring(account=SHOP, region=HOME)
MISUSES = 12  # calls of models where nobody logs them

# From the start of the window
ENTRY = timedelta(hours=9, minutes=10)
BLIND = timedelta(hours=10, minutes=2, seconds=11)
SIGHT = timedelta(hours=14, minutes=5, seconds=40)
SWAP = BLIND + timedelta(minutes=20)

Place = tuple[str, str]
Act = tuple[timedelta, str, str, Actor, Deed]  # from the start of the window, account, region, who, what


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """All that happened. `logging` are the intervals in which an account's trail was on."""

    window: Window
    events: Mapping[Place, tuple[Record, ...]]
    logging: Mapping[str, tuple[Window, ...]]
    detectors: Mapping[Place, Detector]
    log_groups: tuple[LogGroup, ...]
    prompts: tuple[PromptFile, ...]
    captured: tuple[Captured, ...]

    @property
    def swapped_at(self) -> datetime:
        """Return since when the endpoint answers with the intruder's model."""
        return self.window.start + SWAP + timedelta(minutes=2)

    @property
    def stopped_at(self) -> datetime:
        """Return when the intruder stopped the trail of the shop."""
        return self.logging[SHOP][0].end - timedelta(seconds=1)

    @property
    def restarted_at(self) -> datetime:
        """Return when the responder started it again."""
        return self.logging[SHOP][1].start


def make_incident(*, end: datetime, seed: int, scale: int = 1, log_events: int, more: Iterable[Act] = ()) -> Incident:
    """Return the incident whose 26 hours end at `end`, cut to the second; `more` happened beside it."""
    until = require_utc(end).replace(microsecond=0)
    window = Window(until - LENGTH, until)
    scribe = Scribe(seed)
    events: defaultdict[Place, list[Record]] = defaultdict(list)
    for account in ACCOUNTS:
        for region in REGIONS:
            events[account, region].extend(noise(scribe, account, region, window, scale))
    for place, record in _story(scribe, window.start, more):
        events[place].append(record)
    second = timedelta(seconds=1)  # StopLogging itself is the last thing a trail hears
    blind, sight = window.start + BLIND + second, window.start + SIGHT
    return Incident(
        window=window,
        events={place: tuple(sorted(found, key=_when)) for place, found in events.items()},
        logging={SHOP: (Window(window.start, blind), Window(sight, window.end)), DATA: (window,)},
        detectors=detectors(
            home=(SHOP, HOME), others=((SHOP, EUROPE), (DATA, HOME), (DATA, EUROPE)), window=window, seed=seed
        ),
        log_groups=log_groups(account=SHOP, region=HOME, window=window, events=log_events, seed=seed),
        prompts=tuple(prompt_files(sorted(events[SHOP, HOME], key=_when), intruder=ATTACKER_IP)),
        captured=tuple(captured(window, swapped_at=window.start + SWAP, seed=seed)),
    )


def _when(record: Record) -> str:
    return str(record["eventTime"])


def _story(scribe: Scribe, start: datetime, more: Iterable[Act]) -> Iterator[tuple[Place, Record]]:
    chapters = (_assistance, _intrusion, _misuse, _theft, _in_the_dark, _response)
    # What comes on top is written last: the same seed gives the same ids with it and without.
    for offset, account, region, actor, deed in chain(*(acts(scribe) for acts in chapters), more):
        yield (account, region), scribe.write(start + offset, account, region, actor, deed)


_CLI = "aws-cli/2.27.50 md/awscrt#0.26.1 ua/2.1 os/linux#6.8 lang/python#3.13.4 md/prompt#off md/command#"
_INTRUDER = user(SHOP, "ci-deploy", LEAKED_KEY, ip=ATTACKER_IP, agent=_CLI + "sts.get-caller-identity")
_PRICING = user(SHOP, "svc-pricing", PLANTED_KEY, ip=ATTACKER_IP, agent=_CLI + "sts.assume-role")
_EXPORT = session(DATA, "pricing-export", "nightly", "ASIAEXAMPLEPRICEEXP7", ip=ATTACKER_IP, agent=_CLI + "s3.sync")
_RESPONDER = session(
    SHOP,
    "ir-responder",
    "m.okafor",
    "ASIAEXAMPLERESPOND42",
    ip="203.0.113.200",
    agent=_CLI + "cloudtrail.start-logging",
)
_ASSISTANT = session(SHOP, "checkout-api", "assistant", "ASIAEXAMPLEASSISTANT", ip="10.20.4.18", agent=SDK)
_TRAIL = f"arn:aws:cloudtrail:{HOME}:{SHOP}:trail/main"


def _assistance(scribe: Scribe) -> Iterator[Act]:
    """Yield the shop's own use of a model, every other hour."""
    for n in range(1, int(LENGTH / timedelta(hours=2))):
        offset = timedelta(hours=2 * n, seconds=scribe.random.randrange(3600))
        yield offset, SHOP, HOME, _ASSISTANT, model_call("Converse", tokens=scribe.random.randrange(200, 900))


def _misuse(scribe: Scribe) -> Iterator[Act]:
    """Call models with the leaked key: at home where prompts are logged, and where the intruder ended that."""
    minute = timedelta(minutes=1)
    ask = Deed(service="bedrock", name="GetModelInvocationLoggingConfiguration")
    end = Deed(service="bedrock", name="DeleteModelInvocationLoggingConfiguration", reads=False)
    yield ENTRY + 11 * minute, SHOP, HOME, _INTRUDER, Deed(service="bedrock", name="ListFoundationModels")
    yield ENTRY + 12 * minute, SHOP, HOME, _INTRUDER, ask
    yield ENTRY + 12 * minute, SHOP, EUROPE, _INTRUDER, ask
    for n in range(3):
        yield ENTRY + (13 + n) * minute, SHOP, HOME, _INTRUDER, _greedy("InvokeModel", scribe)
    yield ENTRY + 16 * minute, SHOP, EUROPE, _INTRUDER, end
    for n in range(MISUSES):
        yield ENTRY + 17 * minute + n * timedelta(seconds=40), SHOP, EUROPE, _INTRUDER, _greedy("Converse", scribe)


def _greedy(name: str, scribe: Scribe) -> Deed:
    return model_call(name, tokens=scribe.random.randrange(60_000, 180_000))


def _intrusion(scribe: Scribe) -> Iterator[Act]:
    del scribe
    minute = timedelta(minutes=1)
    key = {"userName": "svc-pricing", "accessKeyId": PLANTED_KEY, "status": "Active"}
    yield ENTRY, SHOP, HOME, _INTRUDER, Deed(service="sts", name="GetCallerIdentity")
    yield ENTRY + minute, SHOP, HOME, _INTRUDER, Deed(service="iam", name="ListUsers")
    yield (
        ENTRY + 2 * minute,
        SHOP,
        HOME,
        _INTRUDER,
        Deed(service="iam", name="ListAttachedUserPolicies", request={"userName": "svc-pricing"}),
    )
    yield (
        ENTRY + 5 * minute,
        SHOP,
        HOME,
        _INTRUDER,
        Deed(
            service="iam",
            name="CreateAccessKey",
            reads=False,
            request={"userName": "svc-pricing"},
            response={"accessKey": key},
        ),
    )
    for region in REGIONS:
        yield ENTRY + 9 * minute, SHOP, region, _INTRUDER, Deed(service="ec2", name="DescribeInstances")


def _theft(scribe: Scribe) -> Iterator[Act]:
    minute, role = timedelta(minutes=1), f"arn:aws:iam::{DATA}:role/pricing-export"
    assumed = Deed(
        service="sts",
        name="AssumeRole",
        request={"roleArn": role, "roleSessionName": "nightly"},
        response={"credentials": {"accessKeyId": _EXPORT.identity["accessKeyId"]}},
        resources=({"accountId": DATA, "type": "AWS::IAM::Role", "ARN": role},),
        extra={"sharedEventID": scribe.uuid()},
    )
    at = ENTRY + 20 * minute
    # Both accounts record a cross-account AssumeRole, each under an id of its own.
    yield at, SHOP, HOME, _PRICING, assumed
    yield at, DATA, HOME, _PRICING, assumed
    yield at + minute, DATA, HOME, _EXPORT, Deed(service="s3", name="ListBuckets")
    secret = {"secretId": "pricing/feature-store"}
    yield (
        at + 3 * minute,
        DATA,
        EUROPE,
        _EXPORT,
        Deed(service="secretsmanager", name="GetSecretValue", request=secret),
    )
    for n in range(STOLEN_OBJECTS):
        size = scribe.random.randrange(1 << 20, 1 << 24)
        deed = object_read(DATA, LOOT_BUCKET, f"models/2026/week-{n:02d}.parquet", size=size)
        yield at + 5 * minute + n * timedelta(seconds=11), DATA, EUROPE, _EXPORT, deed


def _in_the_dark(scribe: Scribe) -> Iterator[Act]:
    minute, name = timedelta(minutes=1), {"userName": "svc-backup"}
    policy = {**name, "policyArn": f"arn:aws:iam::{SHOP}:policy/platform-admin"}
    new = {"user": {**name, "arn": f"arn:aws:iam::{SHOP}:user/svc-backup"}}
    stop = Deed(service="cloudtrail", name="StopLogging", reads=False, request={"name": _TRAIL})
    create = Deed(service="iam", name="CreateUser", reads=False, request=name, response=new)
    attach = Deed(service="iam", name="AttachUserPolicy", reads=False, request=policy)
    launch = Deed(
        service="ec2",
        name="RunInstances",
        reads=False,
        request={"instanceType": "g6.48xlarge", "minCount": 4, "maxCount": 4},
    )
    yield BLIND, SHOP, HOME, _PRICING, stop
    yield BLIND + 3 * minute, SHOP, HOME, _PRICING, create
    yield BLIND + 4 * minute, SHOP, HOME, _PRICING, attach
    for n, deed in enumerate(swap(SCORING)):
        yield SWAP + n * minute, SHOP, HOME, _PRICING, deed
    for n in range(3):
        yield BLIND + (30 + n) * minute, SHOP, HOME, _PRICING, _greedy("InvokeModel", scribe)
    yield BLIND + 40 * minute, SHOP, PACIFIC, _PRICING, launch


def _response(scribe: Scribe) -> Iterator[Act]:
    del scribe
    minute = timedelta(minutes=1)
    yield (
        SIGHT,
        SHOP,
        HOME,
        _RESPONDER,
        Deed(service="cloudtrail", name="StartLogging", reads=False, request={"name": _TRAIL}),
    )
    for n, (owner, key) in enumerate((("ci-deploy", LEAKED_KEY), ("svc-pricing", PLANTED_KEY)), start=1):
        request = {"userName": owner, "accessKeyId": key, "status": "Inactive"}
        deed = Deed(service="iam", name="UpdateAccessKey", reads=False, request=request)
        yield SIGHT + n * 2 * minute, SHOP, HOME, _RESPONDER, deed
