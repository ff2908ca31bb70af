"""evidence-kit: collect evidence from clouds and partner APIs so that it stands up afterwards."""

__version__ = "0.1.0"
