"""Questions that responders ask, kept as data: one `.sql` file each, its parameters bound and never pasted in."""

from evidence_kit.analysis.pivots.loading import Parameter, Pivot, load_pivots, parse_pivot, pivot

__all__ = ["Parameter", "Pivot", "load_pivots", "parse_pivot", "pivot"]
