"""The only SQL of the package: papers, author slots, tombstones and vectors, on SQLite or PostgreSQL."""
