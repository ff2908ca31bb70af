"""One delivery: what a person said of it, and what lies there; all of it goes into the plan of its unit."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from evidence_kit.custody import strict
from evidence_kit.custody.request import Request
from evidence_kit.errors import EmptyError, SignatureError, UsageError
from evidence_kit.model.delivered import Left, Place, Places

DELIVERED, CHECKSUMS, SIGNATURE = "delivered", "checksums", "signature"
KEYRING, CERTIFICATE, KEY = "signer's keyring", "signer's certificate", "signer's key"
_LISTS = ("paths", "checksums", "signatures", "classes")
_TEXTS = ("deliveredBy", "channel", "deliveredAt", "keyring", "signerCertificate", "signerKey", "request")
_SUFFIXES = (".asc", ".sig", ".gpg", ".pgp", ".p7s", ".p7m", ".cms", ".der", ".pem", ".p7")


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What was said on receipt. `classes` are `CLASS=PATTERN`, the operator's word on which file is what."""

    paths: tuple[str, ...]
    delivered_by: str
    channel: str
    delivered_at: str
    checksums: tuple[str, ...] = ()
    signatures: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    keyring: str = ""
    signer_certificate: str = ""
    signer_key: str = ""
    request: Request | None = None

    def to_params(self) -> dict[str, str]:
        """Return it as an order holds it."""
        said = {
            "paths": json.dumps(self.paths),
            "checksums": json.dumps(self.checksums),
            "signatures": json.dumps(self.signatures),
            "classes": json.dumps(self.classes),
            "deliveredBy": self.delivered_by,
            "channel": self.channel,
            "deliveredAt": self.delivered_at,
            "keyring": self.keyring,
            "signerCertificate": self.signer_certificate,
            "signerKey": self.signer_key,
            "request": strict.encode(self.request.to_json()).decode() if self.request else "",
        }
        return {name: value for name, value in said.items() if value not in {"", "[]"}}

    @classmethod
    def of(cls, params: Mapping[str, str]) -> "Delivery":
        """Read what `to_params` wrote."""
        if "paths" not in params:
            raise UsageError(
                "`intake.files` takes what a partner delivers", hint="`evidence-kit intake PATH… --partner TARGET`"
            )
        lists = {name: tuple(map(str, json.loads(params.get(name, "[]")))) for name in _LISTS}
        texts = {name: params.get(name, "") for name in _TEXTS}
        return cls(
            paths=lists["paths"],
            checksums=lists["checksums"],
            signatures=lists["signatures"],
            classes=lists["classes"],
            delivered_by=texts["deliveredBy"],
            channel=texts["channel"],
            delivered_at=texts["deliveredAt"],
            keyring=texts["keyring"],
            signer_certificate=texts["signerCertificate"],
            signer_key=texts["signerKey"],
            request=_request(texts["request"]),
        )

    @property
    def stream(self) -> str:
        """Return a name for this delivery, the same whenever it is taken in again."""
        said = strict.encode([self.paths, self.delivered_by, self.channel, self.delivered_at])
        return f"delivery-{hashlib.sha256(said).hexdigest()[:12]}"

    def class_of(self, name: str) -> str:
        """Return the class of evidence of a file: as the operator says, else by its name."""
        for said in self.classes:
            known, _, pattern = said.partition("=")
            if fnmatchcase(name, pattern):
                return known
        return self.request.class_of(name) if self.request else ""


def _request(said: str) -> Request | None:
    try:
        return Request.from_json(strict.decode(said.encode())) if said else None
    except SignatureError as error:
        raise UsageError(f"the request on record cannot be read: {error.message}") from error


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to take: how it is called in the case, where it lies, and what it is there for."""

    name: str
    place: Place
    left: Left
    role: str = DELIVERED


@dataclass(frozen=True, slots=True)
class Listing:
    """All that was delivered, and the proofs given apart. `digest` tells whether it is still the same."""

    items: tuple[Item, ...]

    @property
    def digest(self) -> str:
        """Return a SHA-256 over names, sizes and times."""
        total = hashlib.sha256()
        for item in self.items:
            total.update(strict.encode([item.name, item.left.size, item.left.modified, item.left.plain, item.role]))
        return total.hexdigest()

    def of(self, role: str) -> Iterator[Item]:
        """Yield what is there for one purpose."""
        return (item for item in self.items if item.role == role)

    def signed_by(self, signature: Item) -> Item:
        """Return the file that a detached signature is about; UsageError where nobody can tell."""
        bare = signature.name
        while (end := next((end for end in _SUFFIXES if bare.lower().endswith(end)), "")) and bare != end:
            bare = bare[: -len(end)]
            others = [item for item in self.items if item is not signature]
            beside = [item for item in others if item.name == bare]
            called = beside or [item for item in others if item.name.rpartition("/")[2] == bare.rpartition("/")[2]]
            if len(called) == 1:
                return called[0]
            if called:
                raise UsageError(
                    f"`{signature.name}` may sign any of {len(called)} files of one name",
                    hint="put the signature beside the file that it signs",
                )
        for candidates in (list(self.of(CHECKSUMS)), list(self.of(DELIVERED))):
            if len(candidates) == 1:
                return candidates[0]
        raise UsageError(
            f"which file does `{signature.name}` sign?", hint="call it as that file with its own ending: `FILE.asc`"
        )


def listing(delivery: Delivery, places: Places) -> Listing:
    """Look what lies there, without opening any of it; EmptyError where there is nothing."""
    opened = [places.open(path) for path in delivery.paths]
    items: dict[str, Item] = {}
    for place in opened:
        inside = f"{place.name}/" if place.is_folder and len(opened) > 1 else ""
        for left in place.walk():
            item = Item(f"{inside}{left.name}", place, left)
            if item.name in items:
                raise UsageError(
                    f"two of the files would both be called `{item.name}`", hint="take them in as two deliveries"
                )
            items[item.name] = item
    if not items:
        raise EmptyError("nothing was delivered: there is no file", hint="check the path, or the bucket's prefix")
    for role, paths in (
        (CHECKSUMS, delivery.checksums),
        (SIGNATURE, delivery.signatures),
        (KEYRING, (delivery.keyring,)),
        (CERTIFICATE, (delivery.signer_certificate,)),
        (KEY, (delivery.signer_key,)),
    ):
        for path in filter(None, paths):
            _add(items, opened, places, path, role)
    return Listing(tuple(items[name] for name in sorted(items)))


def _add(items: dict[str, Item], opened: Sequence[Place], places: Places, path: str, role: str) -> None:
    """Note what a proof is: one of the delivered files, or one that is taken beside them."""
    for item in items.values():
        if item.place in opened and item.place.holds(path) == item.left.name:
            items[item.name] = Item(item.name, item.place, item.left, role)
            return
    place = places.open(path)
    if place.is_folder:
        raise UsageError(f"`{path}` is a folder, where a file is wanted")
    left = next(iter(place.walk()))
    name, number = f"proof/{left.name}", 1
    while name in items:
        number += 1
        name = f"proof/{number}/{left.name}"
    items[name] = Item(name, place, left, role)
