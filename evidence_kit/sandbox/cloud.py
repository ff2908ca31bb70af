"""The sandbox: two AWS accounts on loopback with one incident in them, for the demo and for every test.

It reaches nothing but 127.0.0.1, holds nothing real, and is gone without trace when closed.
"""

import gzip
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from types import MappingProxyType, TracebackType
from typing import Any, Self

import boto3
import botocore.session
import yaml
from botocore.config import Config

from evidence_kit.model.time import Window, parse_instant
from evidence_kit.sandbox.backend import Bucket, fill_log_group, moto_account_of, running_moto
from evidence_kit.sandbox.chapter import NOTHING_MORE, Chapter
from evidence_kit.sandbox.defaults import defaults
from evidence_kit.sandbox.door import Door
from evidence_kit.sandbox.estate import READER, TRAIL, fill_buckets, open_account, settle
from evidence_kit.sandbox.guardduty import GuardDuty, finding_ids
from evidence_kit.sandbox.incident import ACCOUNTS, HOME, REGIONS, SCORING, SHOP, Place, make_incident
from evidence_kit.sandbox.lookup import EventHistory, Meter, PublicKey
from evidence_kit.sandbox.records import Record
from evidence_kit.sandbox.scoring import scoring_answers
from evidence_kit.sandbox.serving import LOOPBACK, running
from evidence_kit.sandbox.simulator import Simulator
from evidence_kit.sandbox.trail import Delivery, TrailKey, deliver
from evidence_kit.sandbox.wire import Wire

BUCKET = f"org-trail-logs-{SHOP}"
LOOKUP_TPS = 2.0  # CloudTrail's own limit on LookupEvents, an account and region
LOG_EVENTS = 10_500  # more than the 10,000 of one FilterLogEvents page
SECRET = "sandbox-secret-that-opens-nothing"  # noqa: S105  the sandbox checks no signature
# The user's own profile must not reach in: neither by name nor by file.
_NO_PROFILE = {
    "profile": (None, None, None, None),
    "config_file": (None, None, "/dev/null", None),
    "credentials_file": (None, None, "/dev/null", None),
}
_HOUR = timedelta(hours=1)
_AROUND = timedelta(days=1)  # a signing key is valid longer than what it signed
_STAMP = re.compile(r"_(\d{8}T\d{4,6})Z")
_BENT = b'{"Records":[]}'


@dataclass(frozen=True, slots=True)
class Truth:
    """What there is to find, by account and region. `log_events` counts by account, region and log group.

    `prompts` are ids of model calls that Bedrock logged, `captured` those of requests that an endpoint captured.
    """

    lookup: Mapping[Place, frozenset[str]]
    delivered: Mapping[Place, frozenset[str]]
    findings: Mapping[Place, frozenset[str]]
    log_events: Mapping[tuple[str, str, str], int]
    log_keys: Mapping[Place, tuple[str, ...]]
    digest_keys: Mapping[Place, tuple[str, ...]]
    prompts: Mapping[Place, frozenset[str]]
    captured: Mapping[Place, frozenset[str]]


