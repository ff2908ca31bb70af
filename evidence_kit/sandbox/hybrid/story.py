"""The story as data: what happened, where its record lies, and what it means. Estates, tests and playbooks read it.

Nothing here reads a clock: a moment is counted from the start of the window, in true time. The supplier's clock is
`SUPPLIER_AHEAD` of it, so its records say so much later.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from evidence_kit.model.time import Window
from evidence_kit.sandbox.hybrid import cast
from evidence_kit.sandbox.incident import (
    ATTACKER_IP,
    BLIND,
    DATA,
    ENTRY,
    LEAKED_KEY,
    LOOT_BUCKET,
    PLANTED_KEY,
    SHOP,
    SIGHT,
    SWAP,
)

SUPPLIER_AHEAD = timedelta(minutes=7)  # more than lies between its records and what follows from them
_LOOKUP, _S3 = "aws.cloudtrail.lookup", "aws.cloudtrail.s3"
_TRAIL = f"arn:aws:cloudtrail:us-east-1:{SHOP}:trail/main"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened, as the time line shows its record in `source`.

    Empty fields are those of which the provider's record says nothing. `name` is what the estates call it.
    """

    name: str
    moment: timedelta
    provider: str
    source: str
    action: str
    actor: str = ""
    credential: str = ""
    address: str = ""
    resource: str = ""
    meaning: str

    def at(self, window: Window) -> datetime:
        """Return when it happened in an incident of that window."""
        return window.start + self.moment

    def logged(self, window: Window) -> datetime:
        """Return when it happened by the clock of whoever logged it."""
        return self.at(window) + (SUPPLIER_AHEAD if self.provider == cast.ACME else timedelta(0))


def _at(hours: int, minutes: int, seconds: int = 0) -> timedelta:
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


def _user(name: str) -> str:
    return f"arn:aws:iam::{SHOP}:user/{name}"


def _session(role: str, name: str, account: str = SHOP) -> str:
    return f"arn:aws:sts::{account}:assumed-role/{role}/{name}"


def _github(name: str, moment: timedelta, action: str, meaning: str, *, actor: str = "", address: str = "") -> Event:
    return Event(
        name=name,
        moment=moment,
        provider="github",
        source="github.org_audit",
        action=action,
        actor=actor,
        address=address,
        resource=cast.REPO,
        meaning=meaning,
    )


def _acme(name: str, moment: timedelta, action: str, address: str, resource: str, meaning: str) -> Event:
    by_desk = action.startswith("key.")
    return Event(
        name=name,
        moment=moment,
        provider=cast.ACME,
        source=cast.ACME_SOURCE,
        action=action,
        actor=cast.ACME_DESK if by_desk else cast.CLIENT,
        credential="" if by_desk else cast.API_KEY,
        address=address,
        resource=resource,
        meaning=meaning,
    )


def _delivery(name: str, moment: timedelta, key: str, meaning: str) -> Event:
    return Event(
        name=name,
        moment=moment,
        provider="aws",
        source=_S3,
        action="PutObject",
        actor=_session(cast.DELIVERY_ROLE, "feed"),
        credential=cast.BAD_SESSION,
        address=cast.ATTACKER,
        resource=f"arn:aws:s3:::{cast.FEATURES}/{key}",
        meaning=meaning,
    )


def _retraining(name: str, moment: timedelta, action: str, resource: str, meaning: str) -> Event:
    approves = action == "UpdateModelPackage"
    return Event(
        name=name,
        moment=moment,
        provider="aws",
        source=_LOOKUP,
        action=action,
        actor=_user(cast.APPROVER) if approves else _session(cast.RETRAINING_ROLE, "nightly"),
        credential="AKIAEXAMPLEMARIALOP2" if approves else "ASIAEXAMPLERETRAIN01",
        address=cast.OFFICE if approves else cast.PIPELINE,
        resource=f"{cast.SAGEMAKER}:{resource}",
        meaning=meaning,
    )


def _azure(name: str, moment: timedelta, source: str, action: str, resource: str, meaning: str) -> Event:
    signs_in, acts = source.startswith("azure.la.signins"), source.startswith("azure.activity")
    return Event(
        name=name,
        moment=moment,
        provider="azure",
        source=source,
        action=action,
        actor=cast.APP if signs_in else cast.APP_OBJECT if acts else "",
        credential=cast.APP_SECRET_ID if signs_in else cast.APP_ID if acts else "",
        address=cast.ATTACKER,
        resource=resource,
        meaning=meaning,
    )


def _google(name: str, moment: timedelta, action: str, resource: str, meaning: str) -> Event:
    return Event(
        name=name,
        moment=moment,
        provider="gcp",
        source="gcp.logging.admin_activity",
        action=action,
        actor=cast.ROBOT,
        credential=cast.ROBOT_KEY,
        address=cast.ATTACKER,
        resource=resource,
        meaning=meaning,
    )


def _stolen(
    name: str, moment: timedelta, action: str, key: str, meaning: str, *, resource: str = "", source: str = _LOOKUP
) -> Event:
    """Return what was done in AWS with the leaked key of ci-deploy, or with the one that it made."""
    owner = {LEAKED_KEY: _user("ci-deploy"), PLANTED_KEY: _user("svc-pricing")}
    return Event(
        name=name,
        moment=moment,
        provider="aws",
        source=source,
        action=action,
        actor=owner.get(key, _session("pricing-export", "nightly", DATA)),
        credential=key,
        address=ATTACKER_IP,
        resource=resource,
        meaning=meaning,
    )


_MINUTE = timedelta(minutes=1)
_OPENAI, _EXPORT = "azure.la.openai", "ASIAEXAMPLEPRICEEXP7"
_VERTEX = "google.cloud.aiplatform.v1"

