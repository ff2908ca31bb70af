"""Export of a case, or one bag, as a deterministic and, where there are recipients, encrypted archive."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from evidence_kit.acquire.case import require_sound_log
from evidence_kit.custody import log, names, statement
from evidence_kit.custody.log import Keeper, State
from evidence_kit.errors import UsageError
from evidence_kit.report.transport import tarball
from evidence_kit.report.transport.parcel import Parcel, Scale, Weighed
from evidence_kit.report.transport.recipients import Recipient, encrypt
from evidence_kit.vaults.local import LocalVault

_BAGS, _CUSTODY = "bags", "custody"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be exported, to whom and why."""

    acquisition: str | None = None  # None is the whole case
    recipients: tuple[Recipient, ...] = ()
    purpose: str = ""
    medium: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What was made, and the place of the custody event about it."""

    fields: Mapping[str, object]
    plain: Weighed
    cipher: Weighed | None
    unsealed: tuple[str, ...]
    event: int


def export_bag(vault: LocalVault, keeper: Keeper, destination: Path, order: Order, *, at: datetime) -> Exported:
    """Write the archive and the event about it.

    The event comes before the file gets its name: of the two that a crash can leave, a record without a copy is
    better than a copy without a record. The archive holds the log as it was before.
    """
    if destination.resolve().is_relative_to(vault.root.resolve()):
        raise UsageError(f"`{destination}` lies in the case itself", hint="an export goes elsewhere")
    with vault.lock(), vault.working(), Parcel(destination) as parcel:
        state = require_sound_log(keeper, at=at)
        unsealed = _unsealed(state, order.acquisition)
        plain = _write(vault, state, order, parcel)
        written = parcel.close_up()
        fields: dict[str, object] = {
            "to": "bag",
            "scope": order.acquisition or "case",
            "plain": plain.fields,
            "cipher": written.fields if order.recipients else None,
            "recipients": [recipient.text for recipient in order.recipients],
            "purpose": order.purpose,
            "medium": order.medium,
            "encoder": tarball.encoder(),
        }
        if unsealed:
            fields["unsealed"] = list(unsealed)
        subject = statement.Subject(destination.name, written.sha256)
        after = keeper.append(log.EXPORTED, at=at, subjects=[subject], fields={"export": fields})
        parcel.deliver()
    return Exported(
        fields=fields,
        plain=plain,
        cipher=written if order.recipients else None,
        unsealed=unsealed,
        event=after.tree.size - 1,
    )


def _unsealed(state: State, acquisition: str | None) -> tuple[str, ...]:
    if acquisition is not None and acquisition not in state.acquisitions:
        known = ", ".join(state.acquisitions) or "none yet"
        raise UsageError(f"the case has no acquisition {acquisition[:80]!a}", hint=f"there are: {known}")
    chosen = [acquisition] if acquisition else list(state.acquisitions)
    return tuple(name for name in chosen if state.acquisitions[name].seal_sha256 is None)


def _write(vault: LocalVault, state: State, order: Order, parcel: Parcel) -> Weighed:
    """Pack, hash, encrypt and write in one pass; return what the archive weighs before encryption."""
    scale = Scale()
    packed = tarball.compressed(_archive(vault, state, order.acquisition))
    plain = (scale.add(chunk) for chunk in packed)
    if order.recipients:
        encrypt(plain, parcel.write, order.recipients)
    else:
        for chunk in plain:
            parcel.write(chunk)
    return scale.weighed


def _archive(vault: LocalVault, state: State, acquisition: str | None) -> Iterator[bytes]:
    if acquisition:
        bag = state.acquisitions[acquisition].bag
        return tarball.tar(vault, tarball.paths(vault, [bag]), within=acquisition, inside=f"{bag}/")
    # `case.json` sorts behind `bags` and before `custody`; what is derived or half done stays here.
    return tarball.tar(vault, _whole(vault), within=names.safe_component(state.case), inside="")


def _whole(vault: LocalVault) -> Iterator[str]:
    yield from tarball.paths(vault, [_BAGS])
    yield log.CASE
    yield from tarball.paths(vault, [_CUSTODY])
