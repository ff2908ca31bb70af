"""Whom connections trust, and how long they wait."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What a client's connections were told; None is for ever."""

    authorities: str  # a PEM file
    connect: float | None  # seconds until there has to be a connection
    read: float | None  # seconds within which something has to come