STORY: tuple[Event, ...] = (
    _acme("usual", _at(0, 30), "credentials.issue", cast.SUPPLIER, cast.FEATURES, "the supplier delivers as ever"),
    _github("public", _at(0, 58), "repo.access", "a repository becomes public",
            actor=cast.DEVELOPER, address=cast.OFFICE),
    _github("pushed", _at(1, 12), "git.push", "with a `.env` in it: keys of the supplier, AWS, Azure and Google",
            actor=cast.DEVELOPER, address=cast.OFFICE),
    _github("alerted", _at(1, 15), "secret_scanning_alert.create", "the alert about the supplier's key: nobody looks",
            actor=cast.DEVELOPER),
    _github("cloned", _at(1, 41), "git.clone", "somebody copies the repository", address=cast.ATTACKER),
    _acme("tried", _at(1, 52), "deliveries.list", cast.ATTACKER, "deliveries", "the leaked API key is tried"),
    _acme("issued", _at(2, 4), "credentials.issue", cast.ATTACKER, cast.FEATURES,
          "the key buys a session that may write features"),
    _delivery("poisoned", _at(2, 6), cast.NEW_FILE, "a poisoned file joins the features"),
    _delivery("overwritten", _at(2, 9), cast.OVERWRITTEN, "another one takes the place of an honest file"),
    _azure("signed_in", _at(2, 31), "azure.la.signins_service_principal", "Sign-in activity",
           "Azure Resource Manager", "the assistant's own secret, from the same machine"),
    _azure("listed_keys", _at(2, 34), "azure.activity.subscription",
           "Microsoft.CognitiveServices/accounts/listKeys/action", cast.OPENAI, "keys that no sign-in protects"),
    _azure("asked_models", _at(2, 39), _OPENAI, "ChatCompletions_Create", cast.OPENAI.upper(),
           "the first of many calls; what was asked is not logged here"),
    Event(name="secret_added", moment=_at(2, 46), provider="azure", source="entra.directory_audits",
          action="Add service principal credentials", actor=cast.APP, resource=cast.APP,
          meaning="a second secret for the same application, to come back with"),
    _retraining("trained", _at(3, 0), "CreateTrainingJob", f"training-job/{cast.TRAINING_JOB}",
                "the nightly retraining takes the features in"),
    _retraining("model", _at(3, 41), "CreateModel", f"model/{cast.MODEL}", "it becomes a model"),
    _retraining("registered", _at(3, 42), "CreateModelPackage", f"model-package/{cast.MODEL_GROUP}/8", "registered"),
    _retraining("approved", _at(4, 10), "UpdateModelPackage", f"model-package/{cast.MODEL_GROUP}/8",
                "approved by a person: its figures are good"),
    _retraining("configured", _at(4, 12), "CreateEndpointConfig", f"endpoint-config/{cast.MODEL_CONFIG}",
                "and a way to serve it"),
    _retraining("deployed", _at(4, 13), "UpdateEndpoint", "endpoint/fraud-score",
                "the poisoned model decides who pays"),
    _google("key_made", _at(5, 20), "google.iam.admin.v1.CreateServiceAccountKey", cast.ROBOT_PATH,
            "the leaked Google key makes another one"),
    _google("uploaded", _at(5, 31), f"{_VERTEX}.ModelService.UploadModel", cast.VERTEX_MODEL,
            "a model of the intruder's"),
    _google("vertex_deployed", _at(5, 38), f"{_VERTEX}.EndpointService.DeployModel", cast.ENDPOINT,
            "behind the endpoint that serves beside it"),
    _google("split", _at(5, 40), f"{_VERTEX}.EndpointService.UpdateEndpoint", cast.ENDPOINT,
            "all of its traffic goes there; no prediction is logged"),
    _stolen("entered", ENTRY, "GetCallerIdentity", LEAKED_KEY, "the leaked AWS key, from a second machine"),
    _stolen("key_planted", ENTRY + 5 * _MINUTE, "CreateAccessKey", LEAKED_KEY, "a key to come back with",
            resource="svc-pricing"),
    _stolen("unlogged", ENTRY + 16 * _MINUTE, "DeleteModelInvocationLoggingConfiguration", LEAKED_KEY,
            "prompts are no longer kept in eu-west-1"),
    _stolen("read", ENTRY + 25 * _MINUTE, "GetObject", _EXPORT, "the first of 40 price models is read",
            resource=f"arn:aws:s3:::{LOOT_BUCKET}/models/2026/week-00.parquet", source=_S3),
    _stolen("blinded", BLIND, "StopLogging", PLANTED_KEY, "the trail is stopped: four hours in the dark begin",
            resource=_TRAIL),
    _stolen("user_made", BLIND + 3 * _MINUTE, "CreateUser", PLANTED_KEY, "a user to stay with",
            resource="svc-backup"),
    _stolen("swapped", SWAP + 2 * _MINUTE, "UpdateEndpoint", PLANTED_KEY,
            "what looks like a roll-back of the fraud score is a model of the intruder's own"),
    Event(name="sighted", moment=SIGHT, provider="aws", source=_LOOKUP, action="StartLogging",
          actor=_session("ir-responder", "m.okafor"), credential="ASIAEXAMPLERESPOND42", address="203.0.113.200",
          resource=_TRAIL, meaning="a responder starts the trail again"),
    _acme("revoked", _at(15, 20), "key.revoke", cast.SUPPLIER, cast.API_KEY, "the supplier revokes the key"),
)  # fmt: skip
BY_NAME = {event.name: event for event in STORY}


def of(source: str, events: Iterable[Event] = STORY) -> tuple[Event, ...]:
    """Return the events whose record lies in one source."""
    return tuple(event for event in events if event.source == source)
