"""`partners`: what was agreed, whether they answer, ask them, and receipt what they deliver; a module a command."""

import typer

from evidence_kit.cli import (
    partners_assess,
    partners_check,
    partners_list,
    partners_receipt,
    partners_request,
    partners_test,
)

app = typer.Typer(help="Know and check partners, ask them for evidence and give receipts.", no_args_is_help=True)
app.command("list")(partners_list.list_partners)
app.command("check")(partners_check.check_partners)
app.command("assess")(partners_assess.assess_partners)
app.command("test")(partners_test.check_connector)
app.command("request")(partners_request.request)
receipts = typer.Typer(help="Receipts over what was delivered.", no_args_is_help=True)
receipts.command("write")(partners_receipt.write)
receipts.command("verify")(partners_receipt.verify)
app.add_typer(receipts, name="receipt")
