"""Unit rows made searchable, and published as immutable snapshots."""
