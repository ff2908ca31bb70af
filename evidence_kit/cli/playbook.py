"""`playbook`: playbooks found, judged, planned and carried out; a module a command."""

import typer

from evidence_kit.cli import (
    playbooks_answer,
    playbooks_export,
    playbooks_lint,
    playbooks_list,
    playbooks_plan,
    playbooks_run,
    playbooks_runs,
    playbooks_show,
)

app = typer.Typer(help="Carry out playbooks: collect, ask, decide and preserve, on record.", no_args_is_help=True)
app.command("list")(playbooks_list.list_playbooks)
app.command("show")(playbooks_show.show)
app.command("lint")(playbooks_lint.lint)
app.command("plan")(playbooks_plan.plan)
app.command("run")(playbooks_run.run)
app.command("resume")(playbooks_run.resume)
app.command("questions")(playbooks_answer.questions)
app.command("answer")(playbooks_answer.answer)
app.command("runs")(playbooks_runs.runs)
app.command("schema")(playbooks_export.schema)
app.command("export")(playbooks_export.export)
