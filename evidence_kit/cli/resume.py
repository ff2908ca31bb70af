"""`resume`: continue after a crash, or take up what is still open."""

import typer

from evidence_kit.cli import elsewhere, ordering, output, settings, timestamp


def resume(
    case: str | None = typer.Argument(None, help="The case folder."),
    key: str | None = typer.Option(None, "--key", help="Which of your keys signs."),
    workers: int = typer.Option(256, "--workers", min=1, max=1024, help="How many units run at once."),
    executor: str | None = elsewhere.OPTION,
    connectors: list[str] = ordering.CONNECTORS,
    tsa: list[str] = timestamp.OPTION,
    as_json: bool = typer.Option(False, "--json", help="One JSON document on stdout."),
) -> None:
    """Continue what is not finished.

    An acquisition that was never sealed is continued and sealed; if all are sealed, their open units are
    collected in a new one. Nothing that is complete is asked for again.
    """
    from evidence_kit.acquire.case import read_description
    from evidence_kit.acquire.open_work import find_work
    from evidence_kit.cli import running
    from evidence_kit.sources.catalogue import choose
    from evidence_kit.vaults.local import LocalVault

    folder = settings.required_case(case)
    vault = LocalVault(folder)
    read_description(vault)
    found = find_work(vault)
    output.note(found.summary)
    running.run(
        folder,
        choose(found.order.sources, settings.catalogue(connectors)),
        key=settings.setting("key", key),
        workers=workers,
        as_json=as_json,
        work=found.run,
        tsas=tsa,
        executor=executor,
    )
