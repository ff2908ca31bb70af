"""What `collect` and `sources check` are asked alike: which sources, at whom, of which window."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

import typer

from evidence_kit.cli import output, settings
from evidence_kit.cli.files import read_file
from evidence_kit.errors import ProviderError, UsageError
from evidence_kit.model.time import Window, parse_instant
from evidence_kit.model.unit import Target

if TYPE_CHECKING:
    from evidence_kit.acquire.context import World
    from evidence_kit.acquire.scope import Order
    from evidence_kit.governance.inventory import Entry, Inventory
    from evidence_kit.governance.permitted import Refusal
    from evidence_kit.governance.policy import Policy
    from evidence_kit.model.source import SourceSpec


# What `collect` and `sources check` are asked with.
SINCE = typer.Option("1d", "--since", help="Start of the window: RFC 3339, or an age such as `2d`.")
UNTIL = typer.Option(None, "--until", help="End of the window, not included; now without.")
TARGET = typer.Option([], "--target", help="A target of the inventory, by name or id; all without.")
INVENTORY = typer.Option(None, "--inventory", help="Inventory of targets (YAML).")
REGION = typer.Option([], "--region", help="Only these regions.")
PROFILE = typer.Option(None, "--profile", help="AWS profile to use where no inventory says another.")
PARAMS = typer.Option([], "--set", help="A parameter of a source: `name=value`.")
CONNECTORS = typer.Option([], "--connectors", help="A connector of your own, or a folder of them.", metavar="PATH")
POLICY = typer.Option(None, "--policy", help="The organisation's limits (YAML).")
PLACE = typer.Option(None, "--place", help="Where the case lies, as the policy names places: `EU`.")


def window_of(since: str, until: str | None, now: datetime) -> Window:
    """Return the window from `--since` and `--until`; UsageError where it makes no sense."""
    start = parse_instant(since, now=now)
    end = parse_instant(until, now=now) if until else now
    if start > now:
        raise UsageError(f"`--since {since}` lies in the future")
    return Window(start, end)


def params_of(given: Sequence[str], specs: "Mapping[str, SourceSpec]") -> dict[str, str]:
    """Return what `--set` gives; UsageError for a name that no chosen source takes."""
    from evidence_kit.model.document import did_you_mean

    known = {param.name for spec in specs.values() for param in spec.params}
    params: dict[str, str] = {}
    for item in given:
        name, separator, value = item.partition("=")
        if not separator:
            raise UsageError(f"`--set {item}` is not `name=value`")
        if name not in known:
            hint = did_you_mean(name, known) if known else "the chosen sources take none"
            raise UsageError(f"no chosen source has a parameter `{name}`", hint=hint)
        params[name] = value
    return params


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the options of `collect` and `sources check` choose."""

    sources: Sequence[str]
    since: str
    until: str | None
    targets: Sequence[str]
    inventory: str | None
    regions: Sequence[str]
    profile: str | None
    params: Sequence[str]
    connectors: Sequence[str] = ()
    policy: str | None = None
    place: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered:
    """An order, the sources in it, and what stands against carrying it out."""

    order: "Order"
    specs: "Mapping[str, SourceSpec]"
    refusals: "tuple[Refusal, ...]" = ()


def place(asked: Asked) -> Ordered:
    """Make the order that the options ask for; UsageError where they make none."""
    from evidence_kit.acquire.scope import Order
    from evidence_kit.governance.inventory import parse_inventory
    from evidence_kit.governance.permitted import refusals, standing
    from evidence_kit.sources.catalogue import choose

    if not asked.sources:
        raise UsageError("which sources?", hint="`evidence-kit sources list` names them")
    now = settings.now().replace(microsecond=0)
    window = window_of(asked.since, asked.until, now)
    named = settings.setting("inventory", asked.inventory)
    listed = parse_inventory(read_file(named), name=named) if named else None
    providers = {target.provider for target in listed.targets} if listed else {"aws"}
    specs = choose(asked.sources, settings.catalogue(asked.connectors), providers)
    entries, left_out = _entries(specs, asked, listed)
    limits = settings.setting("policy", asked.policy)
    policy = read_policy(limits) if limits else None
    vault = settings.setting("place", asked.place) or ""
    order = Order(
        sources=tuple(specs),
        targets=tuple(entry.target for entry in entries),
        window=window,
        params=params_of(asked.params, specs),
        governance=standing(entries, policy, vault) | ({"leftOut": left_out} if left_out else {}),
    )
    found = refusals(specs.values(), entries, window, at=now, policy=policy, vault=vault)
    return Ordered(order=order, specs=specs, refusals=found)


