"""Rows and edges in, ranked answers out. Pure functions over arrays."""
