"""Telling an address from the name of a service that stands in its place."""

import ipaddress


def is_ip(text: str) -> bool:
    """Say whether a text is an IP address, and one without a zone, which other tools do not take for one."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text