class Cloud:
    """A small AWS on loopback; enter it, use `environ`, leave it. `end` is when the incident's 26 hours end."""

    def __init__(
        self,
        *,
        end: datetime,
        seed: int = 1,
        lookup_tps: float | None = LOOKUP_TPS,
        log_events: int = LOG_EVENTS,
        scale: int = 1,
        more: Chapter = NOTHING_MORE,
    ) -> None:
        self.accounts = ACCOUNTS
        self.regions = REGIONS
        self.bucket = BUCKET
        self._incident = make_incident(end=end, seed=seed, scale=scale, log_events=log_events, more=more.acts)
        self._more = more
        self.window = self._incident.window
        self._seed = seed
        self.simulator = Simulator()
        self._history = EventHistory(Meter(lookup_tps))
        self._access = {_access_key(n): account for n, account in enumerate(ACCOUNTS)}
        self._keys: dict[str, TrailKey] = {}
        self._lookup: defaultdict[Place, frozenset[str]] = defaultdict(frozenset)
        self._deliveries: defaultdict[Place, list[Delivery]] = defaultdict(list)
        self._session: Any = boto3.Session(botocore_session=botocore.session.Session(_NO_PROFILE))
        self._closing = ExitStack()
        self._served: defaultdict[Place, list[Window]] = defaultdict(list)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            port = stack.enter_context(running_moto(self._seed))
            guardduty = GuardDuty(self._incident.detectors)
            self.door = Door(
                wire=Wire(
                    {
                        **self._history.answers,
                        **guardduty.answers,
                        **self.simulator.answers,
                        **defaults(),
                        **scoring_answers(SCORING, window=self.window, swapped_at=self._incident.swapped_at),
                        **self._more.answers(self.window),
                    }
                ),
                moto_port=port,
                account_of=self._account_of,
                clock=lambda: datetime.now(UTC),
            )
            stack.enter_context(running(self.door))
            self._seed_all()
            self._closing = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()

    @property
    def environ(self) -> dict[str, str]:
        """Return the environment in which boto3 and the AWS CLI see this cloud and no other."""
        return {
            "AWS_ENDPOINT_URL": self.door.url,
            "AWS_ACCESS_KEY_ID": next(iter(self._access)),
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": HOME,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "NO_PROXY": LOOPBACK,
        }

    @property
    def inventory(self) -> str:
        """Return the inventory of the two accounts as YAML."""
        targets = []
        for account, name in self.accounts.items():
            target: dict[str, object] = {"name": name, "provider": "aws", "id": account}
            if account != SHOP:
                target["role"] = f"arn:aws:iam::{account}:role/{READER}"
            targets.append(target | {"regions": list(self.regions)})
        document = {"apiVersion": "evidence-kit/inventory.v1", "kind": "Inventory", "targets": targets}
        return yaml.safe_dump(document, sort_keys=False)

    @property
    def truth(self) -> Truth:
        """Return what there is to find now."""
        groups = self._incident.log_groups
        found = {place: tuple(several) for place, several in self._deliveries.items()}
        return Truth(
            lookup=MappingProxyType(dict(self._lookup)),
            delivered={p: frozenset().union(*(d.event_ids for d in several)) for p, several in found.items()},
            findings=finding_ids(self._incident.detectors.items()),
            log_events={(group.account, group.region, group.name): group.count for group in groups},
            log_keys={p: tuple(key for d in several for key in d.log_keys) for p, several in found.items()},
            digest_keys={p: tuple(key for d in several for key in d.digest_keys) for p, several in found.items()},
            prompts={(SHOP, HOME): frozenset(file.request_id for file in self._incident.prompts)},
            captured={(SHOP, HOME): frozenset(i for file in self._incident.captured for i in file.event_ids)},
        )

    def client(self, service: str, account: str = SHOP, region: str = HOME) -> Any:  # noqa: ANN401  botocore's
        """Return a boto3 client that belongs to `account` and tries once only; close it when done."""
        key = next(key for key, owner in self._access.items() if owner == account)
        return self._session.client(
            service,
            region_name=region,
            endpoint_url=self.door.url,
            aws_access_key_id=key,
            aws_secret_access_key=SECRET,
            config=Config(retries={"total_max_attempts": 1}, proxies={}),
        )

    def serve_events(self, account: str, region: str, records: Sequence[Record]) -> None:
        """Add foreign CloudTrail records, untouched, to the event history and to the delivered files.

        An account that is not there yet gets a role and a trail first. Raise ValueError if there are none, or if
        their hours overlap with hours for which digests stand already.
        """
        times = [parse_instant(str(record["eventTime"])) for record in records]
        hours = Window(_floor(min(times)), _floor(max(times)) + _HOUR)
        place = (account, region)
        if any(hours.start < old.end and old.start < hours.end for old in self._served[place]):
            raise ValueError(f"digests of {account} {region} already cover some of these hours")
        if account not in self._access.values():
            self._access[_access_key(len(self._access))] = account
            open_account(self.client, account, BUCKET)
        self._serve(place, records, (hours,))

    def alter_log(self, account: str, region: str, n: int = 0) -> str:
        """Overwrite the n-th log file, as an intruder with S3 rights would; return its key."""
        key = self.truth.log_keys[account, region][n]
        self._logs.put(key, gzip.compress(_BENT, mtime=0), {}, modified=self.window.end)
        return key

    def delete_log(self, account: str, region: str, n: int = 0) -> str:
        """Delete the n-th log file; return its key."""
        key = self.truth.log_keys[account, region][n]
        self._logs.delete(key)
        return key

    def delete_digest(self, account: str, region: str, n: int = 0) -> str:
        """Delete the n-th digest; return its key."""
        key = self.truth.digest_keys[account, region][n]
        self._logs.delete(key)
        return key

    def restore_logs(self) -> None:
        """Undo every alteration and deletion, so that one cloud can serve many tests."""
        truth = self.truth
        for keys in (*truth.log_keys.values(), *truth.digest_keys.values()):
            for key in keys:
                self._logs.undo(key, versions=1)

    def _seed_all(self) -> None:
        self._logs = Bucket(SHOP, BUCKET)
        settle(self.client, self._incident, BUCKET)
        fill_buckets(self._incident)
        self._more.settle(self.client, self.window)
        for group in self._incident.log_groups:
            fill_log_group(group)
        for place, records in self._incident.events.items():
            self._serve(place, records, self._incident.logging[place[0]])
        self.door.sent.clear()

    def _serve(self, place: Place, records: Sequence[Record], logging: Sequence[Window]) -> None:
        account, region = place
        covered = Window(logging[0].start - _AROUND, logging[-1].end + _AROUND)
        key = self._key(region, covered)
        delivery = deliver(
            account=account,
            region=region,
            trail=TRAIL,
            home_region=HOME,
            bucket=BUCKET,
            key=key,
            events=records,
            logging=logging,
            put=partial(_put, self._logs),
        )
        self._deliveries[place].append(delivery)
        self._served[place].extend(logging)
        self._lookup[place] |= self._history.remember(place, records)

    def _key(self, region: str, covered: Window) -> TrailKey:
        if region not in self._keys:
            self._keys[region] = TrailKey.generate()
        key = self._keys[region]
        self._history.publish(region, PublicKey(key.public_der, key.fingerprint, covered))
        return key

    def _account_of(self, access_key: str) -> str:
        """Return whose key it is: given out here, by IAM or by STS; any other belongs to the first account."""
        return self._access.get(access_key) or moto_account_of(access_key) or SHOP


def _access_key(n: int) -> str:
    return f"AKIAEXAMPLESANDBOX{n:02d}"


def _floor(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _put(bucket: Bucket, key: str, body: bytes, metadata: Mapping[str, str]) -> None:
    """Put a delivered file as if at the time in its name."""
    stamp = _STAMP.findall(key)[-1]
    delivered_at = datetime.strptime(stamp.ljust(len("20260101T000000"), "0"), "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    bucket.put(key, body, metadata, modified=delivered_at)
