"""What goes wrong on the wire, in the words of every sandbox; what is refused has other words in each cloud."""

WIRE = {
    "throttled": {"kind": "throttle"},
    "unavailable": {"kind": "status", "status": 503},
    "short": {"kind": "short"},
    "html": {"kind": "html"},
}
