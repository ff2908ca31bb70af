"""Actions that change a target in order to keep evidence: snapshots, holds, longer retention. None deletes."""