def planning() -> "World":
    """Return the world in which something is asked that is not yet collected."""
    from evidence_kit.acquire.context import World
    from evidence_kit.acquire.observer import Silent
    from evidence_kit.acquire.pacing import Pacer

    return World(now=settings.now, secret=settings.secret, pacer=Pacer(), observer=Silent())


def read_policy(path: str) -> "Policy":
    """Return an organisation's policy."""
    from evidence_kit.governance.policy import parse_policy

    return parse_policy(read_file(path), name=path)


def require_permitted(ordered: Ordered) -> None:
    """Raise UsageError that names the first clause against the order, and how many others there are."""
    if not ordered.refusals:
        return
    first, *others = ordered.refusals
    for one in others:
        output.note(f"refused   {one.text}")
    raise UsageError(
        f"refused: {first.text}",
        hint="leave it out, or have it approved: `custody approve CASE override`, then `collect … --override REASON`",
    )


def _entries(
    specs: "Mapping[str, SourceSpec]", asked: Asked, listed: "Inventory | None"
) -> "tuple[tuple[Entry, ...], list[dict[str, str]]]":
    """Return whom to ask, the inventory's targets or the caller's own account, and which members cannot be asked."""
    from evidence_kit.governance.inventory import Entry, choose_targets

    left_out: list[dict[str, str]] = []

    if listed is not None:
        found, left_out = _with_members(listed.targets)
        entries = listed.of(choose_targets(found, asked.targets))
    elif others := sorted({spec.provider for spec in specs.values()} - {"aws"}):
        raise UsageError(
            f"which targets? `{others[0]}` sources need an inventory",
            hint="write one, and give it with `--inventory inventory.yaml`; see docs/inventory.md",
        )
    else:
        entries = (Entry(target=_own_account(asked.targets, asked.profile)),)
    if asked.regions:
        chosen = tuple(asked.regions)
        entries = tuple(replace(entry, target=replace(entry.target, regions=chosen)) for entry in entries)
    if any(spec.provider == "aws" for spec in specs.values()):
        from evidence_kit.collectors.aws.regions import require_known

        ours = [entry.target for entry in entries if entry.target.provider == "aws"]
        require_known({region for target in ours for region in target.regions})
    return entries, left_out


def _with_members(targets: tuple[Target, ...]) -> tuple[tuple[Target, ...], list[dict[str, str]]]:
    """Add an organisation's accounts where the inventory names a role to assume; return who cannot be asked."""
    if not any("memberRole" in target.access for target in targets):
        return targets, []
    from evidence_kit.acquire.context import UnitContext
    from evidence_kit.collectors.aws.access import AwsAccess
    from evidence_kit.collectors.aws.accounts import with_members
    from evidence_kit.model.exchange import Stop
    from evidence_kit.model.source import Limit
    from evidence_kit.model.unit import Unit

    whole = Unit(source="inventory", target=targets[0])
    # The accounts themselves are evidence only where `aws.organizations.accounts` collects them.
    ctx = UnitContext(world=planning(), limit=Limit(rps=5), unit=whole, record=lambda _: None)
    try:
        found, closed = with_members(targets, AwsAccess(), ctx)
    except Stop as stop:
        raise ProviderError(f"the organisation's accounts cannot be listed: {stop.reason}") from stop
    for member in closed:
        output.note(f"left out  {member.target.label}: the account is {member.state.lower()} and cannot be asked")
    return found, [{"id": one.target.id, "name": one.target.name, "state": one.state} for one in closed]


def _own_account(names: Sequence[str], profile: str | None) -> Target:
    from evidence_kit.collectors.aws.access import caller_account

    account = caller_account(profile)
    if names and tuple(names) != (account,):
        raise UsageError(
            f"target `{names[0]}` is not the account of your credentials ({account})",
            hint="name other targets in an inventory: `--inventory inventory.yaml`",
        )
    return Target(provider="aws", id=account, access={"profile": profile} if profile else {})
