"""Fields that several parts of the connector language share."""

from evidence_kit.model.grammar import Field, Shape

NAME = r"[A-Za-z_][A-Za-z0-9_]{0,63}"
SECRET = Field(help="name of a secret; the inventory's target says where it is kept", pattern=NAME, required=True)
TEMPLATE = "`{name}` stands for a value of `params`"

REQUEST_FIELDS = {
    "method": Field(help="`GET`, or `POST` with `reads: true`", among=("GET", "POST")),
    "path": Field(help=f"path below `server`, beginning with `/`; {TEMPLATE}", required=True),
    "query": Field(help=f"query parameters; {TEMPLATE}", kind="values"),
    "headers": Field(help="headers of this request alone", kind="texts"),
    "body": Field(help=f"JSON body of a `POST`; {TEMPLATE}", kind="data"),
    "reads": Field(help="that this `POST` only reads: its body is a query", kind="bool"),
}
REQUEST = Shape(REQUEST_FIELDS)
