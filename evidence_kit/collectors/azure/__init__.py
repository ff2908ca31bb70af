"""Microsoft: Entra and Microsoft 365 through Graph, Azure through Resource Manager, and their logs."""
