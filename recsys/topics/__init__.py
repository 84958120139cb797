"""Topics: a tree over unit rows, and what its topics are called."""
