"""`sources`: what can be collected, and what it takes."""

from collections import Counter
from collections.abc import Iterator

import typer

from evidence_kit.cli import output
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.time import spelled

app = typer.Typer(help="What can be collected, and what it takes.", no_args_is_help=True)


@app.command("list")
def list_sources(
    provider: str = typer.Option("", "--provider", help="Only sources of this provider."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document on stdout."),
) -> None:
    """List every source."""
    from evidence_kit.sources.catalogue import load_catalogue

    specs = [spec for spec in load_catalogue().values() if provider in {"", spec.provider}]
    if as_json:
        output.document([_fields(spec) for spec in specs])
        return
    width = max((len(spec.name) for spec in specs), default=0)
    for spec in specs:
        output.data(f"{spec.name:{width}}  {spec.summary}")
    counts = Counter(spec.provider for spec in specs)
    said = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
    output.note(f"{output.plural(len(specs), 'source')}: {said}" if specs else "no sources")


@app.command("show")
def show(
    name: str = typer.Argument(..., help="Which source."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document on stdout."),
) -> None:
    """Show what a source brings, which permissions and parameters it takes, and how fast it may be asked."""
    from evidence_kit.sources.catalogue import choose, load_catalogue

    spec = choose([name], load_catalogue())[name]
    if as_json:
        output.document(_fields(spec))
        return
    output.data(f"{spec.name}: {spec.summary}\n")
    for label, value in _facts(spec):
        output.data(f"{label:13}{value}")
    for param in spec.params:
        output.data(f"{'parameter':13}--set {param.name}=…  {param.help}")
        if param.price:
            output.data(f"{'':13}  {param.price}")
        if param.permissions:
            output.data(f"{'':13}  also takes {', '.join(param.permissions)}")


@app.command("permissions")
def permissions(
    names: list[str] = typer.Argument(None, help="Which sources; all of `--provider` without."),
    provider: str = typer.Option("", "--provider", help="Only what this provider grants."),
    bucket: list[str] = typer.Option(
        None, "--bucket", help="AWS: the only buckets whose log files may be read; repeat for more.", metavar="NAME"
    ),
    playbook: str = typer.Option("", "--playbook", help="A playbook: all that it, and those that it calls, collect."),
    form: str = typer.Option(
        "json", "--format", help="json; for a role in AWS also cloudformation or terraform.", metavar="FORMAT"
    ),
) -> None:
    """Print the least that each provider must grant.

    One JSON document: an IAM policy for AWS, a custom role for Google Cloud, a role and application permissions for
    Microsoft. What is more than one policy of AWS may hold comes as several; all of them are needed.
    """
    from evidence_kit.errors import UsageError
    from evidence_kit.governance import aws_roles
    from evidence_kit.governance.permissions import documents
    from evidence_kit.sources.catalogue import choose, load_catalogue

    forms = {"json": None, "cloudformation": aws_roles.cloudformation, "terraform": aws_roles.terraform}
    if form not in forms:
        raise UsageError(f"unknown format `{form}`", hint=f"one of: {', '.join(forms)}")
    if not names and not provider and not playbook:
        raise UsageError("which sources?", hint="name some, or all of one provider with `--provider aws`")
    known = load_catalogue()
    wanted = [*(names or ()), *(_of_playbook(playbook) if playbook else ())]
    chosen = choose(wanted, known) if wanted else known
    made = documents((spec for spec in chosen.values() if provider in {"", spec.provider}), buckets=bucket or ())
    policies = [one for name, one in made.items() if name.split("-")[0] == "aws"]
    if len(policies) > 1:
        output.note(f"AWS: {len(policies)} policies, each as long as IAM allows; the role needs all of them")
    if write := forms[form]:
        if not policies:
            raise UsageError(
                "none of these sources is of AWS", hint="CloudFormation and Terraform make a role of AWS"
            )
        output.data(write(policies))
        return
    output.document(made)


def _of_playbook(name: str) -> Iterator[str]:
    """Yield the sources that a playbook names, and those that it calls."""
    from evidence_kit.playbook.library import Library

    book = Library()
    waiting, seen = [name], set[str]()
    while waiting:
        found = book.find(waiting.pop())
        if found.id in seen:
            continue
        seen.add(found.id)
        for step in found.steps:
            yield from step.fields.get("sources", ())
            waiting += [step.fields["playbook"]] if step.type == "playbook" else []


def _facts(spec: SourceSpec) -> list[tuple[str, str]]:
    limit = f"{spec.limit.rps:g} requests a second for each {' and '.join(spec.limit.per)}"
    kept = f"{spelled(spec.retention)} at the provider" if spec.retention else "as long as the provider is told to"
    return [
        ("provider", spec.provider),
        ("scope", f"one unit a {spec.scope}" + (", by window" if spec.windowed else ", as it is now")),
        ("permissions", ", ".join(spec.permissions)),
        ("limit", limit),
        (
            "settles",
            f"{int(spec.settle.total_seconds() // 60)} minutes after the event" if spec.settle else "at once",
        ),
        ("kept", kept),
        ("documented", spec.docs),
        ("digest", f"sha256:{spec.digest}"),
    ]


def _fields(spec: SourceSpec) -> dict[str, object]:
    return {
        "name": spec.name,
        "provider": spec.provider,
        "summary": spec.summary,
        "scope": spec.scope,
        "windowed": spec.windowed,
        "permissions": list(spec.permissions),
        "limit": {"rps": spec.limit.rps, "per": list(spec.limit.per)},
        "settleSeconds": int(spec.settle.total_seconds()),
        "retentionDays": spec.retention.days if spec.retention else None,
        "retentionSeconds": int(spec.retention.total_seconds()) if spec.retention else None,
        "params": [
            {
                "name": p.name,
                "help": p.help,
                "required": p.required,
                "price": p.price,
                "permissions": list(p.permissions),
            }
            for p in spec.params
        ],
        "docs": spec.docs,
        "digest": spec.digest,
    }
