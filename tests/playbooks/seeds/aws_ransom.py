"""The shop's ledger, encrypted with a key that nobody here has, its backups gone; and a nightly job beside it."""

from collections.abc import Iterator
from datetime import timedelta

from moto.s3.models import s3_backends

from evidence_kit.model.time import Window
from evidence_kit.sandbox.backend import Bucket
from evidence_kit.sandbox.estate import ClientOf
from evidence_kit.sandbox.incident import HOME, SHOP, Act
from evidence_kit.sandbox.noise import SDK, object_read
from evidence_kit.sandbox.records import Deed, session, user

LEDGER = f"ledger-{SHOP}"
KEY = "AKIAEXAMPLEBACKUPSV1"
EXTORTER, WORKER = "198.51.100.140", "10.20.4.41"
ENCRYPTED = tuple(f"books/{year}.db" for year in range(2021, 2025))
FOREIGN_KMS = "arn:aws:kms:us-east-1:999988887777:key/3b1c8f0e-1111-4222-8333-444455556666"
LOST, NOTE = "books/year=2019/closing balance.db", "books/READ-ME.txt"  # S3 lists the first one encoded
READ = ENCRYPTED[:2]  # what was read before it was encrypted
ROTATED = "books/index.db"  # rewritten every night with the shop's own key
VAULT_POINT = f"arn:aws:backup:{HOME}:{SHOP}:recovery-point:7f3a"
DOOMED = "9d2e77aa-0000-4111-8222-333344445555"
AT = timedelta(hours=20, minutes=30)
_EXTORTER = user(SHOP, "svc-backup", KEY, ip=EXTORTER, agent="Boto3/1.40.11")
_NIGHTLY = session(SHOP, "inventory-sync", "ledger", "ASIAEXAMPLELEDGERNXX", ip=WORKER, agent=SDK)


def acts() -> Iterator[Act]:
    """Yield what the extorter did, and what the nightly job does."""
    minute = timedelta(minutes=1)
    for n, key in enumerate(READ):
        yield AT + n * minute, SHOP, HOME, _EXTORTER, object_read(SHOP, LEDGER, key, size=2_000_000)
    suspend = {"bucketName": LEDGER, "VersioningConfiguration": {"Status": "Suspended"}}
    for n, (service, name, request) in enumerate(
        (
            ("s3", "PutBucketVersioning", suspend),
            ("backup", "DeleteRecoveryPoint", {"backupVaultName": "main", "recoveryPointArn": VAULT_POINT}),
            ("kms", "ScheduleKeyDeletion", {"keyId": DOOMED, "pendingWindowInDays": 7}),
        )
    ):
        deed = Deed(service=service, name=name, reads=False, request=request)
        yield AT + (4 + n) * minute, SHOP, HOME, _EXTORTER, deed
    for n, key in enumerate(ENCRYPTED):
        yield AT + (10 + n) * minute, SHOP, HOME, _EXTORTER, _rewritten(key, foreign=n == len(ENCRYPTED) - 1)
    yield AT + 15 * minute, SHOP, HOME, _EXTORTER, _deed("DeleteObject", LOST)
    yield AT + 16 * minute, SHOP, HOME, _EXTORTER, _deed("PutObject", NOTE)
    own = {"x-amz-server-side-encryption-aws-kms-key-id": f"arn:aws:kms:{HOME}:{SHOP}:key/own"}
    yield AT + 7 * minute, SHOP, HOME, _NIGHTLY, _deed("PutObject", ROTATED, **own)
    yield AT + 8 * minute, SHOP, HOME, _NIGHTLY, object_read(SHOP, LEDGER, ROTATED, size=500)


def _rewritten(key: str, *, foreign: bool) -> Deed:
    """Return that an object was copied onto itself under a key of theirs: SSE-C, or KMS of another account."""
    if foreign:
        how = {
            "x-amz-server-side-encryption": "aws:kms",
            "x-amz-server-side-encryption-aws-kms-key-id": FOREIGN_KMS,
        }
    else:
        how = {"x-amz-server-side-encryption-customer-algorithm": "AES256"}
    return _deed("CopyObject", key, **{"x-amz-copy-source": f"{LEDGER}/{key}", **how})


def _deed(name: str, key: str, **more: str) -> Deed:
    return Deed(
        service="s3",
        name=name,
        reads=False,
        data=True,
        request={"bucketName": LEDGER, "key": key, "Host": f"{LEDGER}.s3.amazonaws.com", **more},
        resources=(
            {"type": "AWS::S3::Object", "ARN": f"arn:aws:s3:::{LEDGER}/{key}"},
            {"accountId": SHOP, "type": "AWS::S3::Bucket", "ARN": f"arn:aws:s3:::{LEDGER}"},
        ),
    )


def settle(client: ClientOf, window: Window) -> None:
    """Leave the ledger as the responders find it: earlier versions of all but one of what was encrypted."""
    client("s3", SHOP, HOME).create_bucket(Bucket=LEDGER, ObjectLockEnabledForBucket=True)
    ledger, minute = Bucket(SHOP, LEDGER), timedelta(minutes=1)
    at = window.start + AT
    for n, key in enumerate(ENCRYPTED):
        if n:  # the first was never versioned: it is lost
            ledger.put(key, b"debit,credit\n", {}, modified=window.start)
        ledger.put(key, b"\x8f\x01\xaa", {}, modified=at + (10 + n) * minute)
    ledger.put(LOST, b"debit,credit\n", {}, modified=window.start)
    ledger.delete(LOST)
    marker = s3_backends[SHOP]["aws"].buckets[LEDGER].keys.getlist(LOST)[-1]
    marker.last_modified = (at + 15 * minute).replace(tzinfo=None)
    ledger.put(NOTE, b"pay", {}, modified=at + 16 * minute)
    ledger.put(ROTATED, b"index", {}, modified=window.start)
    ledger.put(ROTATED, b"index 2", {}, modified=at + 7 * minute)
    kms = client("kms", SHOP, HOME)
    doomed = kms.create_key(Description="ledger")["KeyMetadata"]["KeyId"]
    kms.schedule_key_deletion(KeyId=doomed, PendingWindowInDays=7)
    client("backup", SHOP, HOME).create_backup_vault(BackupVaultName="main")
