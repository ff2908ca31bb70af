"""How people write down where a secret is kept: a place, and never the secret."""

SECRET = r"secret://(?:env/[A-Za-z_][A-Za-z0-9_]*|(?:keyring|aws-sm|vault)/[\x21-\x7e]+)"  # noqa: S105 - a place
HINT = (
    "`secret://env/NAME`, `secret://keyring/SERVICE/NAME`, `secret://aws-sm/NAME#FIELD` or "
    "`secret://vault/PATH#FIELD`"
)
